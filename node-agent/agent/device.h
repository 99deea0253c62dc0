// SPDX-License-Identifier: ISC
/*
 * Devices of the operator's domains on their way: from the hostel command,
 * which opens them, through the operator role and the keeper to the spawner,
 * which hands them to a monitor.
 *
 * With a message go, as its last descriptors, a sealed memfd with n structs
 * dom_device and n descriptors, one a device: a disk's file or block device,
 * a TAP, or, for a disk that a back end of the operator's serves
 * (HVC_D_VHOST_USER), a ticket for that one's socket (ticket.h): each run of
 * the domain needs a connection of its own.
 */
#ifndef AGENT_DEVICE_H
#define AGENT_DEVICE_H

#include <stdint.h>
#include "hypervisor/monitor/control.h"
#include "lib/err.h"

#define DOM_TARGET_MAX 128

struct dom_device {
    struct hvc_device m;
    char target[DOM_TARGET_MAX]; /* a disk's path, a TAP's name: to show;
                                    nobody opens it */
    char bridge[16];             /* of a TAP; "": none */
};

struct dom_devices {
    uint32_t n, pad; /* at most HV_DEVICE_MAX */
    struct dom_device at[HV_DEVICE_MAX];
};

/* What goes along with n of them. */
#define DEVICES_FDS(n)  ((n) ? 1u + (n) : 0u)
#define DEVICES_FDS_MAX (1 + HV_DEVICE_MAX)

/* The memfd, or -errno. */
int devices_pack(const struct dom_devices *d, struct err *e);

/*
 * Reads n devices from fds[0], the memfd, and checks each and its descriptor,
 * fds[1 + i]. All descriptors stay the caller's. 0, or -errno with a sentence;
 * -EPROTO when whoever sent it is no hostel.
 */
int devices_take(struct dom_devices *d, uint32_t n, const int *fds,
                 struct err *e);

/* The same for one, whose description was checked before. */
int device_take(const struct dom_device *d, int fd, struct err *e);

/* What the I/O window of a domain with these takes; 0 with none. */
uint64_t devices_window_kib(const struct dom_devices *d);

/* A slot that has io_urings is needed: there is an interface, or a disk that
 * the monitor serves. */
int devices_want_rings(const struct dom_devices *d);

/* Its back end is at a socket of the operator's. */
static inline int device_is_outside(const struct dom_device *d)
{
    return (d->m.flags & HVC_D_VHOST_USER) != 0;
}

#endif
