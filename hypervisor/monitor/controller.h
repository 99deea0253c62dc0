// SPDX-License-Identifier: ISC
// The monitor's controller: whoever is connected and says what the domain is
// to be. The messages are control.h's.

#ifndef MONITOR_CONTROLLER_H
#define MONITOR_CONTROLLER_H

#include "hypervisor/monitor/monitor.h"

// A slot that nobody controls for so long gives itself up.
#define CONTROLLER_ORPHAN_NS 60000000000u

// The connection is there: watch it, say HVC_READY.
void controller_greet(struct monitor *);

// HVC_READY, with the state. 0 or -errno.
int controller_ready(struct monitor *);

// HVC_GIVEN for each device.
void controller_give(struct monitor *);

// Another one connects and takes over.
void controller_accept(struct monitor *);

// Input that found no room may find some now.
void controller_input_turn(struct monitor *);

// Back ends outside that are gone are told of.
void controller_devices_turn(struct monitor *);

// A message has come, or its end.
void controller_spoke(struct monitor *);

#endif
