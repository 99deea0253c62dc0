// SPDX-License-Identifier: ISC
// newlib's, which needs <sys/types.h> before it.
#ifndef _HOSTEL_REGEX_H
#define _HOSTEL_REGEX_H

#include <sys/types.h>

#include_next <regex.h>

#endif
