// SPDX-License-Identifier: ISC
// The types of <pthread.h>, in place of newlib's. All zeros is how each starts.
#ifndef _SYS__PTHREADTYPES_H_
#define _SYS__PTHREADTYPES_H_

#include <sys/sched.h>

typedef unsigned long pthread_t;

#define PTHREAD_SCOPE_PROCESS   0
#define PTHREAD_SCOPE_SYSTEM    1
#define PTHREAD_INHERIT_SCHED   1
#define PTHREAD_EXPLICIT_SCHED  2
#define PTHREAD_CREATE_DETACHED 0
#define PTHREAD_CREATE_JOINABLE 1
#define PTHREAD_PROCESS_PRIVATE 0
#define PTHREAD_PROCESS_SHARED  1
#define PTHREAD_PRIO_NONE       0
#define PTHREAD_PRIO_INHERIT    1
#define PTHREAD_PRIO_PROTECT    2

typedef struct {
    void *__stack;
    unsigned long __stack_len, __guard_len;
    int __detach, __scope, __inherit, __policy;
    struct sched_param __param;
} pthread_attr_t;

struct __pthread_queue {
    void *__first, *__last;
};

#define PTHREAD_MUTEX_NORMAL     0
#define PTHREAD_MUTEX_RECURSIVE  1
#define PTHREAD_MUTEX_ERRORCHECK 2
#define PTHREAD_MUTEX_DEFAULT    PTHREAD_MUTEX_NORMAL

typedef struct {
    unsigned __word;
    int __type;
    struct __pthread_queue __waiters;
    void *__owner;
    unsigned __depth;
} pthread_mutex_t;
#define _PTHREAD_MUTEX_INITIALIZER {0}
#define PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP                                 \
    {                                                                          \
        0, PTHREAD_MUTEX_RECURSIVE, {0, 0}, 0, 0                               \
    }
#define PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP                                \
    {                                                                          \
        0, PTHREAD_MUTEX_ERRORCHECK, {0, 0}, 0, 0                              \
    }

typedef struct {
    int __type;
} pthread_mutexattr_t;

typedef struct {
    struct __pthread_queue __waiters;
    int __monotonic;
} pthread_cond_t;
#define _PTHREAD_COND_INITIALIZER {{0, 0}, 0}

typedef struct {
    int __monotonic;
} pthread_condattr_t;

typedef unsigned pthread_key_t;

typedef struct {
    int __state;
} pthread_once_t;
#define _PTHREAD_ONCE_INIT {0}

typedef struct {
    struct __pthread_queue __waiters;
    unsigned __needed, __arrived;
} pthread_barrier_t;

typedef struct {
    int __none;
} pthread_barrierattr_t;

typedef unsigned pthread_spinlock_t;

typedef struct {
    struct __pthread_queue __readers, __writers;
    void *__owner;
    unsigned __reading;
} pthread_rwlock_t;
#define _PTHREAD_RWLOCK_INITIALIZER {{0, 0}, {0, 0}, 0, 0}

typedef struct {
    int __none;
} pthread_rwlockattr_t;

#endif
