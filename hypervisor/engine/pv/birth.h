// SPDX-License-Identifier: ISC
// The child's part of making a zygote: from a copy of the monitor to the
// set-up code.

#ifndef PV_BIRTH_H
#define PV_BIRTH_H

#include "hypervisor/engine/engine.h"

// Runs in the freshly cloned child and never returns. `monitor_fd` is its end
// of the socket on which it sends its memory's descriptor, then PLAN_READY.
void birth(const struct domain *, const struct engine_slot *, int blob_fd,
           int monitor_fd) __attribute__((noreturn));

#endif
