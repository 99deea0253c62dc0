// SPDX-License-Identifier: ISC
// Counters that one reads, writes and waits for (eventfd).
#ifndef RT_COUNTER_H
#define RT_COUNTER_H

#include <stdint.h>

// `flags`: O_NONBLOCK; `one`: a read takes 1 and not all.
int counter_open(uint64_t count, int one, int flags);

#endif
