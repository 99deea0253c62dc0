// SPDX-License-Identifier: ISC
// A tar archive becomes files. The archive is a stranger's: its names lead
// nowhere but into the folder, its files and folders are the only things made,
// and what it takes up is counted before it is written.
#ifndef VOLUME_UNPACK_H
#define VOLUME_UNPACK_H

#include <stdbool.h>
#include "lib/err.h"
#include "node-agent/volume/tree.h"

// Reads the archive (plain, or by gzip, bzip2, xz or zstd) in the framed stream
// and makes what it holds in the empty folder. `use` has what counts already,
// and the limits. 0; -ENOSPC: the quota; -EINVAL: the archive, with a sentence
// that names the entry; -ECONNABORTED: the stream was cut off; others: trouble.
int unpack(int stream_fd, int dir_fd, struct tree_use *use, struct err *e);

#endif
