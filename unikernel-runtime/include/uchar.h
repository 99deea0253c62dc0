// SPDX-License-Identifier: ISC
// C11's <uchar.h>: UTF-16 and UTF-32, to and from the locale's multibyte text.
#ifndef _UCHAR_H
#define _UCHAR_H

#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#ifdef __cplusplus
extern "C" {
#else
typedef uint_least16_t char16_t;
typedef uint_least32_t char32_t;
#endif

#define __STDC_UTF_16__ 1
#define __STDC_UTF_32__ 1

size_t mbrtoc16(char16_t *restrict out, const char *restrict text, size_t len,
                mbstate_t *restrict state);
size_t c16rtomb(char *restrict out, char16_t c, mbstate_t *restrict state);
size_t mbrtoc32(char32_t *restrict out, const char *restrict text, size_t len,
                mbstate_t *restrict state);
size_t c32rtomb(char *restrict out, char32_t c, mbstate_t *restrict state);

#ifdef __cplusplus
}
#endif

#endif
