// SPDX-License-Identifier: ISC
// Traps of the program, as signals.
#ifndef RT_TRAP_H
#define RT_TRAP_H

#include <stdint.h>

// Registers as trap_entry pushes them, above them what the hypervisor did.
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error, address;
    uint64_t rip, cs, rflags, rsp, ss;
};

// From now on traps become signals.
void trap_init(void);

// Where the hypervisor delivers a trap (arch/).
void trap_entry(void);

// Runs the handler; when it returns, the instruction is tried again.
void trap_handle(struct trap_frame *f);

#endif
