// SPDX-License-Identifier: ISC
// Steps of the real clock; see clock_watch.h.

#include "lib/clock_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include "lib/clock.h"
#include "lib/log.h"

void clock_watch_begin(struct clock_watch *w, uint64_t known_ns)
{
    w->boot_ns = clock_boot_ns();
    w->real_ns = w->seen_ns = clock_real_ns();
    w->doubted_boot_ns = 0;
    if (!known_ns || w->real_ns <= known_ns + CLOCK_DOUBT_NS)
        return;
    w->real_ns = known_ns;
    w->doubted_boot_ns = w->boot_ns;
}

uint64_t clock_watch_ns(struct clock_watch *w, int64_t *step_ns)
{
    uint64_t boot_ns = clock_boot_ns(), now_ns = clock_real_ns();
    uint64_t passed_ns = boot_ns - w->boot_ns;
    uint64_t expected_ns = w->real_ns + passed_ns;
    int64_t step = (int64_t)(now_ns - (w->seen_ns + passed_ns));

    if (step_ns)
        *step_ns = (uint64_t)llabs(step) < CLOCK_STEP_MIN_NS ? 0 : step;
    w->seen_ns = now_ns;
    w->boot_ns = boot_ns;
    if (now_ns <= expected_ns + CLOCK_DOUBT_NS) {
        w->doubted_boot_ns = 0;
    } else if (!w->doubted_boot_ns) {
        w->doubted_boot_ns = boot_ns;
    } else if (boot_ns - w->doubted_boot_ns >= CLOCK_DOUBT_FOR) {
        w->doubted_boot_ns = 0;
    }
    w->real_ns = w->doubted_boot_ns ? expected_ns : now_ns;
    return w->real_ns;
}

char *clock_span_text(char out[CLOCK_SPAN_TEXT], uint64_t ns)
{
    unsigned long long s = ns / 1000000000u;

    if (s >= 86400)
        snprintf(out, CLOCK_SPAN_TEXT, "%llu d %llu h", s / 86400,
                 s / 3600 % 24);
    else if (s >= 3600)
        snprintf(out, CLOCK_SPAN_TEXT, "%llu h %llu min", s / 3600,
                 s / 60 % 60);
    else if (s >= 60)
        snprintf(out, CLOCK_SPAN_TEXT, "%llu min %llu s", s / 60, s % 60);
    else
        snprintf(out, CLOCK_SPAN_TEXT, "%llu s", s);
    return out;
}

void clock_step_log(const struct clock_watch *w, int64_t step_ns)
{
    char text[CLOCK_SPAN_TEXT];

    if (!step_ns)
        return;
    clock_span_text(text, (uint64_t)llabs(step_ns));
    if (clock_watch_doubts(w))
        log_error("the clock was set ahead by %s: this is believed when it has "
                  "lasted for an hour, or when hosteld is reloaded; if it is "
                  "wrong, set it right before",
                  text);
    else
        log_warn("the clock was set %s by %s", step_ns < 0 ? "back" : "ahead",
                 text);
}
