// SPDX-License-Identifier: ISC
/*
 * Frames between TAPs and memory of the monitor's own, many in one system call
 * where the slot has a ring for it, one in each otherwise. Nothing is under
 * way when a function returns, so interfaces share what is here.
 *
 * Lengths are bytes, header (struct virtio_net_hdr_v1) included.
 */
#ifndef DEV_NET_BATCH_H
#define DEV_NET_BATCH_H

#include <linux/virtio_net.h>
#include <stddef.h>
#include <stdint.h>

#include "hypervisor/dev/net_filter.h"
#include "hypervisor/dev/uring.h"

#define NET_BATCH_IN  8u
#define NET_BATCH_OUT 32u

// The largest frame there can be.
#define NET_BATCH_LEN (sizeof(struct virtio_net_hdr_v1) + NET_FRAME_MAX)

// A frame that is no longer is copied whole, in both directions: the kernel
// takes one piece in less time than it needs for the list of two.
#define NET_WHOLE_MAX 2048u
_Static_assert(NET_WHOLE_MAX >= NET_HEAD, "what is checked is copied");

// Reads up to `most` (1 to NET_BATCH_IN) frames, of any size. Returns how many
// came and where the lengths are; they lie at net_batch_in(0) and so on, until
// the next call. Less than `most`: there are no more for now. -errno: the TAP
// is gone.
int net_batch_read(struct uring *, int fd, unsigned most,
                   uint32_t len[NET_BATCH_IN]);
const uint8_t *net_batch_in(unsigned i);

// A frame out, or the first bytes of one.
struct net_copy {
    struct virtio_net_hdr_v1 header;
    uint8_t head[NET_WHOLE_MAX];
};

// Where the next frame is to be copied. The same until it is added.
struct net_copy *net_batch_out(void);

// Adds it, a whole frame of so many bytes, and sends all if there is no room
// for another. One that the kernel does not take is lost, as on any link.
void net_batch_add(struct uring *, int fd, uint32_t len);

// Sends what was added. Each interface sees to it that its own are gone before
// it returns to the loop.
void net_batch_send(struct uring *, int fd);

#endif
