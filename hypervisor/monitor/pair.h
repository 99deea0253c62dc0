// SPDX-License-Identifier: ISC
/*
 * A monitor and its guest on one core, while they take turns.
 *
 * Who waits for the answer to every frame or disk request has monitor and guest
 * sleep and wake each other in turn, and the scheduler gives each wake-up a
 * core that is idle, which takes longer to be awake (and in a virtual machine
 * many times longer) than the turn itself. On one core a wake-up is a switch.
 * So while they take turns they are bound to the core that the monitor is on;
 * not for long at a time, so that the scheduler can find them a better one, not
 * when it goes slower so, and not when there is more to do than one of them at
 * a time can.
 */
#ifndef MONITOR_PAIR_H
#define MONITOR_PAIR_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "hypervisor/engine/engine.h"

// Bound for so long at most without another look.
#define PAIR_MS 20

struct pair {
    cpu_set_t all; // where they may run
    bool bound;
    unsigned rounds;     // since they were bound
    unsigned worse;      // looks in a row that found it slower than free
    unsigned hold;       // looks to go in which they stay free
    uint64_t free_ns;    // a frame or request lately, when free
    uint64_t looked_ns;  // the last look: CLOCK_MONOTONIC,
    uint32_t woken, met; // ... and what was counted by then
    uint64_t went;
};

// While system calls are still free to be made.
void pair_init(struct pair *);

// After a turn of the loop in which the guest may have been woken; `went`
// counts the frames and disk requests so far.
void pair_turn(struct pair *, struct domain *, uint64_t went);

#endif
