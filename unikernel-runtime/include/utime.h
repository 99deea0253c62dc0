// SPDX-License-Identifier: ISC
// newlib's, which needs <sys/types.h> before it and declares nothing.
#ifndef _HOSTEL_UTIME_H
#define _HOSTEL_UTIME_H

#include <sys/types.h>

#include_next <utime.h>

#ifdef __cplusplus
extern "C" {
#endif

int utime(const char *path, const struct utimbuf *times);

#ifdef __cplusplus
}
#endif

#endif
