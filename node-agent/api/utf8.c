// SPDX-License-Identifier: ISC
// Bytes as text; see utf8.h.

#include "node-agent/api/utf8.h"

#include <stdint.h>

// How long the character at p is: 1 to 4; 0: none begins so; -1: it is cut.
static int length_at(const uint8_t *p, size_t len)
{
    uint32_t c = p[0], least;
    int n;

    if (c && c < 0x80)
        return 1;
    if (c >= 0xc2 && c < 0xe0)
        n = 2, c &= 0x1f, least = 0x80;
    else if (c >= 0xe0 && c < 0xf0)
        n = 3, c &= 0x0f, least = 0x800;
    else if (c >= 0xf0 && c < 0xf5)
        n = 4, c &= 0x07, least = 0x10000;
    else
        return 0;
    for (int i = 1; i < n; i++) {
        if ((size_t)i == len)
            return -1;
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    return c >= least && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? n : 0;
}

size_t utf8_clean(struct buf *out, const void *data, size_t len, int more)
{
    const uint8_t *p = data;
    size_t at = 0;

    while (at < len) {
        int n = length_at(p + at, len - at);

        if (n < 0 && more)
            break;
        if (n > 0)
            buf_add(out, p + at, (size_t)n);
        else
            buf_add(out, "\xef\xbf\xbd", 3);
        at += n > 0 ? (size_t)n : 1;
    }
    return at;
}
