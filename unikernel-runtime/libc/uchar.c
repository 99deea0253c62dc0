// SPDX-License-Identifier: ISC
/*
 * UTF-16 and UTF-32. wchar_t is UTF-32 here. A state that holds one half of a
 * surrogate pair says so by a count that newlib's own functions never leave.
 */
#include <errno.h>
#include <sys/types.h>
#include <uchar.h>

#define HALF (-16)

static int is_high(wint_t c)
{
    return c >= 0xd800 && c < 0xdc00;
}

static int is_low(wint_t c)
{
    return c >= 0xdc00 && c < 0xe000;
}

static size_t fail(void)
{
    errno = EILSEQ;
    return -1;
}

size_t mbrtoc32(char32_t *restrict out, const char *restrict text, size_t len,
                mbstate_t *restrict state)
{
    static mbstate_t own;
    wchar_t wide;
    size_t r = mbrtowc(&wide, text, len, state ? state : &own);
    if (out && text && (ssize_t)r >= 0)
        *out = wide;
    return r;
}

size_t c32rtomb(char *restrict out, char32_t c, mbstate_t *restrict state)
{
    static mbstate_t own;
    if (out && (c > 0x10ffff || is_high(c) || is_low(c)))
        return fail();
    return wcrtomb(out, c, state ? state : &own);
}

size_t mbrtoc16(char16_t *restrict out, const char *restrict text, size_t len,
                mbstate_t *restrict state)
{
    static mbstate_t own;
    if (!state)
        state = &own;
    if (state->__count == HALF) {
        state->__count = 0;
        if (out)
            *out = state->__value.__wch;
        return -3; // the second half, of no more bytes
    }
    char32_t c = 0;
    size_t r = mbrtoc32(&c, text, len, state);
    if (!text || (ssize_t)r < 0)
        return r;
    if (c > 0xffff) {
        state->__count = HALF;
        state->__value.__wch = 0xdc00 | ((c - 0x10000) & 0x3ff);
        c = 0xd800 | (c - 0x10000) >> 10;
    }
    if (out)
        *out = c;
    return r;
}

size_t c16rtomb(char *restrict out, char16_t c, mbstate_t *restrict state)
{
    static mbstate_t own;
    if (!state)
        state = &own;
    if (!out) {
        *state = (mbstate_t){0};
        return 1;
    }
    if (state->__count == HALF) {
        wint_t high = state->__value.__wch;
        *state = (mbstate_t){0};
        if (!is_low(c))
            return fail();
        return c32rtomb(out, 0x10000 + ((high & 0x3ff) << 10 | (c & 0x3ff)),
                        state);
    }
    if (is_high(c)) {
        state->__count = HALF;
        state->__value.__wch = c;
        return 0;
    }
    return c32rtomb(out, c, state);
}
