// SPDX-License-Identifier: ISC
// newlib's feature macros, and the options of POSIX that this runtime has.
#ifndef _HOSTEL_SYS_FEATURES_H
#define _HOSTEL_SYS_FEATURES_H

#include_next <sys/features.h>

#define _POSIX_TIMERS          200809L
#define _POSIX_MONOTONIC_CLOCK 200809L
#define _POSIX_CPUTIME         200809L
#define _POSIX_CLOCK_SELECTION 200809L

#endif
