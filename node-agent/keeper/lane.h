// SPDX-License-Identifier: ISC
// A lane: submissions waiting for something of which there are few (domain
// slots, build slots). Customers take turns, each in its own order of arrival,
// so that one with a thousand submissions delays another by one at most.
// Nothing overtakes: a large domain gets its memory by waiting at the front.
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

// Takes one out, wherever it stands.
void lane_remove(struct lane *l, struct sub *s);

// How many of this customer's wait.
uint32_t lane_waiting_of(const struct lane *l, const key_id_t *customer);

void lane_fini(struct lane *l); // forgets all, frees no submission

#endif
