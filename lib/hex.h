// SPDX-License-Identifier: ISC
// Bytes as lower-case hexadecimal digits.

#ifndef LIB_HEX_H
#define LIB_HEX_H

#include <stddef.h>
#include <stdint.h>

// out has room for 2 * len + 1; returns out.
char *hex_encode(char *out, const void *data, size_t len);

// Exactly 2 * len digits and the end of the string, either case, else
// -EINVAL.
int hex_decode(void *data, size_t len, const char *text);

#endif
