// SPDX-License-Identifier: ISC
// The parts of a mutex that condition variables need.
#ifndef RT_PTHREAD_MUTEX_H
#define RT_PTHREAD_MUTEX_H

#include "unikernel-runtime/kernel/lock.h"

#include <pthread.h>
#include <stddef.h>

static inline struct lock *mutex_lock_of(pthread_mutex_t *m)
{
    return (struct lock *)m;
}
_Static_assert(offsetof(struct lock, waiters) ==
                   offsetof(pthread_mutex_t, __waiters),
               "a mutex begins with a lock");

// The caller holds it.
int mutex_is_mine(const pthread_mutex_t *m);

#endif
