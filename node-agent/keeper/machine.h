// SPDX-License-Identifier: ISC
// The life of a submission: states x events, one table (machine.c).
#ifndef KEEPER_MACHINE_H
#define KEEPER_MACHINE_H

#include "node-agent/keeper/keeper.h"

enum event_kind {
    EV_TURN,      // there is room for it: build it, or start it
    EV_BUILT,     // .built, .image_fd: the builder made an image
    EV_UNBUILT,   // .built: it did not
    EV_LINKED,    // .device, .device_fd: its interface was made
    EV_STARTED,   // its domain runs
    EV_BUSY,      // .text: there was no free slot after all
    EV_UNSTARTED, // .text: the spawner could not start it
    EV_USAGE,     // .domain: an interval has passed
    EV_ENDED,     // .domain: its domain is over
    EV_LOST,      // .text: the node failed it
    EV_SPENT,     // what was held for it is used up
    EV_DESTROY,   // its customer or the operator wants its end
    EV_DRAINED,   // it is a function, and its last call is over
    EV_SETTLED,   // .settled: the ledger has charged it
    EV_COUNT
};

struct event {
    enum event_kind kind;
    const struct msg_domain *domain;
    const struct msg_built *built;
    const int *image_fd;
    const struct dom_device *device;
    const int *device_fd;
    const struct msg_settle_reply *settled;
    const char *text;
};

// An event that a state does not know is logged and ignored. After EV_SETTLED
// the submission is gone at the end of the turn.
void machine_feed(struct keeper *k, struct sub *s, const struct event *ev);
#define machine_event(k, s, ...)                                               \
    machine_feed((k), (s), &(const struct event){__VA_ARGS__})

// It is held: the first state of the table.
void machine_begin(struct keeper *k, struct sub *s);

// After a restart: takes the place that its journalled state gives it.
void machine_resume(struct keeper *k, struct sub *s);

// Puts one into the lane of its state.
void machine_wait(struct keeper *k, struct sub *s);

// Gives turns to those who wait, as far as there is room (schedule.c).
void machine_schedule(struct keeper *k);

// What the spawner's word about an end means to a customer.
enum sub_outcome machine_outcome(uint32_t cause, uint32_t status);

// Makes a usage record of what is not in one yet, unless the last one is still
// on its way.
void machine_record(struct keeper *k, struct sub *s, uint64_t now_real_ns);

// Tells a domain's slot that its end is known.
void machine_release(struct keeper *k, const sub_id_t *id);

#endif
