// SPDX-License-Identifier: ISC
/*
 * Condition variables. The mutex is given and the wait begun under the
 * scheduler's lock, so no signal falls between the two; a woken thread
 * touches nothing of the variable, which may be gone by then.
 */
#include "unikernel-runtime/libc/cancel.h"
#include "unikernel-runtime/libc/deadline.h"
#include "unikernel-runtime/libc/pthread_mutex.h"
#include "unikernel-runtime/libc/pthread_thread.h"

#include <errno.h>
#include <pthread.h>

static int cond_wait(pthread_cond_t *c, pthread_mutex_t *m,
                     uint64_t deadline_ns)
{
    if (m->__type != PTHREAD_MUTEX_NORMAL && !mutex_is_mine(m))
        return -EPERM;
    struct lock *lock = mutex_lock_of(m);
    unsigned depth = m->__depth;
    m->__depth = 0;
    m->__owner = NULL;

    sched_lock();
    int r = lock_release_wait(lock, waitq_of(&c->__waiters), deadline_ns);
    sched_unlock();

    // The mutex is held again whatever has ended the wait.
    lock_acquire(lock);
    m->__owner = thread_self();
    m->__depth = depth;
    return r;
}

static int cond_wait_point(pthread_cond_t *c, pthread_mutex_t *m,
                           uint64_t deadline_ns)
{
    uint8_t before = cancel_enter();
    int r = cancel_leave(before, cond_wait(c, m, deadline_ns));
    return r == -EINTR ? 0 : -r;
}

int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
    return cond_wait_point(c, m, SCHED_NEVER);
}

int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m,
                           const struct timespec *until)
{
    uint64_t deadline_ns;
    int r = deadline_of(until, c->__monotonic, &deadline_ns);
    return r < 0 ? -r : cond_wait_point(c, m, deadline_ns);
}

int pthread_cond_signal(pthread_cond_t *c)
{
    struct waitq *q = waitq_of(&c->__waiters);
    if (!__atomic_load_n(&q->first, __ATOMIC_ACQUIRE))
        return 0;
    sched_lock();
    sched_wake(q);
    sched_unlock();
    return 0;
}

int pthread_cond_broadcast(pthread_cond_t *c)
{
    struct waitq *q = waitq_of(&c->__waiters);
    if (!__atomic_load_n(&q->first, __ATOMIC_ACQUIRE))
        return 0;
    sched_lock();
    sched_wake_all(q);
    sched_unlock();
    return 0;
}

int pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *attr)
{
    *c = (pthread_cond_t){.__monotonic = attr ? attr->__monotonic : 0};
    return 0;
}

int pthread_cond_destroy(pthread_cond_t *c)
{
    return waitq_of(&c->__waiters)->first ? EBUSY : 0;
}

int pthread_condattr_init(pthread_condattr_t *attr)
{
    *attr = (pthread_condattr_t){0};
    return 0;
}

int pthread_condattr_destroy(pthread_condattr_t *attr)
{
    (void)attr;
    return 0;
}

int pthread_condattr_setclock(pthread_condattr_t *attr, clockid_t clock)
{
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
        return EINVAL;
    attr->__monotonic = clock == CLOCK_MONOTONIC;
    return 0;
}

int pthread_condattr_getclock(const pthread_condattr_t *restrict attr,
                              clockid_t *restrict clock)
{
    *clock = attr->__monotonic ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    return 0;
}

int pthread_condattr_setpshared(pthread_condattr_t *attr, int shared)
{
    (void)attr;
    return shared == PTHREAD_PROCESS_PRIVATE || shared == PTHREAD_PROCESS_SHARED
               ? 0
               : EINVAL;
}

int pthread_condattr_getpshared(const pthread_condattr_t *attr, int *shared)
{
    (void)attr;
    *shared = PTHREAD_PROCESS_PRIVATE;
    return 0;
}
