// SPDX-License-Identifier: ISC
// The api role's view of the real clock, which somebody may set. Signatures and
// bundles are judged by the clock as it is; what must not be lost when it is
// set back is what was used already. May be called from any thread.

#ifndef API_TIMES_H
#define API_TIMES_H

#include <pthread.h>
#include <stdint.h>

#include "lib/clock_watch.h"

// All zeros at first.
struct times {
    pthread_mutex_t lock;
    struct clock_watch watch;
    uint64_t back_real_ns; // the clock was set back to this; 0: never
    uint64_t steps;        // how often it was set
};

// The real clock, ns.
uint64_t times_now_ns(struct times *t);

// Which signatures were used is known of those made since then: since the role
// began, or since the clock was set back, when times come again that were here
// before. ns.
uint64_t times_known_ns(struct times *t, uint64_t started_real_ns);

// How often the clock was set.
uint64_t times_steps(struct times *t);

#endif
