// SPDX-License-Identifier: ISC
// Growable bytes with a hard maximum.
//
// A struct buf starts as BUF_INIT(max) and is given back with buf_free. Data
// is always followed by a 0 byte that len does not count, so text in it can
// be read as a string. Adding past the maximum changes nothing and returns
// -E2BIG; no memory, -ENOMEM.

#ifndef LIB_BUF_H
#define LIB_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data; // NULL until something was added
    size_t len, cap, max;
};

#define BUF_INIT(limit)                                                        \
    {                                                                          \
        .max = (limit)                                                         \
    }
#define cleanup_buf __attribute__((cleanup(buf_free)))

int buf_add(struct buf *b, const void *data, size_t len);
int buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

// Makes room for len more bytes and returns where they go (NULL: no room);
// the caller writes them and adds to b->len.
uint8_t *buf_room(struct buf *b, size_t len);

// Drops len bytes from the front.
void buf_drop(struct buf *b, size_t len);

// The contents as a string; "" when nothing was ever added.
const char *buf_str(const struct buf *b);

void buf_free(struct buf *b);

#endif
