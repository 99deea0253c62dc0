// SPDX-License-Identifier: ISC
// Writes into shared memory what a guest never should: attack_forge WHAT.

#include "tests/domain/abi.h"

static bool is(const char *what)
{
    const char *s = abi_arg(1);

    while (*s && *s == *what)
        s++, what++;
    return *s == *what;
}

static __attribute__((noreturn)) void wait(void)
{
    for (;;)
        abi_block();
}

// A doorbell counter so full that it takes no more.
static void jam_doorbell(void)
{
    static const uint64_t most = 0xfffffffffffffffe;
    long r;

    __asm__ volatile("syscall"
                     : "=a"(r)
                     : "a"(1), "D"(0), "S"(&most), "d"(8)
                     : "rcx", "r11", "memory");
}

static void scribble(void)
{
    uint32_t *const at[] = {(uint32_t *)SHARED, (uint32_t *)HV_WINDOW_VA};
    uint64_t x = 88172645463325252ull;

    for (int i = 0; i < 100000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        // Not the words by which it would end itself.
        if ((x >> 20) % 1024 < 312)
            at[x >> 8 & 1][(x >> 20) % 1024] = x >> 32;
        abi_notify(x % HV_PORT_MAX);
    }
}

static void upcalls_on_stack(uint64_t rsp)
{
    VCPU->upcall_entry = 0x5000; // nothing there either
    abi_unmask();
    abi_timer(abi_real_ns() + 20000000); // when the stack is set, surely
    __asm__ volatile("mov %0, %%rsp\n1: jmp 1b" : : "r"(rsp));
}

// A trap with the stack pointer, and the handler, where they should not be.
static void trap_with(uint64_t entry, uint64_t rsp)
{
    VCPU->trap_entry = entry;
    __asm__ volatile("mov %0, %%rsp\nud2" : : "r"(rsp));
}

// Pv keeps the outermost handler's context at the signal stack's far end, in
// the guest's power: a lie there must hurt only the guest.
#define SIGNAL_STACK     (HV_ENGINE_VA + 0x4000)
#define SIGNAL_STACK_END (HV_ENGINE_VA + HV_ENGINE_LEN)
static void lie_to_handler(uint64_t context)
{
    *(uint64_t *)SIGNAL_STACK = context;
    VCPU->trap_entry = HV_IMAGE_BASE;
    upcalls_on_stack(SIGNAL_STACK_END - 0x2000);
}

void guest_main(void)
{
    if (is("console-out")) {
        CONSOLE->out_prod += 1000000;
        abi_notify(HV_PORT_CONSOLE);
        wait();
    }
    if (is("console-in")) {
        CONSOLE->in_cons += 1000000;
        abi_notify(HV_PORT_CONSOLE);
        wait();
    }
    if (is("host-awake")) { // the host never sleeps, it says
        SHARED->host_asleep = 0;
        abi_print("still heard\n");
        SHARED->host_asleep = 0;
        abi_exit(3);
    }
    if (is("doorbell-jammed")) {
        jam_doorbell();
        abi_print("still heard\n");
        abi_exit(4);
    }
    if (is("trap")) {
        SHARED->trap.vector = 77;
        SHARED->trap.regs.rsp = 0xffffffffffffff00;
        SHARED->trap.regs.rbp = 0xffff800000000000;
        SHARED->trap.regs.rip = HV_SETUP_VA;
        SHARED->trap.valid = 1;
        abi_notify(HV_PORT_CONTROL);
        wait();
    }
    if (is("shutdown")) {
        SHARED->shutdown_reason = 99;
        abi_notify(HV_PORT_CONTROL);
        wait();
    }
    if (is("timer")) { // deadlines at the ends of the range
        abi_timer(0xffffffffffffffff);
        abi_timer(0x8000000000000000);
        abi_timer(1);
        abi_block();
        abi_exit(5);
    }
    if (is("upcall-entry"))
        upcalls_on_stack(HV_RAM_VA + 4096);
    if (is("upcall-stack"))
        upcalls_on_stack(0x100);
    if (is("upcall-stack-high"))
        upcalls_on_stack(0xffff888000000000);
    if (is("trap-entry"))
        trap_with(0x5000, HV_RAM_VA + 4096);
    if (is("trap-stack"))
        trap_with(HV_IMAGE_BASE, 0x100);
    if (is("trap-on-signal-stack"))
        trap_with(HV_IMAGE_BASE, SIGNAL_STACK_END - 0x1000);
    if (is("context-wild"))
        lie_to_handler(0x1000);
    if (is("context-kernel"))
        lie_to_handler(0xffffffff81000000);
    if (is("context-own"))
        lie_to_handler(HV_RAM_VA);
    if (is("scribble")) {
        scribble();
        abi_exit(6);
    }
    abi_exit(99);
}
