// SPDX-License-Identifier: ISC
// Barriers and spin locks.
#include "unikernel-runtime/libc/pthread_thread.h"

#include <errno.h>
#include <pthread.h>

int pthread_barrier_init(pthread_barrier_t *b,
                         const pthread_barrierattr_t *attr, unsigned needed)
{
    (void)attr;
    if (!needed)
        return EINVAL;
    *b = (pthread_barrier_t){.__needed = needed};
    return 0;
}

int pthread_barrier_destroy(pthread_barrier_t *b)
{
    return b->__arrived ? EBUSY : 0;
}

// The others touch nothing of it once woken, so the last may destroy it.
int pthread_barrier_wait(pthread_barrier_t *b)
{
    struct waitq *q = waitq_of(&b->__waiters);
    sched_lock();
    int last = ++b->__arrived == b->__needed;
    if (last) {
        b->__arrived = 0;
        sched_wake_all(q);
    } else {
        while (sched_wait(q, SCHED_NEVER) < 0)
            continue; // a signal
    }
    sched_unlock();
    return last ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}

int pthread_barrierattr_init(pthread_barrierattr_t *attr)
{
    *attr = (pthread_barrierattr_t){0};
    return 0;
}

int pthread_barrierattr_destroy(pthread_barrierattr_t *attr)
{
    (void)attr;
    return 0;
}

int pthread_barrierattr_setpshared(pthread_barrierattr_t *attr, int shared)
{
    (void)attr;
    return shared == PTHREAD_PROCESS_PRIVATE || shared == PTHREAD_PROCESS_SHARED
               ? 0
               : EINVAL;
}

int pthread_barrierattr_getpshared(const pthread_barrierattr_t *attr,
                                   int *shared)
{
    (void)attr;
    *shared = PTHREAD_PROCESS_PRIVATE;
    return 0;
}

// ------------------------------------------------------------- spin locks

int pthread_spin_init(pthread_spinlock_t *l, int shared)
{
    (void)shared;
    *l = 0;
    return 0;
}

int pthread_spin_destroy(pthread_spinlock_t *l)
{
    (void)l;
    return 0;
}

int pthread_spin_trylock(pthread_spinlock_t *l)
{
    return __atomic_exchange_n(l, 1, __ATOMIC_ACQUIRE) ? EBUSY : 0;
}

// Its holder cannot run while we spin on the one processor.
int pthread_spin_lock(pthread_spinlock_t *l)
{
    while (pthread_spin_trylock(l)) {
        sched_lock();
        sched_turn();
        sched_unlock();
    }
    return 0;
}

int pthread_spin_unlock(pthread_spinlock_t *l)
{
    __atomic_store_n(l, 0, __ATOMIC_RELEASE);
    return 0;
}
