// SPDX-License-Identifier: ISC
/*
 * Traps while upcalls come: each trap is told once, of the instruction that
 * made it, however many upcalls came while it was on its way. The argument is
 * the number of upcalls.
 */
#include "tests/domain/abi.h"

#define INTERVAL_NS 5000
#define NOWHERE     0x2345

struct trap_frame {
    uint64_t vector, error, address;
    uint64_t rip, cs, rflags, rsp, ss;
};

static uint64_t upcalls, traps, wrong;
// Of the trap that is to come.
static uint64_t trap_at __attribute__((used));
static uint64_t resume_at __attribute__((used));
static uint64_t vector;

void trap_entry(void);
void upcall_entry(void);
void trap_handle(struct trap_frame *);
void upcall_handle(void);

#define SAVE                                                                   \
    "push %rax; push %rcx; push %rdx; push %rbp\n"                             \
    "push %rsi; push %rdi; push %r8; push %r9; push %r10; push %r11\n"         \
    "lea 80(%rsp), %rdi\n"                                                     \
    "mov %rsp, %rbp\n"                                                         \
    "and $-16, %rsp\n"
#define RESTORE                                                                \
    "mov %rbp, %rsp\n"                                                         \
    "pop %r11; pop %r10; pop %r9; pop %r8; pop %rdi; pop %rsi\n"               \
    "pop %rbp; pop %rdx; pop %rcx; pop %rax\n"

__asm__(".globl trap_entry\n"
        "trap_entry:\n" SAVE "call trap_handle\n" RESTORE "add $24, %rsp\n"
        "iretq\n"
        ".globl upcall_entry\n"
        "upcall_entry:\n" SAVE "call upcall_handle\n" RESTORE
        "jmp *upcall_iret(%rip)\n");
static const uint64_t upcall_iret __attribute__((used)) = HV_IRET(0);

__attribute__((target("general-regs-only"))) void
trap_handle(struct trap_frame *f)
{
    traps++;
    if (f->rip != trap_at || f->vector != vector ||
        (vector == 14 && f->address != NOWHERE))
        wrong++;
    f->rip = resume_at;
    __atomic_store_n(&SHARED->trap_busy, 0, __ATOMIC_RELEASE);
}

__attribute__((target("general-regs-only"))) void upcall_handle(void)
{
    __atomic_store_n(&VCPU->upcall_pending, 0, __ATOMIC_SEQ_CST);
    __atomic_exchange_n(&VCPU->pending, 0, __ATOMIC_SEQ_CST);
    upcalls++;
    abi_timer(abi_real_ns() + INTERVAL_NS);
}

// Runs one instruction that traps; the handler resumes after it.
#define PROVOKE(instruction)                                                   \
    __asm__ volatile("lea 1f(%%rip), %%rax\n"                                  \
                     "mov %%rax, trap_at(%%rip)\n"                             \
                     "lea 2f(%%rip), %%rax\n"                                  \
                     "mov %%rax, resume_at(%%rip)\n"                           \
                     "1:" instruction "\n2:"                                   \
                     :                                                         \
                     : [nowhere] "i"(NOWHERE)                                  \
                     : "rax", "memory", "cc")

__attribute__((target("general-regs-only"))) void guest_main(void)
{
    const uint64_t target = abi_arg_number(1);
    uint64_t rounds = 0;

    CHECK(target > 0);
    CHECK(abi_setup(HV_SETUP_TRAP, trap_entry) == 0);
    CHECK(abi_setup(HV_SETUP_UPCALL, upcall_entry) == 0);
    abi_unmask();
    abi_timer(abi_real_ns() + INTERVAL_NS);
    while (__atomic_load_n(&upcalls, __ATOMIC_RELAXED) < target) {
        vector = 14;
        PROVOKE("movb $1, %c[nowhere]");
        vector = 6;
        PROVOKE("ud2");
        rounds++;
    }
    CHECK(wrong == 0);
    CHECK(traps == 2 * rounds);
    abi_print("traps told once\n");
}
