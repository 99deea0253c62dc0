// SPDX-License-Identifier: ISC
// Reading and writing whole things. All return 0 or -errno unless they say
// otherwise; EINTR is handled inside.

#ifndef LIB_IO_H
#define LIB_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/err.h"

// Reads until len bytes or end of file; returns the number read.
ssize_t read_full(int fd, void *data, size_t len);
ssize_t pread_full(int fd, void *data, size_t len, off_t at);

// As pread_full, of a log whose beginning may be given back meanwhile (a hole,
// HVC_F_ROLL): reads from *at or, if that is gone, from what is left, and sets
// *at to where that was. Moves the descriptor's position.
ssize_t rolling_read(int fd, void *data, size_t len, uint64_t *at);

// Writes all of it.
int write_full(int fd, const void *data, size_t len);
int pwrite_full(int fd, const void *data, size_t len, off_t at);

// Appends a whole file (any kind that reads to an end) to b, whose maximum
// is the limit; too large is an error that says so.
int file_read(const char *path, struct buf *b, struct err *e);
int fd_read(int fd, const char *name, struct buf *b, struct err *e);

// Puts each descriptor fds[i], from <= i < end, to the number i, where a program
// that is run next finds it; -1: that number is closed. 0 or -errno, and then
// nobody knows what is where.
int fds_place(int *fds, int from, int end);

// Replaces path with these bytes: written beside it, synced, renamed over
// it, folder synced. After success the new contents survive a power cut; at
// no time is there half a file.
int file_write_durable(const char *path, const void *data, size_t len,
                       mode_t mode, struct err *e);

// Makes the folder and the ones above it, as mkdir -p.
int dir_make(const char *path, mode_t mode, struct err *e);

// Syncs the folder that holds path, so that its name is durable.
int dir_sync_of(const char *path);

#endif
