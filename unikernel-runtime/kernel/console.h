// SPDX-License-Identifier: ISC
// The console ring: the program's standard input, output and error.
#ifndef RT_CONSOLE_H
#define RT_CONSOLE_H

#include <stddef.h>
#include <sys/types.h>

// Writes all of it, waiting for the host while the ring is full.
void console_write(const char *data, size_t len);

// Waits for input; returns what is there, at most `len`, 0 at its end.
size_t console_read(char *data, size_t len);

#endif
