// SPDX-License-Identifier: ISC
// A volume's files become a tar archive.
#ifndef VOLUME_PACK_H
#define VOLUME_PACK_H

#include "lib/err.h"

// Writes what is in the folder as a tar archive (restricted pax) into the
// framed stream, its last frame included. 0; -EPIPE: nobody reads it; others
// with a sentence. Files belong to nobody in it (user 0), as the owner of a
// volume is the node's affair.
int pack(int dir_fd, int stream_fd, struct err *e);

#endif
