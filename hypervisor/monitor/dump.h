// SPDX-License-Identifier: ISC
// Core files of this domain: on request, to a stream while the guest is held
// still; and at an end, to a file.

#ifndef MONITOR_DUMP_H
#define MONITOR_DUMP_H

#include "hypervisor/monitor/monitor.h"

// Takes the descriptor. -EBUSY: a core is being written, or a debugger is at
// it.
int dump_attach(struct monitor *, int fd);

// The peer can be told more.
void dump_flush(struct monitor *);

// The guest is parked: for a dump?
bool dump_stopped(struct monitor *, const struct engine_stop *);

// Waits for the guest to park; is not done.
bool dump_waits(const struct monitor *);
bool dump_active(void);

// The guest is ending in a trap.
void dump_trap(struct monitor *);

// It says that it is over, for this reason (enum hv_shutdown_reason). True: not
// yet, it is to be parked first, and dump_stopped ends it.
bool dump_last(struct monitor *, uint32_t reason);

// The signal that gdb shows for a trap.
unsigned dump_signal(uint32_t vector);

#endif
