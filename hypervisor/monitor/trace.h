// SPDX-License-Identifier: ISC
/*
 * A trace of the domain, as lines of text to a stream (HVC_ATTACH): what the
 * guest has asked (engine/trace_ring.h) and what the host has done, with times
 * of the domain's clock. What the reader is too slow for is counted, left out,
 * and said.
 */
#ifndef MONITOR_TRACE_H
#define MONITOR_TRACE_H

#include "hypervisor/monitor/monitor.h"

// Takes the descriptor. -EBUSY: somebody is tracing.
int trace_attach(struct monitor *, int fd);
bool trace_active(void);

// Takes what is new, and sends it; the loop's every turn while it is traced.
void trace_turn(struct monitor *);

// The peer can be told more; has gone.
void trace_flush(struct monitor *);
void trace_gone(struct monitor *);

// The domain is over: the last lines.
void trace_ended(struct monitor *);

#endif
