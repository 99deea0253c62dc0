// SPDX-License-Identifier: ISC
// newlib's <stdio.h>, and what POSIX has had since 2008.
#include_next <stdio.h>

#ifndef _HOSTEL_STDIO_H
#define _HOSTEL_STDIO_H

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

ssize_t getline(char **restrict line, size_t *restrict size, FILE *restrict f);
ssize_t getdelim(char **restrict line, size_t *restrict size, int delimiter,
                 FILE *restrict f);

#ifdef __cplusplus
}
#endif

#endif
