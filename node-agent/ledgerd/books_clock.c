// SPDX-License-Identifier: ISC
// The clock that the books go by; see ledgerd.h. The process has one thread and
// one ledger, whose library asks for the time without saying for whom.

#include "lib/clock_watch.h"
#include "lib/log.h"
#include "node-agent/ledgerd/ledgerd.h"

static struct clock_watch watch;
static int64_t step_ns; // that the log has not told yet

void books_clock_begin(void)
{
    clock_watch_begin(&watch, 0);
    step_ns = 0;
}

uint64_t books_clock_ns(void)
{
    int64_t step;
    uint64_t now_ns = clock_watch_ns(&watch, &step);

    step_ns += step;
    return now_ns;
}

void books_clock_look(struct ledgerd *d)
{
    uint64_t behind_ns = ledger_behind_ns(d->ledger);
    char text[CLOCK_SPAN_TEXT];

    clock_step_log(&watch, step_ns);
    step_ns = 0;
    if (d->behind == (behind_ns >= CLOCK_STEP_MIN_NS))
        return;
    d->behind = !d->behind;
    if (!d->behind)
        log_info("the clock has reached the newest entry of the books");
    else if (behind_ns <= LEDGER_BACK_NS)
        log_warn("the clock is %s behind the newest entry of the books, which "
                 "have its time until the clock is there",
                 clock_span_text(text, behind_ns));
    else
        log_error("the clock is %s behind the newest entry of the books, more "
                  "than a day: one of them is wrong. New entries have the "
                  "clock's time; set the clock if that is what is wrong",
                  clock_span_text(text, behind_ns));
}
