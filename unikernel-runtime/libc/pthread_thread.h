// SPDX-License-Identifier: ISC
// From POSIX's objects to the kernel's.
#ifndef RT_PTHREAD_THREAD_H
#define RT_PTHREAD_THREAD_H

#include "unikernel-runtime/kernel/thread.h"

#include <pthread.h>

static inline struct thread *thread_of(pthread_t id)
{
    return (struct thread *)id;
}

static inline struct waitq *waitq_of(struct __pthread_queue *q)
{
    return (struct waitq *)q;
}
_Static_assert(sizeof(struct waitq) == sizeof(struct __pthread_queue), "");

#endif
