// SPDX-License-Identifier: ISC
// What the spawner is told to start a submission's domain, and is passed.
#ifndef KEEPER_START_H
#define KEEPER_START_H

#include "node-agent/keeper/keeper.h"

enum start_verdict {
    START_ASKED,
    START_LATER,      // its volumes are not known yet, a moment after our start
    START_CPU_SPENT,  // by its earlier incarnations
    START_TIME_SPENT, // likewise
    START_REFUSED,    // e says why it can never have its volumes
    START_FAILED      // e says what is missing; perhaps not for long
};

// device: its interface, whose descriptor stays the caller's; NULL: none.
enum start_verdict start_ask(struct keeper *k, struct sub *s,
                             const struct dom_device *device, int device_fd,
                             struct err *e);

#endif
