// SPDX-License-Identifier: ISC
// getrandom(2). Both flags mean nothing here: it never blocks, and there is
// one source.
#ifndef _SYS_RANDOM_H
#define _SYS_RANDOM_H

#include <sys/types.h>

#define GRND_NONBLOCK 1
#define GRND_RANDOM   2

ssize_t getrandom(void *data, size_t len, unsigned flags);
int getentropy(void *data, size_t len);

#endif
