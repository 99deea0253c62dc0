// SPDX-License-Identifier: ISC
// newlib's <unistd.h>, and what POSIX adds to it.
#ifndef _HOSTEL_UNISTD_H
#define _HOSTEL_UNISTD_H

#include_next <unistd.h>

#ifndef _CS_PATH
#define _CS_PATH 0
#endif

#endif
