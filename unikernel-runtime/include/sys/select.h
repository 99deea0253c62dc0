// SPDX-License-Identifier: ISC
// newlib's <sys/select.h>, with room for every descriptor there may be.
#ifndef FD_SETSIZE
#define FD_SETSIZE 1024
#endif
#include_next <sys/select.h>
