// SPDX-License-Identifier: ISC
/*
 * Waiting without sleeping. A processor that has gone to sleep is awake again
 * after tens of microseconds; an answer that takes no longer than that is
 * better looked out for. Whether it does is learned from the waits before.
 */
#ifndef RT_SPIN_H
#define RT_SPIN_H

#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/sched.h"

#define SPIN_NS     (60 * NS_PER_US)
#define SPIN_CREDIT 8

struct spin {
    int credit; // below 0: it did not pay lately
};

// How a wait went: was it short enough to have been spun through?
static inline void spin_learn(struct spin *s, uint64_t waited_ns)
{
    if (waited_ns > SPIN_NS)
        s->credit = s->credit > 0 ? s->credit - 4 : -SPIN_CREDIT;
    else if (s->credit < SPIN_CREDIT)
        s->credit++;
}

// Looks out until `ready(arg)`, something else is to be done, or it has been
// long enough. The scheduler is locked.
static inline void spin_while_quiet(struct spin *s, int (*ready)(void *),
                                    void *arg)
{
    if (s->credit < 0)
        return;
    uint64_t end_ns = clock_real_ns() + SPIN_NS;
    while (!ready(arg) && !sched_wanted() && clock_real_ns() < end_ns)
        __builtin_ia32_pause();
}

#endif
