// SPDX-License-Identifier: ISC
// From the kernel's way of saying what went wrong to the C library's.
#ifndef RT_RESULT_H
#define RT_RESULT_H

#include <errno.h>

// r if it is 0 or more; else sets errno to -r and returns -1.
static inline long result(long r)
{
    if (r >= 0)
        return r;
    errno = -r;
    return -1;
}

#endif
