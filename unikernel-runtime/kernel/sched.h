// SPDX-License-Identifier: ISC
/*
 * Who runs: the ready thread of the highest priority; among equals, in turns
 * of SCHED_SLICE_NS that are timed only while there are several.
 *
 * All of the scheduler's data, and every queue of waiting threads, is guarded
 * by one lock. On one virtual processor that is masking events; with more it
 * would be a spinlock too, taken in sched_lock() and handed over by
 * switch_to(). To wait for something that another thread or a handler brings:
 *
 *     sched_lock();
 *     while (!it_is_so)
 *         sched_wait(&queue, SCHED_NEVER);
 *     sched_unlock();
 */
#ifndef RT_SCHED_H
#define RT_SCHED_H

#include "unikernel-runtime/kernel/event.h"

#include <stdint.h>

#define SCHED_PRIORITIES 32
#define SCHED_NEVER      UINT64_MAX
#define SCHED_SLICE_NS   4000000ul

struct thread;

// Threads in the order in which they will be woken: by priority, then by time.
struct waitq {
    struct thread *first, *last;
};

// Does not nest.
static inline void sched_lock(void)
{
    events_mask();
}

// Gives way to a thread that is more urgent than the caller.
static inline void sched_unlock(void)
{
    events_unmask();
}

/*
 * The rest is called with the lock held, by threads and (wake, ready) by
 * event handlers.
 */

// Sleeps in `q` (if there is one) until woken: 0; until the real clock has
// reached `deadline_ns`: -ETIMEDOUT; or interrupted by a signal: -EINTR.
int sched_wait(struct waitq *q, uint64_t deadline_ns);

// The same for waits that a POSIX call of the program's makes and that -EINTR
// leads out of: does not begin, or ends with that, if the caller is cancelled.
// wait_was_broken (lock.h) is then true.
int sched_wait_point(struct waitq *q, uint64_t deadline_ns);

// Wakes the first; NULL if nobody waits.
struct thread *sched_wake(struct waitq *q);
void sched_wake_all(struct waitq *q);

// There is a signal for `t`: a wait of its ends with -EINTR, and it delivers
// the signal as soon as it runs and holds no lock.
void sched_interrupt(struct thread *t);

// A thread that is in no queue may run from now on.
void sched_ready(struct thread *t);

// Is another thread ready to run, or an event to be handled? A thread that
// knows its wait to be short may look again and again while not.
int sched_wanted(void);

// Lets others of the same priority run first.
void sched_turn(void);

// The caller never runs again.
_Noreturn void sched_leave(void);

void sched_set_priority(struct thread *t, unsigned priority);

// Called, locked, by a thread that is `signalled`; null without signals.
extern void (*sched_signals)(void);

// Not locked: does what is left to be done before the caller goes on.
void sched_work_now(void);

// Real time for which the thread had the processor.
uint64_t sched_cpu_ns(const struct thread *t);

#endif
