// SPDX-License-Identifier: ISC
// Sending a file without reading it.
#ifndef _SYS_SENDFILE_H
#define _SYS_SENDFILE_H

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * As on Linux: up to `count` bytes of the file `in`, which has a position, to
 * `out`. From *offset, which is moved and leaves the position alone; if that is
 * NULL from the position, which is moved. How many were sent; 0: the file ends
 * there.
 */
ssize_t sendfile(int out, int in, off_t *offset, size_t count);

#ifdef __cplusplus
}
#endif

#endif
