// SPDX-License-Identifier: ISC
// newlib's feature macros, and the options of POSIX that this runtime has.
#ifndef _HOSTEL_SYS_FEATURES_H
#define _HOSTEL_SYS_FEATURES_H

#include_next <sys/features.h>

#define _POSIX_VERSION 200809L

#define _POSIX_THREADS                    200809L
#define _POSIX_THREAD_SAFE_FUNCTIONS      200809L
#define _POSIX_THREAD_ATTR_STACKADDR      200809L
#define _POSIX_THREAD_ATTR_STACKSIZE      200809L
#define _POSIX_THREAD_PRIORITY_SCHEDULING 200809L
#define _POSIX_THREAD_CPUTIME             200809L
#define _POSIX_PRIORITY_SCHEDULING        200809L
#define _POSIX_BARRIERS                   200809L
#define _POSIX_READER_WRITER_LOCKS        200809L
#define _POSIX_SPIN_LOCKS                 200809L
#define _POSIX_SEMAPHORES                 200809L
#define _POSIX_TIMEOUTS                   200809L
#define _UNIX98_THREAD_MUTEX_ATTRIBUTES   1

#define _POSIX_TIMERS          200809L
#define _POSIX_MONOTONIC_CLOCK 200809L
#define _POSIX_CPUTIME         200809L
#define _POSIX_CLOCK_SELECTION 200809L

#endif
