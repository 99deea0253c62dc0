// SPDX-License-Identifier: ISC
// What lwIP asks of a compiler, for its unit tests: a failed assertion of its
// own is one of the test's.
#ifndef LWIP_UNIT_CC_H
#define LWIP_UNIT_CC_H

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#define LWIP_TIMEVAL_PRIVATE  0
#define LWIP_ERRNO_STDINCLUDE 1
#define LWIP_DONT_PROVIDE_BYTEORDER_FUNCTIONS
#define lwip_htons(x) __builtin_bswap16(x)
#define lwip_htonl(x) __builtin_bswap32(x)
#define PACK_STRUCT_STRUCT __attribute__((packed))
#define LWIP_RAND()        ((uint32_t)rand())
#define LWIP_PLATFORM_DIAG(x) ((void)0)
#define LWIP_PLATFORM_ASSERT(x)                                                \
    (fprintf(stderr, "lwIP: %s (%s:%d)\n", x, __FILE__, __LINE__), abort())

#endif
