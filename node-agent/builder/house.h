// SPDX-License-Identifier: ISC
/*
 * Where the builder role lives once it has given root up.
 *
 * Its mounts are its own. Its root folder is a small tmpfs, read-only:
 *
 *   /toolchain   the toolchain's root, read-only: what a compile will see
 *   /usr         the machine's, read-only, for bwrap and its libraries
 *   /proc, /dev/null   the machine's, for bwrap
 *   /tmp, /work  empty; a build mounts over them in mounts of its own
 *
 * It is in a user namespace whose users are numbered 0, the role, and 1 + n,
 * build slot n; the machine knows them as UID_ROLE and UID_BUILD_SLOT. In it
 * the role has all capabilities, on the machine none.
 */
#ifndef BUILDER_HOUSE_H
#define BUILDER_HOUSE_H

#include "lib/err.h"
#include "node-agent/agent/role.h"

#define HOUSE_TOOLCHAIN "/toolchain"
#define HOUSE_WORK      "/work"
#define HOUSE_BWRAP     "/usr/bin/bwrap"

/* A build slot's user and group inside. */
#define HOUSE_UID(slot) (1u + (slot))

/*
 * Moves the calling process there. As root; what else needs root (cgroups)
 * was opened before. On failure the process is in no state to go on.
 */
int house_enter(const struct node_config *cfg, struct err *e);

#endif
