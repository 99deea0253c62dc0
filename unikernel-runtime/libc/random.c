// SPDX-License-Identifier: ISC
// Random bytes as Linux and the BSDs name them.
#include "unikernel-runtime/kernel/random.h"
#include "unikernel-runtime/libc/result.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

#define GETENTROPY_MAX 256

ssize_t getrandom(void *data, size_t len, unsigned flags)
{
    if (flags & ~(GRND_NONBLOCK | GRND_RANDOM))
        return result(-EINVAL);
    random_bytes(data, len);
    return len;
}

int getentropy(void *data, size_t len)
{
    if (len > GETENTROPY_MAX)
        return result(-EIO);
    random_bytes(data, len);
    return 0;
}

// newlib's own keep a stream that a clone of the domain would share.
void arc4random_buf(void *data, size_t len)
{
    random_bytes(data, len);
}

uint32_t arc4random(void)
{
    uint32_t x;
    random_bytes(&x, sizeof x);
    return x;
}

// Draws again from the part that does not divide evenly.
uint32_t arc4random_uniform(uint32_t bound)
{
    if (bound < 2)
        return 0;
    uint32_t uneven = -bound % bound, x;
    do
        x = arc4random();
    while (x < uneven);
    return x % bound;
}
