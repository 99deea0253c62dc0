// SPDX-License-Identifier: ISC
/*
 * The scheduler. Parts of it run in event handlers, so it is compiled without
 * vector registers (see event.c).
 *
 * There is no idle thread: a thread that has nothing to give way to waits for
 * events itself, in the middle of its own sched_wait().
 */
#include "unikernel-runtime/kernel/sched.h"
#include "unikernel-runtime/arch/x86_64/cpu.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/thread.h"

#include <errno.h>
#include <stddef.h>

static struct waitq ready[SCHED_PRIORITIES];
static uint32_t ready_mask; // bit p: ready[p] is not empty
static int idle;            // the running thread waits for events
static int turn_over;       // its slice is used up
static uint64_t since_ns;   // when it got the processor

static void work(void);
static void slice_end(struct timeout *t);
static struct timeout slice = {.expired = slice_end};

// ------------------------------------------------------------------ queues

// Behind the last whose priority is not lower; if `first`, before equals.
static void queue_put(struct waitq *q, struct thread *t, int first)
{
    struct thread *before = q->last;
    while (before && before->priority < t->priority + (first != 0))
        before = before->prev;
    struct thread *after = before ? before->next : q->first;
    t->prev = before;
    t->next = after;
    *(before ? &before->next : &q->first) = t;
    *(after ? &after->prev : &q->last) = t;
    t->queue = q;
}

static void queue_drop(struct thread *t)
{
    struct waitq *q = t->queue;
    if (!q)
        return;
    *(t->prev ? &t->prev->next : &q->first) = t->next;
    *(t->next ? &t->next->prev : &q->last) = t->prev;
    t->queue = NULL;
}

static void ready_put(struct thread *t, int first)
{
    queue_put(&ready[t->priority], t, first);
    ready_mask |= 1u << t->priority;
}

static void ready_drop(struct thread *t)
{
    queue_drop(t);
    if (!ready[t->priority].first)
        ready_mask &= ~(1u << t->priority);
}

static struct thread *ready_first(void)
{
    return ready_mask ? ready[31 - __builtin_clz(ready_mask)].first : NULL;
}

// ---------------------------------------------------------------- switching

static void account(struct thread *self, uint64_t now_ns)
{
    self->cpu_ns += now_ns - since_ns;
    since_ns = now_ns;
}

static void slice_start(const struct thread *running)
{
    if (running->policy != THREAD_FIFO && !slice.deadline_ns)
        timeout_set(&slice, since_ns + SCHED_SLICE_NS);
}

// Runs `next`, which is ready. Returns when the caller is run again.
static void switch_to(struct thread *next)
{
    struct thread *self = thread_self();
    ready_drop(next);
    turn_over = 0;
    account(self, clock_real_ns());
    if (ready[next->priority].first)
        slice_start(next);
    if (next != self) {
        cpu_set_fs_base(next);
        cpu_switch(&self->sp, next->sp);
    }
    if (self->signalled)
        event_work = work;
}

static void preempt(void)
{
    struct thread *self = thread_self(), *next = ready_first();
    int equals_too = turn_over;
    turn_over = 0;
    if (!next || next->priority + equals_too <= self->priority)
        return;
    // Who only had to give way goes on before its equals.
    ready_put(self, !equals_too);
    switch_to(next);
}

void (*sched_signals)(void);

// What event_work becomes when there is something to do.
static void work(void)
{
    event_work = NULL;
    preempt();
    if (thread_self()->signalled && sched_signals)
        sched_signals();
}

void sched_work_now(void)
{
    sched_lock();
    event_work = work;
    sched_unlock();
}

// The timer was perhaps started for another thread.
static void slice_end(struct timeout *t)
{
    const struct thread *self = thread_self();
    if (idle || !ready[self->priority].first || self->policy == THREAD_FIFO)
        return;
    uint64_t end_ns = since_ns + SCHED_SLICE_NS;
    if (clock_real_ns() < end_ns) {
        timeout_set(t, end_ns);
        return;
    }
    turn_over = 1;
    event_work = work;
}

void sched_ready(struct thread *t)
{
    const struct thread *self = thread_self();
    ready_put(t, 0);
    if (idle)
        return;
    if (t->priority > self->priority)
        event_work = work;
    else if (t->priority == self->priority)
        slice_start(self);
}

int sched_wanted(void)
{
    return ready_mask || shared_info->vcpu[0].upcall_pending;
}

void sched_turn(void)
{
    struct thread *self = thread_self();
    if (!ready[self->priority].first)
        return;
    ready_put(self, 0);
    switch_to(ready_first());
}

// Runs somebody else, or waits until there is somebody (who may be the caller).
static void run_another(void)
{
    if (!ready_mask) {
        account(thread_self(), clock_real_ns());
        idle = 1;
        while (!ready_mask)
            event_block();
        idle = 0;
        since_ns = clock_real_ns();
    }
    switch_to(ready_first());
}

void sched_leave(void)
{
    run_another();
    __builtin_unreachable();
}

// ------------------------------------------------------------------ waiting

static void wait_end(struct thread *t, int result)
{
    queue_drop(t);
    timeout_cancel(&t->timeout);
    t->waiting = 0;
    t->wait_result = result;
    sched_ready(t);
}

static void wait_expired(struct timeout *timeout)
{
    char *t = (char *)timeout - offsetof(struct thread, timeout);
    wait_end((struct thread *)t, -ETIMEDOUT);
}

int sched_wait(struct waitq *q, uint64_t deadline_ns)
{
    struct thread *self = thread_self();
    self->waiting = 1;
    self->handled = HANDLED_NONE;
    if (q)
        queue_put(q, self, 0);
    if (deadline_ns != SCHED_NEVER) {
        self->timeout.expired = wait_expired;
        timeout_set(&self->timeout, deadline_ns);
    }
    run_another();
    return self->wait_result;
}

int sched_wait_point(struct waitq *q, uint64_t deadline_ns)
{
    struct thread *self = thread_self();
    int r = thread_is_cancelled(self) ? -EINTR : sched_wait(q, deadline_ns);
    if (r == -EINTR && thread_is_cancelled(self))
        self->handled = HANDLED_BREAK;
    return r;
}

struct thread *sched_wake(struct waitq *q)
{
    struct thread *t = q->first;
    if (t)
        wait_end(t, 0);
    return t;
}

void sched_wake_all(struct waitq *q)
{
    while (sched_wake(q))
        continue;
}

void sched_interrupt(struct thread *t)
{
    t->signalled = 1;
    if (t->waiting)
        wait_end(t, -EINTR);
    else if (t == thread_self())
        event_work = work;
}

void sched_set_priority(struct thread *t, unsigned priority)
{
    struct waitq *q = t->queue;
    if (q && !t->waiting) {
        ready_drop(t);
        t->priority = priority;
        ready_put(t, 0);
    } else {
        queue_drop(t);
        t->priority = priority;
        if (q)
            queue_put(q, t, 0);
    }
    const struct thread *self = thread_self();
    if (ready[self->priority].first)
        slice_start(self);
    event_work = work;
}

uint64_t sched_cpu_ns(const struct thread *t)
{
    uint64_t ns = t->cpu_ns;
    return t == thread_self() ? ns + clock_real_ns() - since_ns : ns;
}
