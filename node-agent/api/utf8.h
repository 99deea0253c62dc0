// SPDX-License-Identifier: ISC
// Bytes of a program as text for JSON.

#ifndef API_UTF8_H
#define API_UTF8_H

#include <stddef.h>

#include "lib/buf.h"

// Adds the bytes to `out` as valid UTF-8: what is none becomes U+FFFD, one for
// each byte, and so does NUL. Returns how many bytes were taken: with `more`
// to come, a character that is cut at the end (up to 3 bytes) is left for
// then. out must have room for three times len.
size_t utf8_clean(struct buf *out, const void *data, size_t len, int more);

#endif
