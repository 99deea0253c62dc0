// SPDX-License-Identifier: ISC
/*
 * POSIX's timers. Compiled without vector registers: a timeout is an event's
 * handler.
 *
 * A timer that tells a function has a thread of its own, which waits for it:
 * so one expiry is told at a time, and those meanwhile are overruns.
 */
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/sched.h"
#include "unikernel-runtime/kernel/signal.h"
#include "unikernel-runtime/kernel/timeout.h"
#include "unikernel-runtime/libc/deadline.h"
#include "unikernel-runtime/libc/result.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#define TIMERS_MAX 256

struct timer {
    struct timeout timeout; // first: an expiry finds its timer by it
    clockid_t clock;
    struct sigevent event;
    uint64_t interval_ns;
    unsigned overruns, expiries; // expiries: that the thread has yet to tell
    int deleted;
    struct waitq thread;
};

static struct timer *timers[TIMERS_MAX];

// Scheduler locked.
static struct timer *timer_of(timer_t id)
{
    return id > 0 && id <= TIMERS_MAX ? timers[id - 1] : NULL;
}

static void expired(struct timeout *timeout)
{
    struct timer *t = (struct timer *)timeout;
    t->overruns = 0;
    if (t->interval_ns) {
        uint64_t now = clock_real_ns(), due = timeout->due_ns;
        uint64_t missed = now > due ? (now - due) / t->interval_ns : 0;
        t->overruns = missed < INT_MAX ? missed : INT_MAX;
        timeout_set(timeout, due + (missed + 1) * t->interval_ns);
    }
    if (t->event.sigev_notify == SIGEV_SIGNAL)
        signal_send_value(t->event.sigev_signo, SI_TIMER, t->event.sigev_value);
    if (t->event.sigev_notify == SIGEV_THREAD) {
        t->overruns += t->expiries;
        t->expiries = 1;
        sched_wake(&t->thread);
    }
}

static void *tell(void *argument)
{
    struct timer *t = argument;
    sched_lock();
    while (!t->deleted) {
        if (!t->expiries) {
            sched_wait(&t->thread, SCHED_NEVER);
            continue;
        }
        t->expiries = 0;
        sched_unlock();
        t->event.sigev_notify_function(t->event.sigev_value);
        sched_lock();
    }
    sched_unlock();
    free(t);
    return NULL;
}

static int thread_start(struct timer *t)
{
    pthread_attr_t own, *attr = t->event.sigev_notify_attributes;
    if (!attr) {
        pthread_attr_init(&own);
        pthread_attr_setdetachstate(&own, PTHREAD_CREATE_DETACHED);
        attr = &own;
    }
    pthread_t thread;
    return pthread_create(&thread, attr, tell, t) ? -EAGAIN : 0;
}

static int event_valid(const struct sigevent *event)
{
    switch (event->sigev_notify) {
    case SIGEV_NONE:
        return 1;
    case SIGEV_SIGNAL:
        return event->sigev_signo > 0 && event->sigev_signo < NSIG;
    case SIGEV_THREAD:
        return event->sigev_notify_function != NULL;
    default:
        return 0;
    }
}

int timer_create(clockid_t clock, struct sigevent *restrict event,
                 timer_t *restrict id)
{
    struct sigevent alarm = {.sigev_notify = SIGEV_SIGNAL,
                             .sigev_signo = SIGALRM};
    if (!event)
        event = &alarm;
    if ((clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) ||
        !event_valid(event))
        return result(-EINVAL);
    struct timer *t = calloc(1, sizeof *t);
    if (!t)
        return result(-EAGAIN);
    t->timeout.expired = expired;
    t->clock = clock;
    t->event = *event;
    sched_lock();
    int at = 0;
    while (at < TIMERS_MAX && timers[at])
        at++;
    if (at < TIMERS_MAX)
        timers[at] = t;
    sched_unlock();
    int r = at < TIMERS_MAX ? 0 : -EAGAIN;
    if (r == 0 && event->sigev_notify == SIGEV_THREAD)
        r = thread_start(t);
    if (r < 0) {
        if (at < TIMERS_MAX)
            timers[at] = NULL;
        free(t);
        return result(r);
    }
    *id = at + 1;
    if (event == &alarm)
        t->event.sigev_value.sival_int = *id;
    return 0;
}

int timer_delete(timer_t id)
{
    sched_lock();
    struct timer *t = timer_of(id);
    int ours = t && t->event.sigev_notify != SIGEV_THREAD;
    if (t) {
        timers[id - 1] = NULL;
        timeout_cancel(&t->timeout);
        t->deleted = 1; // its thread frees it
        sched_wake(&t->thread);
    }
    sched_unlock();
    if (ours)
        free(t);
    return result(t ? 0 : -EINVAL);
}

static struct timespec ns_timespec(uint64_t ns)
{
    return (struct timespec){ns / NS_PER_S, ns % NS_PER_S};
}

// Scheduler locked.
static struct itimerspec timer_value(const struct timer *t)
{
    uint64_t end = t->timeout.deadline_ns, now = clock_real_ns();
    uint64_t left = !end ? 0 : end > now ? end - now : 1;
    return (struct itimerspec){.it_interval = ns_timespec(t->interval_ns),
                               .it_value = ns_timespec(left)};
}

int timer_gettime(timer_t id, struct itimerspec *value)
{
    sched_lock();
    const struct timer *t = timer_of(id);
    if (t)
        *value = timer_value(t);
    sched_unlock();
    return result(t ? 0 : -EINVAL);
}

int timer_settime(timer_t id, int flags,
                  const struct itimerspec *restrict value,
                  struct itimerspec *restrict old)
{
    uint64_t ns, interval, deadline = 0;
    if (timespec_ns(&value->it_value, &ns) < 0 ||
        timespec_ns(&value->it_interval, &interval) < 0)
        return result(-EINVAL);
    sched_lock();
    struct timer *t = timer_of(id);
    if (t) {
        if (old)
            *old = timer_value(t);
        if (ns && flags & TIMER_ABSTIME)
            deadline_of(&value->it_value, t->clock == CLOCK_MONOTONIC,
                        &deadline);
        else if (ns)
            deadline = clock_real_ns() + ns;
        t->interval_ns = interval;
        if (deadline || ns)
            timeout_set(&t->timeout, deadline ? deadline : 1);
        else
            timeout_cancel(&t->timeout);
    }
    sched_unlock();
    return result(t ? 0 : -EINVAL);
}

int timer_getoverrun(timer_t id)
{
    sched_lock();
    const struct timer *t = timer_of(id);
    int overruns = t ? (int)t->overruns : -EINVAL;
    sched_unlock();
    return result(overruns);
}

int clock_getcpuclockid(pid_t pid, clockid_t *clock)
{
    if (pid != 0 && pid != 1)
        return ESRCH;
    *clock = CLOCK_PROCESS_CPUTIME_ID;
    return 0;
}
