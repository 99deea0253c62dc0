// SPDX-License-Identifier: ISC
/*
 * The devices of a domain, the host's half. A back end is a table of
 * operations; the handshake by the control block (hv.h), queues, events,
 * counters and limits of rate are the same for all and are kept here. Back
 * ends run in the monitor's process, in its loop: nothing they do may wait.
 *
 * A guest that breaks a rule is reported by device_broke(), and the loop ends
 * the domain with that reason. Functions return 0, or -1 after device_broke().
 */
#ifndef DEV_DEVICE_H
#define DEV_DEVICE_H

#include "hypervisor/dev/bucket.h"
#include "hypervisor/dev/uring.h"
#include "hypervisor/dev/virtq.h"
#include "hypervisor/engine/engine.h"
#include "hypervisor/monitor/control.h"
#include "lib/err.h"

// Memory that domains without such a device never touch. It lies behind
// everything else, so that it does not stretch what they do touch.
#define DEVICE_MEMORY __attribute__((section(".lbss")))

struct device;

/*
 * A kind of back end. Called in this order:
 *
 *   open    takes the controller's description and its descriptors (which are
 *           in d->fd, and stay there); sets what is offered and the config
 *   start   DRIVER_OK: features are agreed, d->queue is ready
 *   kick, ready, tick    in any order, while it runs or drains
 *   stop    the guest resets: nothing more is taken; what is in flight ends
 *   idle    is nothing in flight any more? Asked after each call; when it
 *           says yes after stop, the reset is done and start may come again
 *
 * start, ready, tick, stop and idle may be null; an idle that is null is yes.
 */
struct device_ops {
    enum hv_device_type type; // vhost.c: of any that it is told
    const char *name;         // in messages
    uint16_t queues_min, queues_max;
    size_t fds_min, fds_max;
    int (*open)(struct device *, const struct hvc_device *, struct err *);
    int (*start)(struct device *);
    // The guest has perhaps made requests available. Takes them until none is
    // left, and arms each queue that it empties.
    int (*kick)(struct device *);
    // epoll events on d->fd[which], see device_watch.
    int (*ready)(struct device *, unsigned which, uint32_t events);
    // d->due_ns has come (and is UINT64_MAX again).
    int (*tick)(struct device *);
    void (*stop)(struct device *);
    bool (*idle)(const struct device *);
};

enum device_state {
    DEVICE_RESET,
    DEVICE_ACKNOWLEDGED,
    DEVICE_DRIVER,
    DEVICE_AGREED,
    DEVICE_RUNNING,
    DEVICE_DRAINING, // a reset was asked for
    DEVICE_FAILED,   // the guest gave up, or NEEDS_RESET: a reset is awaited
    DEVICE_STATES
};

struct device {
    const struct device_ops *ops;
    enum hv_device_type type;
    struct devices *all;
    unsigned index;             // in start_info's device table
    unsigned nth;               // of its type
    int fd[HVC_DEVICE_FDS_MAX]; // -1: none
    int kept_fd;                // HVC_D_KEPT; -1: none
    bool gone, gone_told;       // its back end, outside
    uint64_t offered;           // features; open adds to the mandatory ones
    uint64_t features;          // agreed on
    enum device_state state;
    uint32_t asked; // the guest's status as last seen
    unsigned nqueues;
    struct virtq queue[HV_QUEUES_MAX];
    uint64_t due_ns; // CLOCK_MONOTONIC; UINT64_MAX: never
    struct {
        struct bucket bytes, ops;
    } rate[2];
    bool stirred; // requests came back by the ring: kick is to be called
    void *own;    // the back end's
    const char *broken;
};

struct devices {
    struct domain *domain;
    struct hvc_page *page; // the counters: back ends add to them
    int epoll_fd;
    bool busy;         // a request was taken or came back lately
    struct uring ring; // of the disks; made with the slot, or never
    struct uring wire; // of frames, the same
    unsigned n;
    bool any_gone;         // perhaps
    struct device *device; // [HV_DEVICE_MAX]
};

// ------------------------------------------------------- for the monitor

// A process has one domain, so one of these.
void devices_init(struct devices *, struct domain *, struct hvc_page *,
                  int epoll_fd);

// Makes the rings, while the slot is made. A slot without them serves disks
// too, but waits for them, and frames one by one.
int devices_make_rings(struct devices *, struct err *);

// Checks the message and adds a device. The descriptors are taken (set to -1)
// if it succeeds. Grows the window by the device's share.
int devices_add(struct devices *, const struct hvc_device *, int *fds,
                size_t nfds, struct err *);

// Bit mask of 1 << HV_DEV_*: which kinds there are; the console always.
uint32_t devices_kinds(const struct devices *);

// The guest's device table.
void devices_fill(const struct devices *, struct hv_start_info *);

// Each returns NULL, or the rule that the guest has broken.
const char *devices_notified(struct devices *, uint64_t ports);
const char *devices_ready(struct devices *, unsigned token, uint32_t events);
const char *devices_tick(struct devices *, uint64_t now_ns);

// A device whose back end is gone, of which this was not said yet; -1: none.
int devices_next_gone(struct devices *);

// Requests of the ring have come back: devices_reap deals with them. Cheap.
bool devices_ready_now(const struct devices *);
const char *devices_reap(struct devices *);

// Are requests under way in the ring, so that a disk is what is waited for?
bool devices_in_flight(const struct devices *);

// Has a device had work since the last time this was asked? Then there will be
// more soon.
bool devices_were_busy(struct devices *);

// Before and after the loop sleeps: completions are announced by a descriptor
// only in between.
void devices_sleep(struct devices *, bool asleep);

// When devices_tick is next to be called; UINT64_MAX: never.
uint64_t devices_due_ns(const struct devices *);

// ------------------------------------------------------ for the back ends

int device_broke(struct device *, const char *why);

// Watches d->fd[which] for epoll events: ops->ready is called with them.
// False for what cannot be watched.
bool device_watch(struct device *, unsigned which, uint32_t events);
void device_unwatch(struct device *, unsigned which);

// Raises the device's event.
void device_raise(struct device *);

// After requests were given back in any of its queues: raises the event if
// the guest waits for it.
void device_tell(struct device *);

// Replaces the config space, of at most 96 bytes, under its sequence lock;
// announces it once the guest has been told of the device.
void device_config(struct device *, const void *config, size_t len);

// The back end can serve no longer: NEEDS_RESET.
void device_fail(struct device *);

// The same of one outside, which will not come back: the controller is told.
void device_gone(struct device *);

// Limits of rate, by d->rate[which]: may a request go now? If not, due_ns is
// set so that ops->tick comes when it may.
bool device_may(struct device *, unsigned which, uint64_t now_ns);
void device_spend(struct device *, unsigned which, uint64_t bytes,
                  uint64_t now_ns);

#endif
