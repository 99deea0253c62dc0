// SPDX-License-Identifier: ISC
// What newlib's <threads.h> is made of here: pthreads.
#ifndef _MACHINE__THREADS_H
#define _MACHINE__THREADS_H

#include <sys/cdefs.h>
#include <sys/types.h>

typedef pthread_cond_t cnd_t;
typedef pthread_mutex_t mtx_t;
typedef pthread_t thrd_t;
typedef pthread_key_t tss_t;
typedef pthread_once_t once_flag;

#define ONCE_FLAG_INIT                                                         \
    {                                                                          \
        0                                                                      \
    }
#define TSS_DTOR_ITERATIONS 4

#endif
