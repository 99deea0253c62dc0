// SPDX-License-Identifier: ISC
// The real clock and its steps; see times.h.

#include "node-agent/api/times.h"

// With the lock held.
static void look(struct times *t)
{
    int64_t step_ns;

    if (!t->watch.boot_ns)
        clock_watch_begin(&t->watch, 0);
    clock_watch_ns(&t->watch, &step_ns);
    if (step_ns)
        t->steps++;
    if (step_ns < 0)
        t->back_real_ns = t->watch.seen_ns;
}

uint64_t times_now_ns(struct times *t)
{
    uint64_t now_ns;

    pthread_mutex_lock(&t->lock);
    look(t);
    now_ns = t->watch.seen_ns;
    pthread_mutex_unlock(&t->lock);
    return now_ns;
}

uint64_t times_known_ns(struct times *t, uint64_t started_real_ns)
{
    uint64_t known_ns;

    pthread_mutex_lock(&t->lock);
    look(t);
    known_ns = t->back_real_ns ? t->back_real_ns : started_real_ns;
    pthread_mutex_unlock(&t->lock);
    return known_ns;
}

uint64_t times_steps(struct times *t)
{
    uint64_t steps;

    pthread_mutex_lock(&t->lock);
    look(t);
    steps = t->steps;
    pthread_mutex_unlock(&t->lock);
    return steps;
}
