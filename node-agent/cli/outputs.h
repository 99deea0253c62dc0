// SPDX-License-Identifier: ISC
// Files that a program left, as the archive that the node hands out.
//
// The program made it and nobody has looked into it since, so it is read as a
// stranger's: POSIX "ustar", regular files and folders only, under relative
// paths that a bundle could have (bundle/path.h).

#ifndef CLI_OUTPUTS_H
#define CLI_OUTPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct output {
    char path[256];
    const uint8_t *data; // in the archive
    size_t len;
    unsigned mode; // permission bits
    bool folder;
};

// The next member behind *at, which begins as 0. 1; 0: there is none; -errno:
// this is not such an archive, or not the whole of one, and e says where.
int output_next(const void *archive, size_t len, size_t *at, struct output *out,
                struct err *e);

// Writes all of it below the folder, which is made if it is not there. Goes
// through no link, and writes nothing at all unless all of it is good. Returns
// the number of files, or -errno.
int outputs_unpack(const void *archive, size_t len, const char *folder,
                   struct err *e);

#endif
