// SPDX-License-Identifier: ISC
// Locals that clean up after themselves, and how to give them away.
//
//     cleanup_close int fd = open(...);
//     ...
//     return steal_fd(&fd);    // the caller owns it now

#ifndef LIB_CLEANUP_H
#define LIB_CLEANUP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_close_(int *fd)
{
    int saved = errno;

    if (*fd >= 0)
        close(*fd);
    errno = saved;
}

static inline void cleanup_free_(void *p)
{
    int saved = errno;

    free(*(void **)p);
    errno = saved;
}

static inline void cleanup_file_(FILE **f)
{
    int saved = errno;

    if (*f)
        fclose(*f);
    errno = saved;
}

#define cleanup_close __attribute__((cleanup(cleanup_close_)))
#define cleanup_free  __attribute__((cleanup(cleanup_free_)))
#define cleanup_file  __attribute__((cleanup(cleanup_file_)))

static inline int steal_fd(int *fd)
{
    int mine = *fd;

    *fd = -1;
    return mine;
}

#define steal_ptr(pp)                                                          \
    ({                                                                         \
        __typeof__(*(pp)) mine_ = *(pp);                                       \
        *(pp) = NULL;                                                          \
        mine_;                                                                 \
    })

#endif
