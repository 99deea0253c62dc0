// SPDX-License-Identifier: ISC
/*
 * Threads. So far there is one, the boot thread.
 *
 * %fs points at the running thread's struct, directly above its copy of the
 * program's __thread variables (variant II of the ELF TLS layout).
 */
#ifndef RT_THREAD_H
#define RT_THREAD_H

#include <stddef.h>
#include <stdint.h>

struct _reent;

struct thread {
    struct thread *self;  // at %fs:0, by the x86-64 ABI
    struct _reent *reent; // the C library's per-thread state
    char *stack_top;      // one past the stack's highest byte
    uint64_t pad[2];
    uintptr_t stack_canary; // at %fs:0x28, for -fstack-protector
};
_Static_assert(offsetof(struct thread, self) == 0, "x86-64 ABI");
_Static_assert(offsetof(struct thread, stack_canary) == 0x28, "gcc");

static inline struct thread *thread_self(void)
{
    struct thread *t;
    __asm__("mov %%fs:0, %0" : "=r"(t));
    return t;
}

// Bytes for a thread's struct and its __thread variables, aligned as needed.
size_t thread_block_len(void);

// Makes the caller the boot thread, living in `block` of that length.
void thread_boot(void *block, char *stack_top);

#endif
