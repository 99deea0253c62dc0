// SPDX-License-Identifier: ISC
/*
 * Back ends outside the monitor, for those who start domains: connecting to
 * one, and starting qemu-storage-daemon for a disk that is not raw.
 */
#ifndef MONITOR_OUTSIDE_H
#define MONITOR_OUTSIDE_H

#include "hypervisor/monitor/disk.h"

#define OUTSIDE_BLOCK_FDS 3 // socket, call, one kick

// Fills the message and the descriptors that go with it, which are the
// caller's to close. What was started ends with qsd_end (qsd.h).
int outside_open(const struct disk *, struct hvc_device *,
                 int fds[OUTSIDE_BLOCK_FDS], struct err *);

#endif
