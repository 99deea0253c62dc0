// SPDX-License-Identifier: ISC
/*
 * How long the way between a guest and its monitor is: abi_latency KIND.
 *
 *   doorbell  there and back: the guest rings, waits, and is woken with the
 *             answer (the runstate call)
 *   upcall    from a timer's deadline to the handler's first look at the clock
 *             in a guest that computes
 *
 * Prints the median of SAMPLES in nanoseconds.
 */
#include "tests/domain/abi.h"

#define SAMPLES     2001
#define INTERVAL_NS 200000

static uint64_t sample[SAMPLES];
static volatile uint64_t count;
static uint64_t deadline;

void upcall_entry(void);
void upcall_handle(void);

__asm__(".globl upcall_entry\n"
        "upcall_entry:\n"
        "  push %rax; push %rcx; push %rdx; push %rbp; push %rsi; push %rdi\n"
        "  push %r8; push %r9; push %r10; push %r11\n"
        "  mov %rsp, %rbp\n"
        "  and $-16, %rsp\n"
        "  call upcall_handle\n"
        "  mov %rbp, %rsp\n"
        "  pop %r11; pop %r10; pop %r9; pop %r8\n"
        "  pop %rdi; pop %rsi; pop %rbp; pop %rdx; pop %rcx; pop %rax\n"
        "  jmp *upcall_iret(%rip)\n");
static const uint64_t upcall_iret __attribute__((used)) = HV_IRET(0);

__attribute__((target("general-regs-only"))) void upcall_handle(void)
{
    uint64_t now = abi_real_ns();

    __atomic_store_n(&VCPU->upcall_pending, 0, __ATOMIC_SEQ_CST);
    if (!(__atomic_exchange_n(&VCPU->pending, 0, __ATOMIC_SEQ_CST) &
          1ull << HV_PORT_TIMER))
        return;
    if (count < SAMPLES)
        sample[count++] = now > deadline ? now - deadline : 0;
    deadline = abi_real_ns() + INTERVAL_NS;
    abi_timer(deadline);
}

static void measure_doorbell(void)
{
    for (; count < SAMPLES; count++) {
        uint64_t start = abi_real_ns();

        abi_runstate();
        sample[count] = abi_real_ns() - start;
    }
}

static void measure_upcall(void)
{
    VCPU->mask = ~(1ull << HV_PORT_TIMER);
    abi_setup(HV_SETUP_UPCALL, upcall_entry);
    abi_unmask();
    deadline = abi_real_ns() + INTERVAL_NS;
    abi_timer(deadline);
    while (count < SAMPLES)
        ;
    VCPU->upcall_mask = 1;
}

static uint64_t median(void)
{
    for (int i = 1; i < SAMPLES; i++) {
        uint64_t v = sample[i];
        int j = i;

        for (; j > 0 && sample[j - 1] > v; j--)
            sample[j] = sample[j - 1];
        sample[j] = v;
    }
    return sample[SAMPLES / 2];
}

void guest_main(void)
{
    if (abi_arg(1)[0] == 'd')
        measure_doorbell();
    else
        measure_upcall();
    abi_number(median());
    abi_print("\n");
}
