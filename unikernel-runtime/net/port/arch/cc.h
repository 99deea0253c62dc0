// SPDX-License-Identifier: ISC
// What lwIP asks of a compiler and its C library.
#ifndef LWIP_ARCH_CC_H
#define LWIP_ARCH_CC_H

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#ifndef SSIZE_MAX
#define SSIZE_MAX LONG_MAX
#endif
#ifndef BYTE_ORDER
#define BYTE_ORDER LITTLE_ENDIAN
#endif

#define LWIP_TIMEVAL_PRIVATE  0
#define LWIP_ERRNO_STDINCLUDE 1
#define LWIP_DONT_PROVIDE_BYTEORDER_FUNCTIONS
#define lwip_htons(x) __builtin_bswap16(x)
#define lwip_htonl(x) __builtin_bswap32(x)

#define PACK_STRUCT_STRUCT __attribute__((packed))

// Its own bugs, and what its headers say never happens, end the domain.
_Noreturn void net_broken(const char *what);
#define LWIP_PLATFORM_DIAG(x)   ((void)0)
#define LWIP_PLATFORM_ASSERT(x) net_broken(x)

uint32_t net_random(void);
#define LWIP_RAND() net_random()

// The Internet checksum, unfolded words at a time.
uint16_t net_checksum(const void *data, int len);
#define LWIP_CHKSUM net_checksum

#endif
