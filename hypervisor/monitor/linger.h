// SPDX-License-Identifier: ISC
/*
 * A domain that is over while nobody controls it: its monitor outlives it,
 * holding the domain's devices, until a controller comes and has been given
 * them. So an agent that was away can start the domain again with its disks and
 * interfaces; a disk's lock goes on meanwhile, as if the domain still ran.
 */
#ifndef MONITOR_LINGER_H
#define MONITOR_LINGER_H

#include "hypervisor/monitor/monitor.h"

// For so long; an upgrade, or whatever has happened to the agent, takes
// minutes. After that its devices are anybody's again.
#define LINGER_MS 3600000

// With the page finished, and no controller, or one that has gone without our
// knowing. Returns when the devices have been given, with that controller in
// m->conn_fd, or when nobody came.
void linger(struct monitor *m);

#endif
