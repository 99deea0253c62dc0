// SPDX-License-Identifier: ISC
// Mutexes.
#include "unikernel-runtime/libc/pthread_mutex.h"
#include "unikernel-runtime/libc/deadline.h"
#include "unikernel-runtime/libc/pthread_thread.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>

int mutex_is_mine(const pthread_mutex_t *m)
{
    return m->__owner == thread_self();
}

// What taking it again means for its owner: -1 that the mutex does not care.
static int taken_again(pthread_mutex_t *m)
{
    if (m->__type == PTHREAD_MUTEX_NORMAL || !mutex_is_mine(m))
        return -1;
    if (m->__type == PTHREAD_MUTEX_ERRORCHECK)
        return EDEADLK;
    if (m->__depth == UINT_MAX)
        return EAGAIN;
    m->__depth++;
    return 0;
}

static int own(pthread_mutex_t *m)
{
    m->__owner = thread_self();
    return 0;
}

int pthread_mutex_lock(pthread_mutex_t *m)
{
    int r = taken_again(m);
    if (r >= 0)
        return r;
    lock_acquire(mutex_lock_of(m));
    return own(m);
}

int pthread_mutex_trylock(pthread_mutex_t *m)
{
    int r = taken_again(m);
    if (r >= 0)
        return r == EDEADLK ? EBUSY : r;
    return lock_try(mutex_lock_of(m)) ? own(m) : EBUSY;
}

int pthread_mutex_timedlock(pthread_mutex_t *m, const struct timespec *until)
{
    int r = pthread_mutex_trylock(m);
    if (r != EBUSY)
        return r;
    if (m->__type == PTHREAD_MUTEX_ERRORCHECK && mutex_is_mine(m))
        return EDEADLK;
    uint64_t deadline_ns;
    r = deadline_of(until, 0, &deadline_ns);
    if (!r)
        r = lock_take_slowly(mutex_lock_of(m), deadline_ns);
    return r < 0 ? -r : own(m);
}

int pthread_mutex_unlock(pthread_mutex_t *m)
{
    if (m->__type != PTHREAD_MUTEX_NORMAL) {
        if (!mutex_is_mine(m))
            return EPERM;
        if (m->__depth) {
            m->__depth--;
            return 0;
        }
    }
    m->__owner = NULL;
    lock_release(mutex_lock_of(m));
    return 0;
}

int pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr)
{
    *m = (pthread_mutex_t){.__type = attr ? attr->__type : 0};
    return 0;
}

int pthread_mutex_destroy(pthread_mutex_t *m)
{
    return m->__word == LOCK_FREE ? 0 : EBUSY;
}

int pthread_mutexattr_init(pthread_mutexattr_t *attr)
{
    *attr = (pthread_mutexattr_t){.__type = PTHREAD_MUTEX_DEFAULT};
    return 0;
}

int pthread_mutexattr_destroy(pthread_mutexattr_t *attr)
{
    (void)attr;
    return 0;
}

int pthread_mutexattr_settype(pthread_mutexattr_t *attr, int type)
{
    if (type < PTHREAD_MUTEX_NORMAL || type > PTHREAD_MUTEX_ERRORCHECK)
        return EINVAL;
    attr->__type = type;
    return 0;
}

int pthread_mutexattr_gettype(const pthread_mutexattr_t *attr, int *type)
{
    *type = attr->__type;
    return 0;
}

// One process, so every mutex is shared by all there are.
int pthread_mutexattr_setpshared(pthread_mutexattr_t *attr, int shared)
{
    (void)attr;
    return shared == PTHREAD_PROCESS_PRIVATE || shared == PTHREAD_PROCESS_SHARED
               ? 0
               : EINVAL;
}

int pthread_mutexattr_getpshared(const pthread_mutexattr_t *attr, int *shared)
{
    (void)attr;
    *shared = PTHREAD_PROCESS_PRIVATE;
    return 0;
}

int pthread_mutexattr_setprotocol(pthread_mutexattr_t *attr, int protocol)
{
    (void)attr;
    return protocol == PTHREAD_PRIO_NONE ? 0 : ENOTSUP;
}

int pthread_mutexattr_getprotocol(const pthread_mutexattr_t *restrict attr,
                                  int *restrict protocol)
{
    (void)attr;
    *protocol = PTHREAD_PRIO_NONE;
    return 0;
}

int pthread_mutex_consistent(pthread_mutex_t *m)
{
    (void)m;
    return EINVAL; // it is never inconsistent
}

int pthread_mutexattr_setrobust(pthread_mutexattr_t *attr, int robust)
{
    (void)attr;
    return robust == PTHREAD_MUTEX_STALLED || robust == PTHREAD_MUTEX_ROBUST
               ? 0
               : EINVAL;
}

int pthread_mutexattr_getrobust(const pthread_mutexattr_t *restrict attr,
                                int *restrict robust)
{
    (void)attr;
    *robust = PTHREAD_MUTEX_STALLED;
    return 0;
}
