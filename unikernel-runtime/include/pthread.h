// SPDX-License-Identifier: ISC
// newlib's <pthread.h>, and what POSIX or other systems add to it.
#ifndef _HOSTEL_PTHREAD_H
#define _HOSTEL_PTHREAD_H

#include_next <pthread.h>

#ifdef __cplusplus
extern "C" {
#endif

int pthread_condattr_getclock(const pthread_condattr_t *restrict attr,
                              clockid_t *restrict clock);
int pthread_mutexattr_getprotocol(const pthread_mutexattr_t *restrict attr,
                                  int *restrict protocol);
int pthread_mutexattr_setprotocol(pthread_mutexattr_t *attr, int protocol);

#define PTHREAD_MUTEX_STALLED 0
#define PTHREAD_MUTEX_ROBUST  1

// There is one process, so no owner dies and leaves a mutex locked.
int pthread_mutex_consistent(pthread_mutex_t *m);
int pthread_mutexattr_getrobust(const pthread_mutexattr_t *restrict attr,
                                int *restrict robust);
int pthread_mutexattr_setrobust(pthread_mutexattr_t *attr, int robust);
int pthread_getattr_np(pthread_t thread, pthread_attr_t *attr);
int pthread_timedjoin_np(pthread_t thread, void **result,
                         const struct timespec *until);
int pthread_tryjoin_np(pthread_t thread, void **result);

#ifdef __cplusplus
}
#endif

#endif
