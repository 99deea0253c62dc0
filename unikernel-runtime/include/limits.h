// SPDX-License-Identifier: ISC
// newlib's limits and what POSIX adds to them.
#include_next <limits.h>

#ifndef SSIZE_MAX
#define SSIZE_MAX LONG_MAX
#endif
