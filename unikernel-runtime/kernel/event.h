// SPDX-License-Identifier: ISC
/*
 * Event channels: handlers by port, and waiting.
 *
 * A handler runs with events masked, either in an upcall between any two
 * instructions of the program or in event_block(). It may only set flags and
 * wake threads (sched.h); it may not use the C library.
 *
 * To wait for something that an event announces:
 *
 *     events_mask();
 *     while (!it_is_so)
 *         event_wait(port);
 *     events_unmask();
 */
#ifndef RT_EVENT_H
#define RT_EVENT_H

#include <stdint.h>

typedef void event_handler(unsigned port);

void event_init(void);

// From now on this port interrupts and wakes; a null handler only wakes.
void event_bind(unsigned port, event_handler *handler);

// Do not nest.
void events_mask(void);
void events_unmask(void);

// Events masked: the caller sleeps until this port had an event. Others run.
// -EINTR if a signal has come first.
int event_wait(unsigned port);
int event_wait_point(unsigned port); // as sched_wait_point

// Events masked: the caller sleeps until any port but the timer's had an
// event, something was announced, or the deadline; like sched_wait.
int event_wait_any(uint64_t deadline_ns);
void event_announce(void);

// What the host's request to end does instead of ending the domain, or null.
extern void (*event_terminate)(void);

// Events masked: the processor sleeps until at least one event has come, and
// handles it. For the scheduler and for what cannot schedule any more.
void event_block(void);

// Events masked: handles all that is pending.
void event_dispatch(void);

// What a handler leaves to be done, with events masked, before the program
// goes on; null when there is nothing. It may use the C library, and switch
// threads.
extern void (*event_work)(void);

// Where the hypervisor delivers an upcall (arch/).
void event_upcall_entry(void);

#endif
