// SPDX-License-Identifier: ISC
/*
 * Event channels on the one virtual processor.
 *
 * event_dispatch() runs inside upcalls, which save general registers only:
 * this file and every handler are compiled with -mgeneral-regs-only.
 */
#include "unikernel-runtime/kernel/event.h"
#include "unikernel-runtime/kernel/end.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/pages.h"
#include "unikernel-runtime/kernel/sched.h"
#include "unikernel-runtime/kernel/timeout.h"

#include <stddef.h>

#define vcpu (&shared_info->vcpu[0])

// An exit status says "ended by signal n" as the shell would.
#define STATUS_SIGTERM (128 + 15)

void (*event_terminate)(void);

static void control_changed(unsigned port)
{
    (void)port;
    uint32_t action = shared_info->control.action;
    pages_limit = shared_info->control.balloon_kib * 1024;
    shared_info->control.action_done = action;
    switch ((enum hv_action)action) {
    case HV_ACTION_SHUTDOWN:
        if (event_terminate) {
            event_terminate();
            return;
        }
        end_soon(HV_SHUTDOWN_POWEROFF, STATUS_SIGTERM);
        break;
    case HV_ACTION_REBOOT:
        end_soon(HV_SHUTDOWN_REBOOT, 0);
        break;
    case HV_ACTION_SUSPEND:
        end_soon(HV_SHUTDOWN_SUSPEND, 0);
        break;
    case HV_ACTION_NONE:
    case HV_ACTION_BALLOON:
        break;
    }
}

#define PORTS (HV_PORT_DEVICE + HV_DEVICE_MAX)

static event_handler *handlers[PORTS] = {
    [HV_PORT_TIMER] = timeout_event,
    [HV_PORT_CONTROL] = control_changed,
};
static struct waitq waiters[PORTS];
static struct waitq pollers;

void (*event_work)(void);

#define PORTS_AT_BOOT                                                          \
    (1ull << HV_PORT_TIMER | 1ull << HV_PORT_CONSOLE | 1ull << HV_PORT_CONTROL)

void event_init(void)
{
    vcpu->mask = ~PORTS_AT_BOOT;
    hv_setup(HV_SETUP_UPCALL, event_upcall_entry);
    events_unmask();
}

void event_bind(unsigned port, event_handler *handler)
{
    handlers[port] = handler;
    __atomic_fetch_and(&vcpu->mask, ~(1ull << port), __ATOMIC_SEQ_CST);
}

void event_dispatch(void)
{
    for (;;) {
        // Cleared before looking, or an event between the two would be lost.
        __atomic_exchange_n(&vcpu->upcall_pending, 0, __ATOMIC_SEQ_CST);
        uint64_t ready = vcpu->pending & ~vcpu->mask;
        if (!ready)
            return;
        unsigned port = __builtin_ctzll(ready);
        __atomic_fetch_and(&vcpu->pending, ~(1ull << port), __ATOMIC_SEQ_CST);
        if (handlers[port])
            handlers[port](port);
        sched_wake_all(&waiters[port]);
        if (port != HV_PORT_TIMER)
            event_announce();
    }
}

// A store is enough: upcalls come to this processor, in its own order.
void events_mask(void)
{
    vcpu->upcall_mask = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

// The exchange is a fence: the look at upcall_pending must come after it.
void events_unmask(void)
{
    for (;;) {
        if (event_work)
            event_work();
        __atomic_exchange_n(&vcpu->upcall_mask, 0, __ATOMIC_SEQ_CST);
        if (!vcpu->upcall_pending)
            return;
        events_mask();
        event_dispatch();
    }
}

int event_wait(unsigned port)
{
    return sched_wait(&waiters[port], SCHED_NEVER);
}

int event_wait_point(unsigned port)
{
    return sched_wait_point(&waiters[port], SCHED_NEVER);
}

int event_wait_any(uint64_t deadline_ns)
{
    return sched_wait_point(&pollers, deadline_ns);
}

void event_announce(void)
{
    sched_wake_all(&pollers);
}

void event_block(void)
{
    hv_block();
    event_dispatch();
}
