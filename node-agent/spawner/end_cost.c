// SPDX-License-Identifier: ISC
// The cost of an end; see end_cost.h.

#include "node-agent/spawner/end_cost.h"

/* To give a page back. */
#define NS_PER_KIB 40u
/* Whatever was seen: a machine that was held up tells nothing of the next end.
 */
#define NS_LEAST 100000u
#define NS_MOST  1000000u
/* Up by a quarter of what was missing, down by a part of what was too much: so
 * that it is enough for about nine of ten. */
#define UP   4
#define DOWN 32

static uint64_t memory_ns(uint64_t memory_kib)
{
    return memory_kib < UINT64_MAX / NS_PER_KIB ? memory_kib * NS_PER_KIB
                                                : UINT64_MAX / 2;
}

uint64_t end_cost_of(const struct end_cost *c, uint64_t memory_kib,
                     uint64_t budget_ns)
{
    uint64_t ns = c->ns + memory_ns(memory_kib);

    return ns < budget_ns / 4 ? ns : budget_ns / 4;
}

void end_cost_learn(struct end_cost *c, uint64_t memory_kib, uint64_t ns)
{
    uint64_t memory = memory_ns(memory_kib);

    ns = ns > memory ? ns - memory : 0;
    if (ns > NS_MOST)
        ns = NS_MOST;
    if (ns > c->ns)
        c->ns += (ns - c->ns) / UP;
    else
        c->ns -= (c->ns - ns) / DOWN;
    if (c->ns < NS_LEAST)
        c->ns = NS_LEAST;
}
