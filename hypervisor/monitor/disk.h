// SPDX-License-Identifier: ISC
/*
 * A disk as an operator writes it, in xl-disk-configuration(5)'s syntax, and
 * what a monitor is told of it.
 *
 *     [TARGET[,FORMAT[,VDEV[,ACCESS]]]][,KEY=VALUE...]
 *
 * Positional words fill, in this order, what is not yet set. TARGET may have
 * the prefix phy:, file: (both mean format raw) or vhost-user: (a socket).
 * `target=` must come last and takes the rest of the text, commas included.
 */
#ifndef MONITOR_DISK_H
#define MONITOR_DISK_H

#include <limits.h>
#include <stdbool.h>

#include "hypervisor/monitor/control.h"
#include "lib/err.h"

enum disk_format { DISK_FORMAT_UNSET, DISK_RAW, DISK_QCOW2, DISK_VHOST_USER };

struct disk {
    char target[PATH_MAX];
    enum disk_format format;
    char vdev[16]; // "": not said
    bool read_only, vdev_set, access_set;
    struct hvc_rate rate;
};

// Reads a description, and refuses what its back end cannot do; nth: its place
// in the list, which VDEV must agree with.
int disk_parse(struct disk *, const char *text, unsigned nth, struct err *);

// The message for one whose back end is outside, in whatever format.
struct hvc_device disk_outside(void);

// Opens a raw disk and fills the message for it. The descriptor holds a lock,
// against a second writer, as long as anyone has it open. Returns it, or a
// negative code.
int disk_open(const struct disk *, unsigned nth, struct hvc_device *,
              struct err *);

#endif
