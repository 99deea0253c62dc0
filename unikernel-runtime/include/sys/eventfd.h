// SPDX-License-Identifier: ISC
// A counter one can wait for.
#ifndef _SYS_EVENTFD_H
#define _SYS_EVENTFD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EFD_SEMAPHORE 1
#define EFD_NONBLOCK  0x4000  // O_NONBLOCK
#define EFD_CLOEXEC   0x40000 // O_CLOEXEC

typedef uint64_t eventfd_t;

int eventfd(unsigned count, int flags);
int eventfd_read(int fd, eventfd_t *value);
int eventfd_write(int fd, eventfd_t value);

#ifdef __cplusplus
}
#endif

#endif
