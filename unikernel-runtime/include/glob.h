// SPDX-License-Identifier: ISC
// newlib's <glob.h>, and what POSIX has that it had not yet.
#ifndef _HOSTEL_GLOB_H
#define _HOSTEL_GLOB_H

#include_next <glob.h>

#define GLOB_ABORTED GLOB_ABEND
#define GLOB_NOMATCH (-3)

#endif
