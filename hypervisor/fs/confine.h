// SPDX-License-Identifier: ISC
/*
 * Giving up rights. What serves a stranger's requests has the volume for a
 * root, mounted again so that no link in it is followed, no device opened and
 * nothing executed; no network, one user's identity, no capability, and the
 * system calls that serving takes. Its options are in the mount, so a process
 * that has been taken over is held to them too.
 */
#ifndef FS_CONFINE_H
#define FS_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

// The volume becomes the root. Returns a descriptor of it (O_PATH); the one
// given is closed. Without privileges it takes a user namespace.
int confine_root(int dir_fd, bool read_only, struct err *);

// uid -1: stays who it is.
int confine_identity(int64_t uid, int64_t gid, struct err *);

// For all threads there are.
int confine_calls(struct err *);

#endif
