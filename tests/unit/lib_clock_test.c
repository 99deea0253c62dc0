// SPDX-License-Identifier: ISC
// The real clock is set, by little and by much, ahead and back.
#include <string.h>
#include "lib/clock.h"
#include "lib/clock_watch.h"
#include "tests/unit/clock_shift.h"
#include "tests/unit/lib_check.h"

#define NS_PER_S 1000000000ll

// How far the believed time is from the real one, in whole seconds; and the
// step in *step_s.
static int64_t off_s(struct clock_watch *w, int64_t *step_s)
{
    int64_t step_ns, ns = (int64_t)clock_watch_ns(w, &step_ns);

    // The clock runs meanwhile.
    *step_s = (step_ns + (step_ns < 0 ? -NS_PER_S : NS_PER_S) / 2) / NS_PER_S;
    return (ns - (int64_t)clock_real_ns() - NS_PER_S / 2) / NS_PER_S;
}

static void test_small(void)
{
    struct clock_watch w;
    int64_t step;

    shift_set_ns = 0;
    clock_watch_begin(&w, 0);
    CHECK(off_s(&w, &step) == 0 && step == 0);
    shift_pass_ns += 10 * SHIFT_DAY_NS; // it was idle
    CHECK(off_s(&w, &step) == 0 && step == 0);
    shift_set_ns += NS_PER_S; // a leap second
    CHECK(off_s(&w, &step) == 0 && step == 0);
    shift_set_ns += 2 * SHIFT_HOUR_NS;
    CHECK(off_s(&w, &step) == 0 && step == 7200);
    CHECK(off_s(&w, &step) == 0 && step == 0); // told once
    shift_set_ns -= 3 * SHIFT_HOUR_NS;
    CHECK(off_s(&w, &step) == 0 && step == -10800);
    shift_set_ns -= 300 * SHIFT_DAY_NS; // back: at once, however far
    CHECK(off_s(&w, &step) == 0 && step == -300 * 86400);
    CHECK(!clock_watch_doubts(&w));
}

static void test_large(void)
{
    struct clock_watch w;
    int64_t step;

    shift_set_ns = 0;
    clock_watch_begin(&w, 0);
    shift_set_ns = 1000 * SHIFT_DAY_NS;
    CHECK(off_s(&w, &step) == -1000 * 86400 && step == 1000 * 86400);
    CHECK(clock_watch_doubts(&w));
    shift_pass_ns += SHIFT_HOUR_NS / 2;
    CHECK(off_s(&w, &step) == -1000 * 86400 && step == 0); // time goes on
    shift_set_ns = 0;                                      // it was a mistake
    CHECK(off_s(&w, &step) == 0 && step == -1000 * 86400);
    CHECK(!clock_watch_doubts(&w));
    shift_set_ns = 2 * SHIFT_DAY_NS;
    CHECK(off_s(&w, &step) == -2 * 86400);
    shift_pass_ns += 59 * SHIFT_HOUR_NS / 60;
    CHECK(off_s(&w, &step) == -2 * 86400);
    shift_pass_ns += 2 * SHIFT_HOUR_NS / 60;
    CHECK(off_s(&w, &step) == 0 && step == 0); // and now it is none
    CHECK(!clock_watch_doubts(&w));
}

// A time that is known to be past, when the program starts.
static void test_known(void)
{
    struct clock_watch w;
    int64_t step;

    shift_set_ns = 0;
    clock_watch_begin(&w, clock_real_ns() - SHIFT_DAY_NS / 2);
    CHECK(off_s(&w, &step) == 0 && !clock_watch_doubts(&w));
    clock_watch_begin(&w, clock_real_ns() + SHIFT_DAY_NS); // the clock is wrong
    CHECK(off_s(&w, &step) == 0 && !clock_watch_doubts(&w));
    clock_watch_begin(&w, clock_real_ns() - 9 * SHIFT_DAY_NS);
    CHECK(off_s(&w, &step) == -9 * 86400 && clock_watch_doubts(&w));
    CHECK(step == 0);
    shift_pass_ns += 2 * SHIFT_HOUR_NS;
    CHECK(off_s(&w, &step) == 0 && !clock_watch_doubts(&w));
}

static void test_text(void)
{
    char text[CLOCK_SPAN_TEXT];

    CHECK(!strcmp(clock_span_text(text, 7 * NS_PER_S), "7 s"));
    CHECK(!strcmp(clock_span_text(text, 125 * NS_PER_S), "2 min 5 s"));
    CHECK(!strcmp(clock_span_text(text, 7260 * NS_PER_S), "2 h 1 min"));
    CHECK(!strcmp(clock_span_text(text, 90000 * NS_PER_S), "1 d 1 h"));
    clock_span_text(text, UINT64_MAX);
}

int main(void)
{
    test_small();
    test_large();
    test_known();
    test_text();
    return 0;
}
