// SPDX-License-Identifier: ISC
/*
 * What a domain's own end costs it in CPU time: its processes are ended by the
 * kernel, give back their memory, report, and wake whoever waits for that. A
 * CPU budget pays for it too, so the program is stopped so much before it.
 *
 * How much it is differs from machine to machine by a factor of five, so it is
 * learned from those that were ended by their budget.
 */
#ifndef SPAWNER_END_COST_H
#define SPAWNER_END_COST_H

#include <stdint.h>

struct end_cost {
    uint64_t ns; /* of a domain without memory */
};

/* Until the first one was seen. */
#define END_COST_INIT                                                          \
    {                                                                          \
        .ns = 500000                                                           \
    }

/* What to keep for the end of one that has so much memory now: at most a
 * quarter of its budget. */
uint64_t end_cost_of(const struct end_cost *c, uint64_t memory_kib,
                     uint64_t budget_ns);

/* The end of one that had so much memory has cost so much. */
void end_cost_learn(struct end_cost *c, uint64_t memory_kib, uint64_t ns);

#endif
