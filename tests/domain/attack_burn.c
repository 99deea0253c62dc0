// SPDX-License-Identifier: ISC
// Uses CPU without end, in ways that might hide it from a budget:
// attack_burn spin | traps | doorbell | console | pages | block | int3 |
// handled (int3, with a handler) | flag (the trap flag, with a handler).

#include "tests/domain/abi.h"

void trap_entry(void);

// Returns to the trapping instruction, which traps again.
__asm__(".globl trap_entry\n"
        "trap_entry:\n"
        "  movl $0, 0x2084cc\n" // shared_info.trap_busy
        "  add $24, %rsp\n"
        "  iretq\n");
_Static_assert(HV_SHARED_INFO_VA +
                       __builtin_offsetof(struct hv_shared_info, trap_busy) ==
                   0x2084cc,
               "trap_busy");

void guest_main(void)
{
    volatile uint8_t *ram = (volatile uint8_t *)HV_RAM_VA;

    switch (abi_arg(1)[0]) {
    case 's':
        for (;;)
            ;
    case 't':
        abi_setup(HV_SETUP_TRAP, trap_entry);
        __asm__ volatile("ud2");
        break;
    case 'd':
        for (;;) {
            SHARED->host_asleep = 1;
            abi_notify(HV_PORT_CONTROL);
        }
    case 'c':
        for (;;)
            abi_print("all work and no play makes a dull domain\n");
    case 'p':
        for (;;) {
            for (uint64_t at = 0; at < 256 * HV_PAGE; at += HV_PAGE)
                ram[at] = 1;
            abi_memory(HV_MEM_RELEASE, HV_RAM_VA, 256 * HV_PAGE, 0);
        }
    case 'b':
        for (;;) {
            abi_timer(1);
            abi_block();
            VCPU->pending = 0;
        }
    case 'h':
        abi_setup(HV_SETUP_TRAP, trap_entry);
        // fallthrough
    case 'i':
        __asm__ volatile("int3");
        break;
    case 'f':
        abi_setup(HV_SETUP_TRAP, trap_entry);
        __asm__ volatile("pushfq; orq $0x100, (%rsp); popfq; nop; nop");
        break;
    }
    abi_exit(99);
}
