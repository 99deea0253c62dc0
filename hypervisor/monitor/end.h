// SPDX-License-Identifier: ISC
// How a domain ends: why, what is said about it, and to whom.

#ifndef MONITOR_END_H
#define MONITOR_END_H

#include "hypervisor/monitor/monitor.h"

// Stops the guest for a reason; the first reason stands. The rest follows
// when the guest is gone.
void end(struct monitor *, enum hvc_cause, uint32_t status, const char *fmt,
         ...) __attribute__((format(printf, 4, 5)));

// What the guest has left in shared_info for its monitor: a trap, or that it
// wants to end. False when there is nothing.
bool end_as_said(struct monitor *);

// What a guest's word (HV_SHUTDOWN_*) ends in.
void end_by_word(struct monitor *, uint32_t reason);

// The guest is gone: last words, counter page, HVC_EXITED, exit.
void end_finish(struct monitor *) __attribute__((noreturn));

#endif
