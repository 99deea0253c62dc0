// SPDX-License-Identifier: ISC
// The archive a domain's root file system is filled from at boot.
//
// Format "newc" (cpio -H newc; kernel: Documentation/driver-api/early-
// userspace/buffer-format.rst): per entry a header of "070701" and thirteen
// fields of eight hex digits, the name with its 0 byte, padding to four
// bytes, the data, padding to four bytes; the entry TRAILER!!! ends it. Ours
// hold regular files and the folders they need, folders first, all owned by
// 0 and dated 0: the same files give the same bytes.

#ifndef BUNDLE_CPIO_H
#define BUNDLE_CPIO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"
#include "node-agent/bundle/bundle.h"

// A writer. Failures are kept; cpio_close reports the first.
struct cpio {
    int fd;
    uint32_t entries; // so far; the last one's inode number
    uint64_t at;      // bytes written
    uint64_t left;    // data of the current file still to come
    int failed;       // 0 or -errno
};

void cpio_open(struct cpio *c, int fd);
void cpio_folder(struct cpio *c, const char *path);

// A file's header; then exactly size bytes by cpio_data.
void cpio_file(struct cpio *c, const char *path, uint32_t mode, uint32_t size);
void cpio_data(struct cpio *c, const void *data, size_t len);

// Writes the trailer; 0 or -errno.
int cpio_close(struct cpio *c);

// The data files of a bundle that r has read from fd (a file or memfd, from
// offset 0), and their folders.
int cpio_from_bundle(int out, const struct bundle_reader *r, int fd,
                     struct err *e);

#endif
