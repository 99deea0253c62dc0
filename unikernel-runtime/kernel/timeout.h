// SPDX-License-Identifier: ISC
/*
 * Things to be done at a time: a list ordered by deadline, of which the first
 * is in the hypervisor's one-shot timer. Nothing waits, no timer.
 *
 * Called with events masked; `expired` runs as an event handler does.
 */
#ifndef RT_TIMEOUT_H
#define RT_TIMEOUT_H

#include <stdint.h>

struct timeout {
    struct timeout *next;
    uint64_t deadline_ns; // of the real clock; 0 while it is not set
    uint64_t due_ns;      // the deadline that `expired` is called for
    void (*expired)(struct timeout *t);
};

// Sets it, or moves it if it is set already.
void timeout_set(struct timeout *t, uint64_t deadline_ns);
void timeout_cancel(struct timeout *t);

// Handler of the timer's event.
void timeout_event(unsigned port);

#endif
