// SPDX-License-Identifier: ISC
/*
 * Waiting without sleeping, for a domain whose devices are at work. A core that
 * has gone to sleep takes tens of microseconds to be awake again, which is what
 * a fast disk takes; so the loop looks out for that long before it sleeps, as
 * long as that has paid lately. It is the domain's CPU time.
 */
#ifndef MONITOR_SPIN_H
#define MONITOR_SPIN_H

#include <stdbool.h>
#include <stdint.h>

#define SPIN_NS 50000

struct spin {
    int credit;       // below 0: it did not pay lately
    unsigned skipped; // turns in which no descriptor was looked at
};

// How the wait between two turns went.
void spin_learn(struct spin *, uint64_t waited_ns);

// Is it worth it?
bool spin_wanted(const struct spin *);

// May this turn do without a look at all descriptors? Not always: others would
// never be heard.
bool spin_may_skip(struct spin *);

#endif
