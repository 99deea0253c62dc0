// SPDX-License-Identifier: ISC
// Bytes in a protobuf message that is put together by hand.
#ifndef BILLING_PB_BYTES_H
#define BILLING_PB_BYTES_H

#include <protobuf-c/protobuf-c.h>
#include <stdlib.h>
#include <string.h>
#include "lib/err.h"

// A copy, which the library frees with the message.
static inline int pb_bytes_copy(ProtobufCBinaryData *to, const void *data,
                                size_t len, struct err *e)
{
    to->data = malloc(len ? len : 1);
    if (!to->data)
        return err_set(e, ENOMEM, "no memory for a message");
    memcpy(to->data, data, len);
    to->len = len;
    return 0;
}

#endif
