// SPDX-License-Identifier: ISC
/*
 * A lock for which a thread sleeps. Free when it is all zeros. Whoever gives
 * it touches nothing of it after another thread could have taken it, so that
 * one may free a lock that one has just given.
 */
#ifndef RT_LOCK_H
#define RT_LOCK_H

#include "unikernel-runtime/kernel/sched.h"
#include "unikernel-runtime/kernel/thread.h"

#include <errno.h>

struct lock {
    uint32_t word; // enum lock_word
    struct waitq waiters;
};

/*
 * lock_take and lock_give are for the runtime's own data: while a thread holds
 * such a lock no signal handler runs in it, since that might want the same.
 * Locks that belong to the program or the C library use lock_acquire and
 * lock_release.
 */
enum lock_word { LOCK_FREE = 0, LOCK_TAKEN, LOCK_WANTED };

// 0, or -ETIMEDOUT.
int lock_take_slowly(struct lock *l, uint64_t deadline_ns);
void lock_give_slowly(struct lock *l);

static inline int lock_try(struct lock *l)
{
    uint32_t free = LOCK_FREE;
    return __atomic_compare_exchange_n(&l->word, &free, LOCK_TAKEN, 0,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void lock_acquire(struct lock *l)
{
    if (!lock_try(l))
        lock_take_slowly(l, SCHED_NEVER);
}

static inline void lock_release(struct lock *l)
{
    uint32_t taken = LOCK_TAKEN;
    if (!__atomic_compare_exchange_n(&l->word, &taken, LOCK_FREE, 0,
                                     __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        lock_give_slowly(l);
}

static inline void lock_take(struct lock *l)
{
    thread_self()->locks++;
    lock_acquire(l);
}

static inline void lock_give(struct lock *l)
{
    lock_release(l);
    struct thread *self = thread_self();
    if (--self->locks == 0 && self->signalled)
        sched_work_now();
}

// After a wait that ended with `r` and the scheduler's lock given back: was it
// ended by a handler, by one that does not want the call begun again?
static inline int wait_was_handled(int r)
{
    return r == -EINTR && thread_self()->handled != HANDLED_NONE;
}

static inline int wait_was_broken(int r)
{
    return r == -EINTR && thread_self()->handled == HANDLED_BREAK;
}

// Scheduler locked: gives `l`, which was acquired, and sleeps as
// sched_wait_point.
int lock_release_wait(struct lock *l, struct waitq *q, uint64_t deadline_ns);

#endif
