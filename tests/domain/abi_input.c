// SPDX-License-Identifier: ISC
// Copies its console input to its console output until there is no more,
// blocking for events in between.

#include "tests/domain/abi.h"

static char byte_buffer[HV_CONSOLE_IN];

void guest_main(void)
{
    struct hv_console *c = CONSOLE;

    for (;;) {
        uint32_t n = 0, cons = c->in_cons, used;
        bool eof;

        __atomic_store_n(&VCPU->upcall_pending, 0, __ATOMIC_SEQ_CST);
        __atomic_store_n(&VCPU->pending, 0, __ATOMIC_SEQ_CST);
        eof = __atomic_load_n(&c->in_eof, __ATOMIC_ACQUIRE);
        used = __atomic_load_n(&c->in_prod, __ATOMIC_ACQUIRE) - cons;
        CHECK(used <= HV_CONSOLE_IN);
        while (n < used)
            byte_buffer[n++] = c->in[cons++ % HV_CONSOLE_IN];
        __atomic_store_n(&c->in_cons, cons, __ATOMIC_RELEASE);
        if (used > HV_CONSOLE_IN / 2)
            abi_notify(HV_PORT_CONSOLE);
        if (n == 0 && eof)
            return;
        if (n == 0)
            abi_block();
        abi_write(byte_buffer, n);
    }
}
