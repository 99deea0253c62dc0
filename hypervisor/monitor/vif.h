// SPDX-License-Identifier: ISC
/*
 * A network interface as an operator writes it, in
 * xl-network-configuration(5)'s syntax, and what a monitor is told of it.
 *
 *     KEY=VALUE[,KEY=VALUE...]
 *
 * mac, bridge, vifname, ip, rate, mtu are xl's. An ip is ADDRESS[/BITS], or
 * several of them with blanks between; the first of each family becomes the
 * interface's own. Ours are gateway and dns (one address of each family), and
 * loss, duplicate, reorder (in percent) for tests.
 */
#ifndef MONITOR_VIF_H
#define MONITOR_VIF_H

#include <net/if.h>

#include "hypervisor/monitor/control.h"
#include "lib/err.h"

struct vif {
    char name[IFNAMSIZ], bridge[IFNAMSIZ]; // "": not said
    struct hvc_net net;
    struct hvc_rate rate;
};

int vif_parse(struct vif *, const char *text, struct err *);

// Opens the TAP, or makes one and puts it on its bridge, and fills the message
// for it. Returns its descriptor, or a negative code.
int vif_open(const struct vif *, struct hvc_device *, struct err *);

#endif
