// SPDX-License-Identifier: ISC
/*
 * Threads.
 *
 * %fs points at the running thread's struct, directly above its copy of the
 * program's __thread variables (variant II of the ELF TLS layout). The boot
 * thread's are in the frame of boot(); another's are, with its stack, in
 * pages of its own, from the lowest address:
 *
 *     guard (no access), stack, __thread variables, struct thread, _reent
 */
#ifndef RT_THREAD_H
#define RT_THREAD_H

#include "unikernel-runtime/kernel/sched.h"
#include "unikernel-runtime/kernel/timeout.h"

#include <stddef.h>
#include <stdint.h>

struct _reent;
struct malloc_cache;
struct _pthread_cleanup_context;

// What handlers of signals have run; the stronger counts.
enum thread_handled { HANDLED_NONE = 0, HANDLED_RESTART, HANDLED_BREAK };

enum thread_policy { THREAD_OTHER = 0, THREAD_FIFO, THREAD_RR };

struct thread {
    struct thread *self;  // at %fs:0, by the x86-64 ABI
    struct _reent *reent; // the C library's per-thread state
    char *stack_top;      // one past the stack's highest byte
    uint64_t sp;          // while it does not run
    uint64_t cpu_ns;      // for which it ran, before it last got the processor
    uintptr_t stack_canary; // at %fs:0x28, for -fstack-protector

    // The scheduler's (sched.c).
    struct waitq *queue; // the one it is in, or NULL
    struct thread *next, *prev;
    struct timeout timeout;
    int wait_result;
    uint8_t handled;   // enum thread_handled: since its last wait began
    uint8_t signalled; // a signal is to be delivered to it (libc/signal.c)
    unsigned locks;    // of the runtime that it holds (lock.h)
    uint8_t waiting;   // in sched_wait, perhaps in no queue
    uint8_t priority;
    uint8_t policy; // enum thread_policy

    // Its life (thread.c).
    uint8_t detached, ended;
    char *pages; // NULL for the boot thread and one on a stack of the program's
    size_t pages_len, guard_len;
    void *(*start)(void *);
    void *argument, *result;
    struct waitq joiners;
    struct thread *older, *younger; // among all there are

    // What POSIX adds (libc/pthread*.c).
    void **specific;                          // by key, from the first use
    struct _pthread_cleanup_context *cleanup; // handlers, the latest first
    void (*at_end)(void); // called by the thread when it ends, or NULL
    struct malloc_cache *malloc_cache; // libc/malloc.c
    char name[16];
    // Each is written by one side only, so that none is lost (libc/cancel.h).
    uint8_t cancel_asked; // by pthread_cancel: to end at a cancellation point
    uint8_t cancel_off, cancel_async;     // the thread's own state and type
    uint8_t cancel_point;                 // it is in one
    uint64_t signal_mask, signal_pending; // bit s: signal s
};
_Static_assert(offsetof(struct thread, self) == 0, "x86-64 ABI");
_Static_assert(offsetof(struct thread, stack_canary) == 0x28, "gcc");

static inline struct thread *thread_self(void)
{
    struct thread *t;
    __asm__ volatile("mov %%fs:0, %0" : "=r"(t));
    return t;
}

// Is the running thread in a cancellation point and to end there?
static inline int thread_is_cancelled(const struct thread *self)
{
    return self->cancel_asked && self->cancel_point && !self->cancel_off;
}

// Bytes for a thread's struct and its __thread variables, aligned as needed.
size_t thread_block_len(void);

// Makes the caller the boot thread, living in `block` of that length.
void thread_boot(void *block, char *stack_top);

struct thread_plan {
    void *(*start)(void *);
    void *argument;
    void *stack; // the program's own, or NULL
    size_t stack_len, guard_len;
    uint8_t detached, priority, policy;
    uint8_t serves; // the runtime: gets no signals, keeps no program alive
};

// A new thread, ready to run: 0; or -ENOMEM. *out is set before it runs.
int thread_create(struct thread **out, const struct thread_plan *plan);

// Ends the caller. The last one to end ends the program, with status 0.
_Noreturn void thread_end(void *result);

// Waits for the end of `t`, which nobody else waits for, and frees it. 0, or
// -ETIMEDOUT, -EINTR (the caller is cancelled) or an error of POSIX's
// pthread_join.
int thread_join(struct thread *t, void **result, uint64_t deadline_ns);

// All threads that have not been freed, each the `older` of the one before;
// the scheduler's lock guards the list.
extern struct thread *thread_youngest;

// Called by a thread when it ends, once there is something to give back.
extern void (*thread_malloc_end)(struct thread *self);

// `t` is freed when it ends, or at once if it has.
int thread_detach(struct thread *t);

#endif
