// SPDX-License-Identifier: ISC
// When somebody sets the real clock.
//
// The real clock and the one that counts from the machine's boot go at the same
// pace (the kernel corrects both), so what the first gains on the second is a
// step: somebody has set it. A small step, or one back, is believed at once. A
// step ahead of more than a day is more often a mistake than not, and much that
// follows it cannot be undone: what is older than some days is deleted, and
// what was written then is of the future when the clock is set back. So it is
// believed when it has lasted for an hour; until then time goes on as it did.
//
// A watch belongs to one thread.

#ifndef LIB_CLOCK_WATCH_H
#define LIB_CLOCK_WATCH_H

#include <stdbool.h>
#include <stdint.h>

// Less is nobody's doing: a leap second, or a reading that took long.
#define CLOCK_STEP_MIN_NS (1500ull * 1000000u)

// What is not believed at once, and until when.
#define CLOCK_DOUBT_NS  (86400ull * 1000000000u)
#define CLOCK_DOUBT_FOR (3600ull * 1000000000u)

struct clock_watch {
    uint64_t real_ns, boot_ns; // believed, and when that was
    uint64_t seen_ns;          // the real clock, as it was read then
    uint64_t doubted_boot_ns;  // since then it is not believed; 0: it is
};

// From here on. known_ns: a time that is past for certain, such as that of the
// newest thing that was written; 0: none is known. A clock that is more than a
// day ahead of it is not believed yet.
void clock_watch_begin(struct clock_watch *w, uint64_t known_ns);

// The real time that is believed, ns since 1970. *step_ns (may be NULL): by how
// much the clock was set since the last call, 0: it was not.
uint64_t clock_watch_ns(struct clock_watch *w, int64_t *step_ns);

static inline bool clock_watch_doubts(const struct clock_watch *w)
{
    return w->doubted_boot_ns != 0;
}

// "3 d 4 h", "2 h 5 min", "7 s": so much of it.
#define CLOCK_SPAN_TEXT 32
char *clock_span_text(char out[CLOCK_SPAN_TEXT], uint64_t ns);

// Logs a step, if there is one: what `who` does about it is its own sentence.
void clock_step_log(const struct clock_watch *w, int64_t step_ns);

#endif
