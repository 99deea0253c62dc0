// SPDX-License-Identifier: ISC
// newlib's <search.h>, and the part of POSIX's that it lacks.
#ifndef _HOSTEL_SEARCH_H
#define _HOSTEL_SEARCH_H

#include_next <search.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// In an array of *n elements of `len` bytes; lsearch appends what it misses.
void *lfind(const void *key, const void *base, size_t *n, size_t len,
            int (*compare)(const void *, const void *));
void *lsearch(const void *key, void *base, size_t *n, size_t len,
              int (*compare)(const void *, const void *));

// Elements begin with a pointer to the next and one to the previous.
void insque(void *element, void *before);
void remque(void *element);

#ifdef __cplusplus
}
#endif

#endif
