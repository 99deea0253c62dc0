// SPDX-License-Identifier: ISC
/*
 * Read-write locks. Readers get in while others read, even past a waiting
 * writer: one that reads already could not wait for it.
 */
#include "unikernel-runtime/libc/deadline.h"
#include "unikernel-runtime/libc/pthread_thread.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>

static int read_free(const pthread_rwlock_t *l)
{
    return !l->__owner && l->__reading < UINT_MAX;
}

static int write_free(const pthread_rwlock_t *l)
{
    return !l->__owner && !l->__reading;
}

static int read_until(pthread_rwlock_t *l, uint64_t deadline_ns)
{
    int r = 0;
    sched_lock();
    if (l->__owner == thread_self())
        r = -EDEADLK;
    while (!r && !read_free(l))
        if (sched_wait(waitq_of(&l->__readers), deadline_ns) == -ETIMEDOUT &&
            !read_free(l))
            r = -ETIMEDOUT;
    if (!r)
        l->__reading++;
    sched_unlock();
    return -r;
}

static int write_until(pthread_rwlock_t *l, uint64_t deadline_ns)
{
    int r = 0;
    sched_lock();
    if (l->__owner == thread_self())
        r = -EDEADLK;
    while (!r && !write_free(l))
        if (sched_wait(waitq_of(&l->__writers), deadline_ns) == -ETIMEDOUT &&
            !write_free(l))
            r = -ETIMEDOUT;
    if (!r)
        l->__owner = thread_self();
    sched_unlock();
    return -r;
}

int pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
    return read_until(l, SCHED_NEVER);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
    return write_until(l, SCHED_NEVER);
}

int pthread_rwlock_timedrdlock(pthread_rwlock_t *l,
                               const struct timespec *until)
{
    uint64_t deadline_ns;
    int r = deadline_of(until, 0, &deadline_ns);
    return r < 0 ? -r : read_until(l, deadline_ns);
}

int pthread_rwlock_timedwrlock(pthread_rwlock_t *l,
                               const struct timespec *until)
{
    uint64_t deadline_ns;
    int r = deadline_of(until, 0, &deadline_ns);
    return r < 0 ? -r : write_until(l, deadline_ns);
}

int pthread_rwlock_tryrdlock(pthread_rwlock_t *l)
{
    sched_lock();
    int ok = read_free(l);
    if (ok)
        l->__reading++;
    sched_unlock();
    return ok ? 0 : EBUSY;
}

int pthread_rwlock_trywrlock(pthread_rwlock_t *l)
{
    sched_lock();
    int ok = write_free(l);
    if (ok)
        l->__owner = thread_self();
    sched_unlock();
    return ok ? 0 : EBUSY;
}

int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
    int r = 0;
    sched_lock();
    if (l->__owner == thread_self()) {
        l->__owner = NULL;
        sched_wake(waitq_of(&l->__writers));
        sched_wake_all(waitq_of(&l->__readers));
    } else if (!l->__reading) {
        r = EPERM;
    } else if (--l->__reading == 0) {
        sched_wake(waitq_of(&l->__writers));
    }
    sched_unlock();
    return r;
}

int pthread_rwlock_init(pthread_rwlock_t *l, const pthread_rwlockattr_t *attr)
{
    (void)attr;
    *l = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER;
    return 0;
}

int pthread_rwlock_destroy(pthread_rwlock_t *l)
{
    return write_free(l) ? 0 : EBUSY;
}

int pthread_rwlockattr_init(pthread_rwlockattr_t *attr)
{
    *attr = (pthread_rwlockattr_t){0};
    return 0;
}

int pthread_rwlockattr_destroy(pthread_rwlockattr_t *attr)
{
    (void)attr;
    return 0;
}

int pthread_rwlockattr_setpshared(pthread_rwlockattr_t *attr, int shared)
{
    (void)attr;
    return shared == PTHREAD_PROCESS_PRIVATE || shared == PTHREAD_PROCESS_SHARED
               ? 0
               : EINVAL;
}

int pthread_rwlockattr_getpshared(const pthread_rwlockattr_t *attr, int *shared)
{
    (void)attr;
    *shared = PTHREAD_PROCESS_PRIVATE;
    return 0;
}
