// SPDX-License-Identifier: ISC
/*
 * The end of the domain. What is kept back has to be written first, and only
 * threads can wait for that.
 */
#ifndef RT_END_H
#define RT_END_H

#include "hypervisor/abi/hv.h"

// Set by who keeps something back. The first writes it all, in a thread; the
// second has a thread do that and end the domain then, and is called by event
// handlers: 0 if it cannot.
extern void (*end_write)(void);
extern int (*end_later)(enum hv_shutdown_reason reason, unsigned status);

// By a thread.
_Noreturn void end_domain(enum hv_shutdown_reason reason, unsigned status);

// By an event handler; returns if the end is to come.
void end_soon(enum hv_shutdown_reason reason, unsigned status);

// It is to come: a thread that has asked for it waits (the scheduler's lock).
extern int end_is_coming;

#endif
