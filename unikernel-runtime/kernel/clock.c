// SPDX-License-Identifier: ISC
/*
 * The clocks: real and wall time come from the TSC and the parameters that
 * the host keeps in shared_info, without leaving the guest.
 */
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/arch/x86_64/cpu.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/lock.h"

#include <stddef.h>
#include <time.h>

static inline __attribute__((always_inline)) uint64_t
real_and_offset(uint64_t *wall_offset_ns)
{
    const volatile struct hv_time *t = &shared_info->time;
    uint32_t version;
    uint64_t ns;
    do {
        version = __atomic_load_n(&t->version, __ATOMIC_ACQUIRE);
        uint64_t ticks = cpu_tsc() - t->tsc_base;
        unsigned __int128 product = (unsigned __int128)ticks * t->mul;
        uint8_t shift = t->shift; // 1 to 63
        ns = t->base_ns + ((uint64_t)product >> shift |
                           (uint64_t)(product >> 64) << (64 - shift));
        *wall_offset_ns = t->wall_offset_ns;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (version % 2 || version != t->version);
    return ns;
}

uint64_t clock_real_ns(void)
{
    uint64_t offset;
    return real_and_offset(&offset);
}

uint64_t clock_wall_ns(void)
{
    uint64_t offset;
    uint64_t real = real_and_offset(&offset);
    return real + offset;
}

uint64_t clock_virtual_ns(void)
{
    return hv_runstate_ns();
}

/*
 * The second that each clock was in when it was last read: while it is still
 * in that one there is nothing to divide, and a reader that was interrupted
 * at most divides once more.
 */
static uint64_t real_second, wall_second;

static inline __attribute__((always_inline)) struct timespec
split(uint64_t ns, uint64_t *second)
{
    uint64_t s = __atomic_load_n(second, __ATOMIC_RELAXED);
    uint64_t rest = ns - s * NS_PER_S;
    if (rest >= NS_PER_S) {
        s = ns / NS_PER_S;
        rest = ns % NS_PER_S;
        __atomic_store_n(second, s, __ATOMIC_RELAXED);
    }
    return (struct timespec){s, rest};
}

int clock_real(struct timespec *ts)
{
    uint64_t offset;
    *ts = split(real_and_offset(&offset), &real_second);
    return 0;
}

int clock_wall(struct timespec *ts)
{
    uint64_t offset, real = real_and_offset(&offset);
    *ts = split(real + offset, &wall_second);
    return 0;
}

int clock_sleep_until(uint64_t deadline_ns)
{
    while (clock_real_ns() < deadline_ns) {
        sched_lock();
        int r = sched_wait_point(NULL, deadline_ns);
        sched_unlock();
        if (wait_was_handled(r))
            return r;
    }
    return 0;
}
