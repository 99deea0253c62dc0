// SPDX-License-Identifier: ISC
// What has changed of all submissions of a customer (or of everybody), one
// after the other, for whoever follows them.
//
// Changes are numbered; the last FEED_MAX are in memory. A follower says the
// number of the last one it heard of, and gets the next submission of its own
// that changed behind it, as it is by then: one that changed again is told
// once. Whoever is too far behind, or comes from before a restart, is told that
// it has missed some (410), and looks at the list. Numbers begin with the time,
// so that those of another run are never taken for our own.

#ifndef KEEPER_FEED_H
#define KEEPER_FEED_H

#include <stdint.h>
#include "node-agent/agent/msg.h"

union ipc_any;
struct keeper;
struct sub;

// Minutes at the pace of a node under load.
#define FEED_MAX 8192u
// Followers that wait; beyond it they are answered at once, with nothing.
#define FEED_WAITERS_MAX 256u

struct change {
    sub_id_t id;
    key_id_t customer;
};
struct feed_waiter {
    struct msg_head to;
    key_id_t customer;
    uint64_t after, until_ns;
};
struct feed {
    uint64_t first, last;       // numbers: the first ever, the last so far
    struct change at[FEED_MAX]; // by number
    struct feed_waiter waits[FEED_WAITERS_MAX];
    uint32_t nwaits;
};

void feed_open(struct feed *f, uint64_t now_real_ns);

// It was saved with a change.
void feed_add(struct keeper *k, struct sub *s);

// After the save of a turn: who can be answered, and whose time is up.
void feed_serve(struct keeper *k, uint64_t now_ns);
uint64_t feed_due_ns(const struct feed *f); // CLOCK_MONOTONIC

// MSG_WATCH
int feed_watch(struct keeper *k, const union ipc_any *any);

#endif
