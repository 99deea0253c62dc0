// SPDX-License-Identifier: ISC
// The three clocks, and sleeping.
#ifndef RT_CLOCK_H
#define RT_CLOCK_H

#include <stdint.h>

#define NS_PER_S  1000000000ul
#define NS_PER_US 1000ul

// Real: ns since boot. Never goes back; stands still while suspended.
uint64_t clock_real_ns(void);

// Wall: ns since 1970.
uint64_t clock_wall_ns(void);

// The same as seconds and ns; 0, so that clock_gettime can be a jump.
struct timespec;
int clock_real(struct timespec *ts);
int clock_wall(struct timespec *ts);

// Virtual: ns of processor time that this domain has used.
uint64_t clock_virtual_ns(void);

// The caller sleeps until the real clock has reached `deadline_ns`: 0; or
// until a signal was delivered to it: -EINTR.
int clock_sleep_until(uint64_t deadline_ns);

#endif
