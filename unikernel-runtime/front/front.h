// SPDX-License-Identifier: ISC
/*
 * What all front ends share: finding a device, the handshake by its control
 * block (hv.h), its events. A domain without devices pays nothing: front ends
 * look for theirs when the program first asks for them.
 */
#ifndef RT_FRONT_H
#define RT_FRONT_H

#include "hypervisor/abi/hv.h"
#include "unikernel-runtime/front/virtq.h"
#include "unikernel-runtime/kernel/sched.h"

struct front {
    const struct hv_device *device; // in start_info
    volatile struct hv_device_control *control;
    uint64_t features; // agreed on
    // Called as an event handler (kernel/event.h) at each event of the device.
    void (*event)(struct front *f);
    struct waitq status; // who waits for an answer of the host
};

// The n-th device of its type, or NULL.
const struct hv_device *front_find(enum hv_device_type type, unsigned n);

// Binds a device's events.
void front_open(struct front *f, const struct hv_device *device,
                void (*event)(struct front *f));

// Features the host offers, by VIRTIO_* bit; VERSION_1 and EVENT_IDX always.
uint64_t front_offered(const struct front *f);

// The whole handshake: accepts of `wanted` what is offered, announces the
// queues, runs. 0; -EIO if the host refuses; -ETIMEDOUT.
int front_start(struct front *f, uint64_t wanted, struct virtq *const *queues,
                unsigned n);

// Takes everything back: afterwards the host touches no buffer any more.
int front_reset(struct front *f);

// Copies of the config space, consistent in itself.
void front_config(const struct front *f, void *to, size_t offset, size_t len);

// Has the back end failed? Nothing will come back then, until a reset.
int front_failed(const struct front *f);

// Notifies the host, whatever it wants.
void front_notify(struct front *f);

// Notifies the host if it wants to hear of what was added to the queue. The
// scheduler is locked.
void front_kick(struct front *f, struct virtq *q);

#endif
