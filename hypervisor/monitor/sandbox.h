// SPDX-License-Identifier: ISC
/*
 * Giving up rights. Two steps: the world (namespaces and an empty root) is
 * left once, by the nursery, for all monitors it will fork; identity,
 * capabilities and system calls go in each monitor once it has its zygote.
 */
#ifndef MONITOR_SANDBOX_H
#define MONITOR_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

// New mount, network, IPC and UTS namespaces, and an empty read-only tmpfs
// for a root. Without privileges it makes a user namespace first, and
// `*contained` tells if that was allowed; without any the process stays where
// it is and only sandbox_close protects.
int sandbox_leave_world(bool *contained, struct err *);

// Whether this user namespace has such a user and group: a container's, or one
// of an ordinary user's own, may have no more than its root. Before the world
// is left.
bool sandbox_has_identity(uint32_t id);

// The slot's identity (0: stay), no capabilities, no new privileges, tight
// limits, and from here on only the monitor's own system calls. `workers`: it
// has an io_uring, for which the kernel may start threads.
int sandbox_close(uint32_t uid, uint32_t gid, bool workers, struct err *);

#endif
