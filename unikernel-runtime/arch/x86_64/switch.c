// SPDX-License-Identifier: ISC
// From one stack to another.
#include "unikernel-runtime/arch/x86_64/cpu.h"

// What cpu_switch leaves on a stack, lowest address first.
struct frame {
    uint32_t mxcsr;
    uint16_t x87_control, pad;
    uint64_t r15, r14, r13, r12, rbx, rbp;
    void (*entry)(void);
    uint64_t end; // a return address that is none; keeps the stack aligned
};

#define MXCSR_INIT 0x1f80
#define X87_INIT   0x37f

__attribute__((naked)) void cpu_switch(uint64_t *save, uint64_t load)
{
    (void)save, (void)load;
    __asm__ volatile("push %rbp; push %rbx; push %r12; push %r13\n"
                     "push %r14; push %r15\n"
                     "sub $8, %rsp\n"
                     "stmxcsr (%rsp)\n"
                     "fnstcw 4(%rsp)\n"
                     "mov %rsp, (%rdi)\n"
                     "mov %rsi, %rsp\n"
                     "ldmxcsr (%rsp)\n"
                     "fldcw 4(%rsp)\n"
                     "add $8, %rsp\n"
                     "pop %r15; pop %r14; pop %r13; pop %r12\n"
                     "pop %rbx; pop %rbp\n"
                     "ret\n");
}

uint64_t cpu_stack_init(void *top, void (*entry)(void))
{
    struct frame *f = (struct frame *)((uintptr_t)top & -16ul) - 1;
    *f = (struct frame){
        .mxcsr = MXCSR_INIT, .x87_control = X87_INIT, .entry = entry};
    return (uint64_t)f;
}
