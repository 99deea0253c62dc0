// SPDX-License-Identifier: ISC
/*
 * Memory of the I/O window, in whole pages: the only one that the host's back
 * ends may touch. What is shared there can change at any time while a request
 * is under way; what the allocator knows lies elsewhere.
 */
#ifndef RT_WINDOW_H
#define RT_WINDOW_H

#include <stddef.h>

// `len` is rounded up to pages. NULL when there is no such piece. Contents are
// whatever was there. Never sleeps; the scheduler may be locked or not.
void *window_alloc(size_t len);
void window_free(void *pages, size_t len);

// Sleeps until something has been freed, or a moment. A thread calls it when
// there was no piece for it; the scheduler is not locked.
void window_wait(void);

#endif
