// SPDX-License-Identifier: ISC
/*
 * lwIP's clockwork. Each part of it wants to be called at its period; it is,
 * but only while there is something for it to do, so that an idle domain is
 * not woken. What keeps time but does nothing (the age of a neighbour) stands
 * still without traffic, and is made up for when there is some.
 */
#ifndef RT_NET_TIMER_H
#define RT_NET_TIMER_H

#include <stdint.h>

// The network's lock is held.
void timer_init(void);
void timer_run(void);         // does what is due
uint64_t timer_next_ns(void); // when the next will be due, or SCHED_NEVER

// A frame has come or gone.
void timer_traffic(void);

#endif
