// SPDX-License-Identifier: ISC
/*
 * Pieces of files in memory that a device can send from, for sendfile(): they
 * are read once, and sent from there to all who ask for them.
 *
 * What is kept is found by the version of the file's contents (see file.h), so
 * what has changed is not found any more; what is under way stays as it was.
 */
#ifndef RT_NET_EXTENT_H
#define RT_NET_EXTENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct file;

struct extent {
    struct extent *next; // of those that are kept, the last used first
    uint64_t version;    // 0: it is not kept
    off_t at;            // in the file
    size_t len, room;    // of its bytes; of its memory
    char *data;
    unsigned refs;
};

/*
 * The piece of a file that `pos` is in, with a reference; it ends where it
 * ends, or where the file does (then NULL and *error 0). NULL and a negative
 * *error otherwise; -ENOBUFS: there is no memory for it now. For files without
 * a version it is read anew, up to `len` bytes from `pos`.
 *
 * The network is not locked, and the call may wait for the file.
 */
struct extent *extent_get(struct file *f, off_t pos, size_t len, int *error);

// With the network locked.
void extent_hold(struct extent *e);
void extent_put(struct extent *e);

// Gives back the memory of all that nobody is sending. 1: there was some.
int extents_shrink(void);

#endif
