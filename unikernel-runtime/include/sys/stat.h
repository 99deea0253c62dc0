// SPDX-License-Identifier: ISC
// newlib's <sys/stat.h>, and what it declares for other systems only.
#ifndef _HOSTEL_SYS_STAT_H
#define _HOSTEL_SYS_STAT_H

#include_next <sys/stat.h>

#ifndef UTIME_NOW
#define UTIME_NOW  -2L
#define UTIME_OMIT -1L
#endif

int mknod(const char *path, mode_t mode, dev_t device);
int lstat(const char *restrict path, struct stat *restrict st);

#endif
