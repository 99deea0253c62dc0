// SPDX-License-Identifier: ISC
// The domain's clocks; see guest_clock.h.

#include "hypervisor/monitor/guest_clock.h"

#include <x86intrin.h>

#include "lib/clock.h"

#define RATE_SHIFT 32
// A rate measured over less is too coarse: 2 ms give about 20 ppm, which the
// first sync betters.
#define MEASURE_NS 2000000u
#define SYNC_NS    1000000000u
// The most a clock that is ahead is slowed, in parts per million.
#define SLEW_PPM 500u

void clock_sample(struct clock_sample *s)
{
    uint64_t best = UINT64_MAX;

    // The pair read closest together: the process may be interrupted between.
    for (int i = 0; i < 5; i++) {
        uint64_t before = __rdtsc(), ns = clock_mono_ns(), after = __rdtsc();

        if (after - before < best) {
            best = after - before;
            s->tsc = before + best / 2;
            s->mono_ns = ns;
        }
    }
}

static void measure(struct guest_clock *c, struct clock_sample *now)
{
    do
        clock_sample(now);
    while (now->mono_ns - c->origin.mono_ns < MEASURE_NS);
    c->rate = (uint64_t)(((unsigned __int128)(now->mono_ns - c->origin.mono_ns)
                          << RATE_SHIFT) /
                         (now->tsc - c->origin.tsc));
}

static void publish(struct hv_time *t, uint64_t tsc, uint64_t real_ns,
                    uint64_t mul)
{
    uint32_t version = t->version | 1;

    __atomic_store_n(&t->version, version, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    t->shift = RATE_SHIFT;
    t->tsc_base = tsc;
    t->base_ns = real_ns;
    t->mul = mul;
    t->wall_offset_ns = clock_real_ns() - real_ns;
    __atomic_store_n(&t->version, version + 1, __ATOMIC_RELEASE);
}

void guest_clock_start(struct guest_clock *c, struct hv_time *t,
                       uint64_t start_mono_ns)
{
    struct clock_sample now;

    measure(c, &now);
    c->start_mono_ns = start_mono_ns;
    c->synced_mono_ns = now.mono_ns;
    publish(t, now.tsc, now.mono_ns - start_mono_ns, c->rate);
}

void guest_clock_resume(struct guest_clock *c, struct hv_time *t)
{
    uint64_t shown, true_ns, mul;
    struct clock_sample now;

    measure(c, &now);
    // What the guest sees at this moment, by the old parameters. Those in
    // shared memory may be forged, but then only the forger is confused.
    shown = t->base_ns +
            (uint64_t)(((unsigned __int128)(now.tsc - t->tsc_base) * t->mul) >>
                       RATE_SHIFT);
    true_ns = now.mono_ns - c->start_mono_ns;
    mul = c->rate;
    if (shown > true_ns)
        mul -= mul / 1000000 * SLEW_PPM;
    else
        shown = true_ns;
    c->synced_mono_ns = now.mono_ns;
    publish(t, now.tsc, shown, mul);
}

void guest_clock_sync(struct guest_clock *c, struct hv_time *t)
{
    if (clock_mono_ns() - c->synced_mono_ns >= SYNC_NS)
        guest_clock_resume(c, t);
}

uint64_t guest_clock_mono_ns(const struct guest_clock *c, uint64_t real_ns)
{
    return real_ns > UINT64_MAX - c->start_mono_ns ? UINT64_MAX
                                                   : c->start_mono_ns + real_ns;
}
