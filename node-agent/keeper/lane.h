// SPDX-License-Identifier: ISC
// A lane: submissions waiting for something of which there are few (domain
// slots, build slots). Customers take turns, each in its own order of arrival,
// so that one with a thousand submissions delays another by one at most.
// Where the first of a customer does not fit into what is free, the others go
// on: one who asks for everything waits for everything, alone.
#ifndef KEEPER_LANE_H
#define KEEPER_LANE_H

#include "node-agent/keeper/sub.h"

struct lane_customer;

struct lane {
    struct lane_customer *turn; // ring; whose turn it is; NULL: nobody waits
    uint32_t waiting;
};

// 0, or -ENOMEM.
int lane_push(struct lane *l, struct sub *s);

// Back to the front, as if it had not been taken.
int lane_push_front(struct lane *l, struct sub *s);

// Who is next; NULL: nobody. lane_pop takes that one.
struct sub *lane_first(const struct lane *l);
void lane_pop(struct lane *l);

// The first in turn that needs at most this much memory, and that `fits` (if
// given) agrees to; now next in turn. NULL: nobody's first fits.
struct sub *lane_first_within(struct lane *l, uint64_t memory_kib,
                              bool (*fits)(void *arg, const struct sub *s),
                              void *arg);

// Takes one out, wherever it stands.
void lane_remove(struct lane *l, struct sub *s);

// How many of this customer's wait.
uint32_t lane_waiting_of(const struct lane *l, const key_id_t *customer);

void lane_fini(struct lane *l); // forgets all, frees no submission

#endif
