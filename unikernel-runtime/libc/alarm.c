// SPDX-License-Identifier: ISC
// SIGALRM. Compiled without vector registers: a timeout is an event's handler.
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/sched.h"
#include "unikernel-runtime/kernel/signal.h"
#include "unikernel-runtime/kernel/timeout.h"
#include "unikernel-runtime/libc/result.h"

#include <signal.h>
#include <stddef.h>
#include <sys/time.h>
#include <unistd.h>

static void expired(struct timeout *t);
static struct timeout alarm_timeout = {.expired = expired};
static uint64_t interval_ns;

// Intervals are counted from when each was due, not from when it was noticed.
static void expired(struct timeout *t)
{
    if (interval_ns) {
        uint64_t next = t->due_ns + interval_ns, now = clock_real_ns();
        timeout_set(t, next > now ? next : now + interval_ns);
    }
    signal_send(NULL, SIGALRM);
}

static uint64_t timeval_ns(const struct timeval *tv)
{
    return tv->tv_sec * NS_PER_S + tv->tv_usec * NS_PER_US;
}

static struct timeval ns_timeval(uint64_t ns)
{
    return (struct timeval){ns / NS_PER_S, ns % NS_PER_S / NS_PER_US};
}

static uint64_t left_ns(void)
{
    uint64_t now = clock_real_ns(), end = alarm_timeout.deadline_ns;
    return !end ? 0 : end > now ? end - now : 1;
}

// Returns what was left of the one before.
static uint64_t alarm_set(uint64_t ns, uint64_t interval)
{
    sched_lock();
    uint64_t left = left_ns();
    interval_ns = interval;
    if (ns)
        timeout_set(&alarm_timeout, clock_real_ns() + ns);
    else
        timeout_cancel(&alarm_timeout);
    sched_unlock();
    return left;
}

int getitimer(int which, struct itimerval *value)
{
    if (which != ITIMER_REAL)
        return result(which == ITIMER_VIRTUAL || which == ITIMER_PROF
                          ? -ENOSYS
                          : -EINVAL);
    *value = (struct itimerval){ns_timeval(interval_ns), ns_timeval(left_ns())};
    return 0;
}

static int timeval_valid(const struct timeval *tv)
{
    return tv->tv_sec >= 0 && tv->tv_sec < 1l << 32 && tv->tv_usec >= 0 &&
           tv->tv_usec < 1000000;
}

int setitimer(int which, const struct itimerval *restrict value,
              struct itimerval *restrict old)
{
    struct itimerval before;
    if (getitimer(which, &before) < 0)
        return -1;
    if (!timeval_valid(&value->it_value) || !timeval_valid(&value->it_interval))
        return result(-EINVAL);
    alarm_set(timeval_ns(&value->it_value), timeval_ns(&value->it_interval));
    if (old)
        *old = before;
    return 0;
}

unsigned alarm(unsigned s)
{
    return (alarm_set(s * NS_PER_S, 0) + NS_PER_S - 1) / NS_PER_S;
}

useconds_t ualarm(useconds_t us, useconds_t interval_us)
{
    return alarm_set(us * NS_PER_US, interval_us * NS_PER_US) / NS_PER_US;
}
