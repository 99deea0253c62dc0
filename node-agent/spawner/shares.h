// SPDX-License-Identifier: ISC
/*
 * Looks after the CPU shares of domains that compute: ten times a second
 * their groups' weights are set so that they get what they are owed (fair.h).
 * Only those are looked at that use more than a fiftieth of a processor, which
 * cannot be many; a node at rest has no work with it.
 */
#ifndef SPAWNER_SHARES_H
#define SPAWNER_SHARES_H

#include <stdbool.h>
#include <stdint.h>

#include "node-agent/spawner/fair.h"

#define SHARES_MAX 64

struct spawner;
struct slot;

struct shares {
    uint64_t due_ns, last_ns; /* CLOCK_MONOTONIC; due_ns 0: nobody is there */
    uint32_t n;
    struct slot *slot[SHARES_MAX];
    struct fair fair[SHARES_MAX];
    uint64_t used_ns[SHARES_MAX]; /* of its group, at the last turn */
    uint64_t slept[SHARES_MAX];   /* how often its guest did, likewise */
    bool awake[SHARES_MAX];       /* its guest, then */
};

/* It has used so much since its start, which is told once an interval: is it
 * one to look after? */
void shares_told(struct spawner *p, struct slot *s, uint64_t cpu_ns);

/* Is it time? Then a turn is taken; and the loop is woken for the next. */
void shares_turn(struct spawner *p, uint64_t now_ns);

/* It does not run any more, or its weight was set anew. */
void shares_leave(struct spawner *p, struct slot *s);

#endif
