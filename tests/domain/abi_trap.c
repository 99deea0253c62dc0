// SPDX-License-Identifier: ISC
// Traps reach the guest's own handler, which sees what happened, repairs it
// and goes on. Without a handler the domain dies: argument "die".

#include "tests/domain/abi.h"

struct trap_frame {
    uint64_t vector, error, address;
    uint64_t rip, cs, rflags, rsp, ss;
};

static struct trap_frame seen;
static uint64_t traps;
static uint64_t resume_at __attribute__((used)); // set by PROVOKE

void trap_entry(void);
void trap_handle(struct trap_frame *);

__asm__(".globl trap_entry\n"
        "trap_entry:\n"
        "  push %rax; push %rcx; push %rdx; push %rbp\n"
        "  push %rsi; push %rdi; push %r8; push %r9; push %r10; push %r11\n"
        "  lea 80(%rsp), %rdi\n"
        "  mov %rsp, %rbp\n"
        "  and $-16, %rsp\n"
        "  call trap_handle\n"
        "  mov %rbp, %rsp\n"
        "  pop %r11; pop %r10; pop %r9; pop %r8; pop %rdi; pop %rsi\n"
        "  pop %rbp; pop %rdx; pop %rcx; pop %rax\n"
        "  add $24, %rsp\n"
        "  iretq\n");

void trap_handle(struct trap_frame *f)
{
    seen = *f;
    traps++;
    f->rip = resume_at;
    __atomic_store_n(&SHARED->trap_busy, 0, __ATOMIC_RELEASE);
}

// Runs one instruction that traps; the handler resumes after it.
#define PROVOKE(instruction)                                                   \
    __asm__ volatile("lea 1f(%%rip), %%rax\n"                                  \
                     "mov %%rax, resume_at(%%rip)\n" instruction "\n1:"        \
                     :                                                         \
                     :                                                         \
                     : "rax", "rcx", "rdx", "memory", "cc")

void guest_main(void)
{
    if (abi_arg(1)[0] == 'd')
        *(volatile char *)0x1234 = 1;
    CHECK(abi_setup(HV_SETUP_TRAP, trap_entry) == 0);

    PROVOKE("ud2");
    CHECK(traps == 1 && seen.vector == 6);
    CHECK(seen.cs == HV_CS && seen.ss == HV_SS);

    PROVOKE("xor %%edx, %%edx; xor %%ecx, %%ecx; mov $1, %%eax; div %%ecx");
    CHECK(traps == 2 && seen.vector == 0);

    PROVOKE("movb $1, 0x2345");
    CHECK(traps == 3 && seen.vector == 14 && seen.address == 0x2345);
    CHECK((seen.error & 3) == 2); // a write, nothing there

    PROVOKE("mov 0x201000, %%rax; movb $1, 0x201000");
    CHECK(traps == 4 && seen.vector == 14 && (seen.error & 3) == 3);

    PROVOKE("hlt");
    CHECK(traps == 5 && seen.vector == 13);

    for (int i = 0; i < 1000; i++)
        PROVOKE("ud2");
    CHECK(traps == 1005);
    abi_print("traps handled\n");
}
