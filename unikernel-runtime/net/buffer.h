// SPDX-License-Identifier: ISC
/*
 * Memory for what is sent: in the I/O window if there is one, so that a device
 * takes it from where the program's bytes were copied to. What a device has
 * not sent yet is held, and free only after that.
 *
 * The network's lock is held.
 */
#ifndef RT_NET_BUFFER_H
#define RT_NET_BUFFER_H

#include <stddef.h>

// A power of two of bytes between these.
#define BUFFER_MIN 4096ul
#define BUFFER_MAX 65536ul

// NULL when there is none. `anywhere`: out of the window if it has no room,
// from where it takes another copy to a device.
void *buffer_alloc(size_t len, int anywhere);
void buffer_free(void *buffer, size_t len);

// From now on buffers come from the window, as far as it goes.
void buffer_use_window(void);

// Do these bytes lie in buffers that are in the window?
int buffer_is_shared(const void *data, size_t len);

// For bytes of which that is so; each hold is for one drop.
void buffer_hold(const void *data, size_t len);
void buffer_drop(const void *data, size_t len);

#endif
