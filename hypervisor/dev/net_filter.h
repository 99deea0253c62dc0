// SPDX-License-Identifier: ISC
/*
 * What a domain may send: frames from its own MAC address, ARP, IPv4 and IPv6
 * in its own name, no router's words. And what a virtio-net header may ask
 * for. Pure functions of bytes.
 */
#ifndef DEV_NET_FILTER_H
#define DEV_NET_FILTER_H

#include <linux/virtio_net.h>
#include <stddef.h>
#include <stdint.h>

#include "hypervisor/monitor/control.h"

// So much of a frame is copied before it is looked at, and sent from the copy.
#define NET_HEAD 192u

#define NET_ETHERNET  14u
#define NET_FRAME_MAX (65535u + NET_ETHERNET)

// May the domain send it? `head` holds the first bytes of a frame of `len`,
// all of it or NET_HEAD. NULL: yes; else why not.
const char *net_filter(const struct hvc_net *, const uint8_t *head, size_t len);

// Is the header sound for the frame, and small enough for the link?
const char *net_header_check(const struct hvc_net *,
                             const struct virtio_net_hdr_v1 *,
                             const uint8_t *head, size_t len);

#endif
