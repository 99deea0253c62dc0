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

// For a guest that is awake; for a disk with a request.
#define SPIN_GUEST_NS 50000
#define SPIN_DISK_NS  150000

struct spin {
    uint64_t most_ns; // waits that are longer are slept through
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
