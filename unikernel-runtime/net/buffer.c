// SPDX-License-Identifier: ISC
// Memory for what is sent.
#include "unikernel-runtime/net/buffer.h"
#include "unikernel-runtime/net/port/lwipopts.h"

void *buffer_alloc(size_t len)
{
    return net_memory_alloc(len);
}

void buffer_free(void *buffer, size_t len)
{
    (void)len;
    net_memory_free(buffer);
}
