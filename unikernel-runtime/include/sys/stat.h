// SPDX-License-Identifier: ISC
// newlib's <sys/stat.h>, and what it declares for other systems only.
#ifndef _HOSTEL_SYS_STAT_H
#define _HOSTEL_SYS_STAT_H

#include_next <sys/stat.h>

int lstat(const char *restrict path, struct stat *restrict st);

#endif
