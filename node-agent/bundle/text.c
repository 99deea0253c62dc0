// SPDX-License-Identifier: ISC
// Strings that strangers wrote; see text.h.

#include "node-agent/bundle/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

// Decodes one character of UTF-8 (RFC 3629: shortest form, no surrogates);
// returns its length, 0 if it is none.
static int utf8_next(const unsigned char *s, uint32_t *c)
{
    static const uint32_t shortest[] = {0, 0, 0x80, 0x800, 0x10000};
    int len = s[0] < 0x80             ? 1
              : (s[0] & 0xe0) == 0xc0 ? 2
              : (s[0] & 0xf0) == 0xe0 ? 3
              : (s[0] & 0xf8) == 0xf0 ? 4
                                      : 0;

    if (len <= 1) {
        *c = s[0];
        return len;
    }
    *c = s[0] & (0x7f >> len);
    for (int i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        *c = *c << 6 | (s[i] & 0x3f);
    }
    if (*c < shortest[len] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff))
        return 0;
    return len;
}

bool text_is_plain(const char *text, const char *allowed)
{
    const unsigned char *s = (const unsigned char *)text;

    while (*s) {
        uint32_t c;
        int len = utf8_next(s, &c);

        if (len == 0)
            return false;
        if ((c < 0x20 || (c >= 0x7f && c < 0xa0)) &&
            (c >= 0x80 || !strchr(allowed, (int)c)))
            return false;
        s += len;
    }
    return true;
}

bool text_is_identifier(const char *text, const char *end)
{
    const char *p;

    for (p = text; *p && p != end; p++) {
        bool letter =
            (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_';

        if (!letter && (p == text || *p < '0' || *p > '9'))
            return false;
    }
    return p != text;
}

char *text_quote(char out[TEXT_QUOTE_MAX], const char *text)
{
    size_t n = 0;

    for (const char *p = text; *p; p++) {
        unsigned char c = *p;

        if (n > TEXT_QUOTE_MAX - 8) {
            memcpy(out + n, "...", 4);
            return out;
        }
        if (c < 0x20 || c >= 0x7f || c == '\\')
            n += sprintf(out + n, "\\x%02x", c);
        else
            out[n++] = c;
    }
    out[n] = 0;
    return out;
}
