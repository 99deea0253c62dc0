// SPDX-License-Identifier: ISC
/*
 * RAM in whole pages.
 *
 * The stack is at RAM's bottom (arch/), the heap grows up from there, and
 * page ranges are taken from the top down. Freed ranges go back to the host
 * and read as zeros when they are handed out again.
 */
#ifndef RT_PAGES_H
#define RT_PAGES_H

#include "hypervisor/abi/hv.h"

#include <stddef.h>

void pages_init(const struct hv_start_info *si, char *heap_start);

// `len` is rounded up to pages. Zeros, or NULL when RAM is used up.
void *pages_alloc(size_t len);
void pages_free(void *pages, size_t len);

// The balloon: RAM that may be in use at most, in bytes; 0: all. It is the
// host's to change at any time. What is in use beyond it stays; nothing more is
// handed out until so much has been freed.
extern volatile size_t pages_limit;

// Bytes that are not in use, though perhaps not in one piece.
size_t pages_left(void);

// Moves the end of the heap; returns the old one, NULL when RAM is used up.
void *pages_heap_grow(ptrdiff_t by);

#endif
