// SPDX-License-Identifier: ISC
// Locks that somebody waits for.
#include "unikernel-runtime/kernel/lock.h"

#include <errno.h>

int lock_take_slowly(struct lock *l, uint64_t deadline_ns)
{
    int r = 0;
    sched_lock();
    while (__atomic_exchange_n(&l->word, LOCK_WANTED, __ATOMIC_ACQUIRE) !=
           LOCK_FREE) {
        r = sched_wait(&l->waiters, deadline_ns);
        if (r == -ETIMEDOUT)
            break;
        r = 0;
    }
    sched_unlock();
    return r;
}

int lock_release_wait(struct lock *l, struct waitq *q, uint64_t deadline_ns)
{
    if (__atomic_exchange_n(&l->word, LOCK_FREE, __ATOMIC_RELEASE) ==
        LOCK_WANTED)
        sched_wake(&l->waiters);
    return sched_wait_point(q, deadline_ns);
}

void lock_give_slowly(struct lock *l)
{
    sched_lock();
    __atomic_store_n(&l->word, LOCK_FREE, __ATOMIC_RELEASE);
    sched_wake(&l->waiters);
    sched_unlock();
}
