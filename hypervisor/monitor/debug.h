// SPDX-License-Identifier: ISC
/*
 * A debugger at a domain: gdb's remote protocol over a descriptor that the
 * controller has passed on (HVC_ATTACH). While it is there the guest parks at
 * each trap before anyone else hears of it. When it goes, politely or not, its
 * breakpoints go and the guest runs on.
 */
#ifndef MONITOR_DEBUG_H
#define MONITOR_DEBUG_H

#include "hypervisor/monitor/monitor.h"

// Takes the descriptor, a stream that does not block, and asks the guest to
// stop. -EBUSY: it has a debugger.
int debug_attach(struct monitor *, int fd);

// The peer has said something, or can be told more.
void debug_spoke(struct monitor *);

// Is there one?
bool debug_active(void);

// The guest is parked: is it ours to deal with?
bool debug_stopped(struct monitor *, const struct engine_stop *);

// Waits for the guest to park: to be asked again soon.
bool debug_waits(const struct monitor *);

// The domain is over.
void debug_ended(struct monitor *);

#endif
