// SPDX-License-Identifier: ISC
// The guest's clock: right when started, never set back when corrected, and
// slowed when it is ahead; its time of day is the host's.

#include <x86intrin.h>

#include "hypervisor/monitor/guest_clock.h"
#include "lib/clock.h"
#include "tests/unit/clock_shift.h"
#include "tests/unit/lib_check.h"

static uint64_t guest_reads(const struct hv_time *t, uint64_t tsc)
{
    return t->base_ns +
           (uint64_t)(((unsigned __int128)(tsc - t->tsc_base) * t->mul) >>
                      t->shift);
}

// A clock that runs, with its last correction long ago.
static void start(struct guest_clock *c, struct hv_time *t)
{
    *c = (struct guest_clock){0};
    *t = (struct hv_time){0};
    clock_sample(&c->origin);
    guest_clock_start(c, t, clock_mono_ns() - 5000000000u);
    c->synced_mono_ns = 0;
}

#define MS 1000000u

int main(void)
{
    struct guest_clock c;
    struct hv_time t;
    uint64_t before, rate, shown;

    start(&c, &t);
    CHECK(t.version == 2 && t.mul == c.rate);
    shown = guest_reads(&t, __rdtsc());
    CHECK(shown >= 5000u * MS && shown < 65000ull * MS);
    CHECK(guest_clock_mono_ns(&c, 0) == c.start_mono_ns);
    CHECK(guest_clock_mono_ns(&c, 7) == c.start_mono_ns + 7);
    CHECK(guest_clock_mono_ns(&c, UINT64_MAX) == UINT64_MAX);

    // Behind by a second: it is put right at once.
    t.base_ns -= 1000 * MS;
    before = guest_reads(&t, __rdtsc());
    guest_clock_sync(&c, &t);
    CHECK(t.version == 4);
    CHECK(guest_reads(&t, __rdtsc()) >= before + 1000 * MS);

    // Ahead by a second: not set back, but slower from now on.
    start(&c, &t);
    t.base_ns += 1000 * MS;
    before = guest_reads(&t, __rdtsc());
    guest_clock_sync(&c, &t);
    rate = c.rate;
    CHECK(guest_reads(&t, __rdtsc()) >= before);
    CHECK(t.mul < rate && t.mul >= rate - rate / 1000);

    // Called again soon after it does nothing.
    guest_clock_sync(&c, &t);
    CHECK(t.version == 4);

    // Somebody sets the host's clock: the guest's time of day follows, and what
    // counts from its start does not.
    before = guest_reads(&t, __rdtsc());
    shift_set_ns = -2 * SHIFT_HOUR_NS;
    c.synced_mono_ns = 0;
    guest_clock_sync(&c, &t);
    CHECK(guest_reads(&t, __rdtsc()) >= before);
    CHECK(t.base_ns + t.wall_offset_ns <= clock_real_ns());
    CHECK(t.base_ns + t.wall_offset_ns > clock_real_ns() - SHIFT_HOUR_NS);

    // Parameters that a guest has forged end nothing but its own clock.
    t.mul = UINT64_MAX;
    t.tsc_base = UINT64_MAX;
    c.synced_mono_ns = 0;
    guest_clock_sync(&c, &t);
    CHECK(t.mul <= c.rate && t.mul > 0);
    return 0;
}
