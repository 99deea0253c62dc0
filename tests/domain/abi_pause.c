// SPDX-License-Identifier: ISC
// What a guest sees of being paused and of being asked to end; the host's part
// is tests/domain/pause_test.c.
//
//     abi_pause tick   says a dot every 2 ms until it is asked to end: then
//                      its status is 42, or it asks to be rebooted
//     abi_pause once   waits for one timer, and ends with status 7
#include "tests/domain/abi.h"

static uint64_t last_ns;

// Real time is never set back, a pause or not.
static uint64_t now_ns(void)
{
    uint64_t ns = abi_real_ns();

    CHECK(ns >= last_ns);
    last_ns = ns;
    return ns;
}

// Waits, upcalls masked, for an event; returns and takes what came.
static uint64_t await(void)
{
    abi_call(HV_CALL_BLOCK, 0, 0, 0, 0);
    __atomic_store_n(&VCPU->upcall_pending, 0, __ATOMIC_SEQ_CST);
    return __atomic_exchange_n(&VCPU->pending, 0, __ATOMIC_SEQ_CST);
}

static void asked(void)
{
    uint32_t action =
        __atomic_load_n(&SHARED->control.action, __ATOMIC_ACQUIRE);

    SHARED->control.action_done = action;
    if (action == HV_ACTION_SHUTDOWN)
        abi_exit(42);
    if (action == HV_ACTION_REBOOT)
        abi_call(HV_CALL_SHUTDOWN, HV_SHUTDOWN_REBOOT, 0, 0, 0);
}

static void once(void)
{
    uint64_t due_ns = now_ns() + 20000000;

    abi_timer(due_ns);
    abi_print("set\n");
    while (!(await() & 1ull << HV_PORT_TIMER))
        ;
    CHECK(now_ns() >= due_ns);
    abi_exit(7);
}

void guest_main(void);
void guest_main(void)
{
    if (abi_arg(1)[0] == 'o')
        once();
    for (;;) {
        abi_timer(now_ns() + 2000000);
        if (await() & 1ull << HV_PORT_CONTROL)
            asked();
        abi_print(".");
    }
}
