// SPDX-License-Identifier: ISC
// newlib's limits and what POSIX adds to them.
#include_next <limits.h>

#ifndef SSIZE_MAX
#define SSIZE_MAX LONG_MAX
#endif

#ifndef PTHREAD_STACK_MIN
#define PTHREAD_STACK_MIN             16384
#define PTHREAD_KEYS_MAX              128
#define PTHREAD_DESTRUCTOR_ITERATIONS 4
#define PTHREAD_THREADS_MAX           16384
#define SEM_VALUE_MAX                 0x7fffffff
#endif
