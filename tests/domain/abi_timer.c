// SPDX-License-Identifier: ISC
// Blocking until a timer: it never fires early, a cancelled one not at all,
// and real time goes forward. No upcalls: events are only waited for.

#include "tests/domain/abi.h"

static bool take(unsigned port)
{
    uint64_t bit = 1ull << port;

    __atomic_store_n(&VCPU->upcall_pending, 0, __ATOMIC_SEQ_CST);
    return __atomic_fetch_and(&VCPU->pending, ~bit, __ATOMIC_SEQ_CST) & bit;
}

void guest_main(void)
{
    uint64_t last = abi_real_ns(), virtual_ns = abi_runstate();

    // Nothing else may end a block.
    VCPU->mask = ~(1ull << HV_PORT_TIMER);
    for (int i = 0; i < 200; i++) {
        uint64_t deadline = abi_real_ns() + 50000;

        abi_timer(deadline);
        // The host's clock may be ahead of ours by its measuring error.
        while (abi_real_ns() + 1000 < deadline) {
            CHECK(abi_block() == 0);
            CHECK(take(HV_PORT_TIMER));
        }
        CHECK(abi_real_ns() >= last);
        last = abi_real_ns();
    }

    // A timer in the past fires at once.
    abi_timer(1);
    CHECK(abi_block() == 0);
    CHECK(take(HV_PORT_TIMER));

    // One that is cancelled leaves the second to fire.
    abi_timer(abi_real_ns() + 3600000000000ull);
    abi_timer(0);
    abi_timer(abi_real_ns() + 1000000);
    CHECK(abi_block() == 0);
    CHECK(take(HV_PORT_TIMER));

    // Waiting used less of virtual time than of real time.
    CHECK(abi_runstate() >= virtual_ns);
    CHECK(abi_runstate() < abi_real_ns());
    abi_print("timers kept\n");
}
