// SPDX-License-Identifier: ISC
// newlib's <time.h>, and what BSD and Linux add to it.
#include_next <time.h>

#ifndef _HOSTEL_TIME_H
#define _HOSTEL_TIME_H

#ifdef __cplusplus
extern "C" {
#endif

// newlib has them under names of its own.
extern long timezone __asm__("_timezone");
extern int daylight __asm__("_daylight");

time_t timegm(struct tm *tm);

#ifdef __cplusplus
}
#endif

#endif
