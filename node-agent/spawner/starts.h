// SPDX-License-Identifier: ISC
/*
 * Domains that wait for a clean slot of their kind, first come first served,
 * and how many slots are made so that they, and those to come, find one.
 */
#ifndef SPAWNER_STARTS_H
#define SPAWNER_STARTS_H

#include "node-agent/spawner/spawner.h"

// With the engine's name.
#define ENGINE_ABSENT                                                          \
    "this machine cannot run engine %s: there is no /dev/kvm that hosteld "    \
    "may use"

// The keeper's MSG_START: queued, or answered why not. Takes the descriptors.
// -EPROTO or -ENOMEM if the keeper is not to be heard any more.
int starts_take(struct spawner *, const struct msg_start *,
                int fds[IPC_FDS_MAX], struct err *);

// Gives back the domain, if it still waits.
void starts_withdraw(struct spawner *, const sub_id_t *);

// Starts who waits, where there are clean slots, and refuses who waits in vain.
void starts_settle(struct spawner *);

// Has as many slots made as there are domains that wait, and some to spare.
void starts_refill(struct spawner *);

#endif
