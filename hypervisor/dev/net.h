// SPDX-License-Identifier: ISC
/*
 * The network back end: virtio-net over a TAP. Frames go by readv and writev
 * between the TAP and the window; the one copy is the kernel's. A frame that
 * the domain may not send is dropped and counted; it is checked in a copy of
 * its first bytes, and sent from that copy.
 *
 * Queue 0 is into the domain (mergeable buffers, agreed on or not offered at
 * all: a driver must take them), queue 1 out of it.
 */
#ifndef DEV_NET_H
#define DEV_NET_H

#include "hypervisor/dev/device.h"

extern const struct device_ops net_ops;

#endif
