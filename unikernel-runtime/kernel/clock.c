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

static uint64_t real_and_offset(uint64_t *wall_offset_ns)
{
    const volatile struct hv_time *t = &shared_info->time;
    uint32_t version;
    uint64_t ns;
    do {
        version = __atomic_load_n(&t->version, __ATOMIC_ACQUIRE);
        uint64_t ticks = cpu_tsc() - t->tsc_base;
        ns = t->base_ns +
             (uint64_t)((unsigned __int128)ticks * t->mul >> t->shift);
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

int clock_sleep_until(uint64_t deadline_ns)
{
    while (clock_real_ns() < deadline_ns) {
        sched_lock();
        int r = sched_wait(NULL, deadline_ns);
        sched_unlock();
        if (wait_was_handled(r))
            return r;
    }
    return 0;
}
