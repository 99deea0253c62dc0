// SPDX-License-Identifier: ISC
/*
 * The host's half of a split virtqueue whose parts and buffers lie in the I/O
 * window (hv.h). The guest may write anything at any time: each index and
 * descriptor is copied exactly once, the copy checked and used. What lies in
 * the window is never believed again, not even what we wrote there.
 *
 * Functions that look at the guest's half return -EPROTO when it has broken a
 * rule; `broken` then says which, and the domain must end.
 */
#ifndef DEV_VIRTQ_H
#define DEV_VIRTQ_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "hypervisor/abi/hv.h"

struct virtq {
    uint8_t *window; // host address
    uint64_t window_len;
    const struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
    uint16_t size;     // 0: not in use
    uint16_t seen;     // the guest's available index when it was last looked at
    uint16_t taken;    // free-running: chains taken
    uint16_t returned; // ... given back
    uint16_t told;     // `returned` when the guest was last told
    bool indirect;     // agreed on
    const char *broken;
};

// One request: buffers as host addresses inside the window. First those that
// the guest filled (out), then those that it wants filled (in). The counts and
// the vectors are private and may be changed by whoever serves it.
struct virtq_chain {
    uint16_t head;
    uint16_t nout, nin;
    struct iovec *out, *in; // into iov
    struct iovec iov[HV_CHAIN_MAX];
};

// From a copy of the guest's struct: checks where everything is.
int virtq_open(struct virtq *, uint8_t *window, uint64_t window_len,
               const struct hv_queue *copy, bool indirect);

// Takes the next request: 1; 0 if there is none.
int virtq_take(struct virtq *, struct virtq_chain *);

// Gives a request back, with so many bytes written to its `in` buffers.
void virtq_put(struct virtq *, uint16_t head, uint32_t written);

// The same in two steps, for who has many: each time the guest can see what
// came back costs both a trip of the ring's lines between two cores.
void virtq_return(struct virtq *, uint16_t head, uint32_t written);
void virtq_publish(struct virtq *);

// After requests were given back, which it publishes: does the guest want to be
// told now?
bool virtq_wants_event(struct virtq *);

// Asks to be notified of the next request. True: one has come meanwhile, so
// look again.
bool virtq_arm(struct virtq *);

// How many requests have been taken and not given back.
static inline unsigned virtq_in_flight(const struct virtq *q)
{
    return (uint16_t)(q->taken - q->returned);
}

// Bytes in a vector.
size_t virtq_len(const struct iovec *, unsigned n);

// Copies the first len bytes of `out` and drops them; false if there are less.
bool virtq_pull(struct virtq_chain *, void *to, size_t len);

// Drops the last byte of `in` and says where it is; NULL if there is none.
uint8_t *virtq_last_byte(struct virtq_chain *);

#endif
