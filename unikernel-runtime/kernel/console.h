// SPDX-License-Identifier: ISC
// The console ring: the program's standard input, output and error.
#ifndef RT_CONSOLE_H
#define RT_CONSOLE_H

#include <stddef.h>
#include <sys/types.h>

// Writes all of it, waiting for the host while the ring is full.
void console_write(const char *data, size_t len);

// The same with events masked for good: for a domain that is about to end.
void console_write_last(const char *data, size_t len);

// How many bytes of files the host takes when the program has ended; 0: none.
uint32_t console_files_max(void);

// From here on what is written is files (hv.h), by the one thread that may
// write now: others that have something to say wait for ever.
void console_files_begin(void);
void console_files_write(const char *data, size_t len);

// Would console_read return at once?
int console_readable(void);

// Waits for input; returns what is there, at most `len`; 0 at its end; -EINTR
// if a signal has come first.
ssize_t console_read(char *data, size_t len);

#endif
