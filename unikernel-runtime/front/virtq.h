// SPDX-License-Identifier: ISC
/*
 * The guest's half of a split virtqueue with event indices. Rings lie in the
 * I/O window; everything that decides what happens here is kept outside it,
 * so that a back end that writes nonsense can be found out.
 *
 * Called with the scheduler locked, by threads and by event handlers.
 */
#ifndef RT_VIRTQ_H
#define RT_VIRTQ_H

#include "unikernel-runtime/front/virtio.h"

#include <stddef.h>
#include <stdint.h>

struct virtq_entry; // a descriptor's private half

struct virtq {
    uint16_t size; // a power of 2
    uint16_t nfree, free_head;
    uint16_t available; // index: requests made available
    uint16_t announced; // `available` when the host was last notified
    uint16_t seen;      // index: requests that came back
    uint16_t broken;    // the back end returned what it was not given
    struct virtq_entry *entry;
    struct virtq_desc *desc;
    struct virtq_avail *avail;
    struct virtq_used *used;
};

// A piece of a request, in the window.
struct virtq_piece {
    void *data;
    uint32_t len;
};

// Makes an empty queue (not called with the scheduler locked): 0 or -ENOMEM.
int virtq_make(struct virtq *q, unsigned size);

// Empties one whose device has been reset.
void virtq_clear(struct virtq *q);

// Makes a request available: `out` pieces for the host to read, then `in`
// pieces for it to fill; at least one, at most HV_CHAIN_MAX. The host may
// begin at once. 0, or -EAGAIN if the queue is full. The cookie is not null.
int virtq_add(struct virtq *q, const struct virtq_piece *pieces, unsigned out,
              unsigned in, void *cookie);

// Does the host want to be notified of what was added since the last time?
int virtq_wants_notify(struct virtq *q);

// The next request that came back, by its cookie; NULL if there is none (or
// the queue is broken). *len: bytes filled, as far as the host says.
void *virtq_take(struct virtq *q, uint32_t *len);

// Asks for an event when the next one comes back. True: one has already.
int virtq_arm(struct virtq *q);

// Has one come back? Without asking for an event.
int virtq_ready(const struct virtq *q);

#endif
