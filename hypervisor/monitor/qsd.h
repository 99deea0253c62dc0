// SPDX-License-Identifier: ISC
/*
 * Disks in formats that we do not read: each is served by a qemu-storage-daemon
 * of its own, over vhost-user. The daemon reads what a stranger may have
 * written, so it has no rights: nobody's identity (where we are root), no
 * network, no new privileges. It opens the disk's file through a descriptor, so
 * folders do not matter, but the file itself must be nobody's to open; so must
 * backing files, which it opens by name.
 */
#ifndef MONITOR_QSD_H
#define MONITOR_QSD_H

#include "hypervisor/monitor/disk.h"

// Starts one for a disk; returns the socket, connected, or a negative code.
int qsd_start(const struct disk *, struct err *);

// Ends all that were started, once their domain is over, giving them time to
// write what they hold back.
void qsd_end(void);

#endif
