// SPDX-License-Identifier: ISC
// A folder of this machine as a tar archive, and back.
#ifndef CLI_TAR_H
#define CLI_TAR_H

#include <stddef.h>
#include "lib/err.h"

// The folder's contents, or one file, as an archive in a file without a name.
// Its descriptor, or -errno.
int tar_make(const char *path, struct err *e);

// The other way while the archive arrives: nothing leaves the folder, which
// need not trust who sent it. tar_add returns 0, or -errno with a sentence in
// the error that tar_end then gives.
struct tar_in;
struct tar_in *tar_begin(const char *folder, struct err *e);
int tar_add(void *tar, const void *data, size_t len);
int tar_end(struct tar_in *t, struct err *e); // frees

#endif
