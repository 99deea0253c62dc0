// SPDX-License-Identifier: ISC
/*
 * Memory for what is sent: in the I/O window if there is one, so that a device
 * takes it from where the program's bytes were copied to.
 *
 * The network's lock is held.
 */
#ifndef RT_NET_BUFFER_H
#define RT_NET_BUFFER_H

#include <stddef.h>

// A power of two of bytes between these.
#define BUFFER_MIN 4096ul
#define BUFFER_MAX 65536ul

void *buffer_alloc(size_t len); // or NULL
void buffer_free(void *buffer, size_t len);

#endif
