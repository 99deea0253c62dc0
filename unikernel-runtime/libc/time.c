// SPDX-License-Identifier: ISC
// Time as POSIX names it.
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/sched.h"
#include "unikernel-runtime/kernel/thread.h"
#include "unikernel-runtime/libc/cancel.h"
#include "unikernel-runtime/libc/deadline.h"
#include "unikernel-runtime/libc/result.h"

#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

static uint64_t thread_ns(void)
{
    return sched_cpu_ns(thread_self());
}

static uint64_t (*clock_of(clockid_t id))(void)
{
    switch (id) {
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME:
        return clock_wall_ns;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        return clock_real_ns;
    case CLOCK_PROCESS_CPUTIME_ID:
        return clock_virtual_ns;
    case CLOCK_THREAD_CPUTIME_ID:
        return thread_ns;
    default:
        return NULL;
    }
}

// A thread's clock is named by its struct's address (pthread_getcpuclockid).
static const struct thread *clock_thread(clockid_t id)
{
    const struct thread *t = (const struct thread *)id;
    return id >= HV_RAM_VA && t->self == t ? t : NULL;
}

static __attribute__((noinline)) int clock_gettime_other(clockid_t id,
                                                         struct timespec *ts)
{
    uint64_t (*now_ns)(void) = clock_of(id), ns;
    if (now_ns)
        ns = now_ns();
    else if (clock_thread(id))
        ns = sched_cpu_ns(clock_thread(id));
    else
        return result(-EINVAL);
    *ts = (struct timespec){ns / NS_PER_S, ns % NS_PER_S};
    return 0;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
    if (id == CLOCK_MONOTONIC)
        return clock_real(ts);
    if (id == CLOCK_REALTIME)
        return clock_wall(ts);
    return clock_gettime_other(id, ts);
}

int clock_getres(clockid_t id, struct timespec *ts)
{
    if (!clock_of(id))
        return result(-EINVAL);
    if (ts)
        *ts = (struct timespec){0, 1};
    return 0;
}

// The host's clock is the domain's.
int clock_settime(clockid_t id, const struct timespec *ts)
{
    (void)ts;
    return result(clock_of(id) ? -EPERM : -EINVAL);
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    (void)zone;
    uint64_t us = clock_wall_ns() / NS_PER_US;
    *tv = (struct timeval){us / 1000000, us % 1000000};
    return 0;
}

int settimeofday(const struct timeval *tv, const struct timezone *zone)
{
    (void)tv, (void)zone;
    return result(-EPERM);
}

int adjtime(const struct timeval *by, struct timeval *left)
{
    (void)by, (void)left;
    return result(-EPERM);
}

// In units of CLOCKS_PER_SEC, which is also what sysconf(_SC_CLK_TCK) says.
clock_t times(struct tms *t)
{
    *t = (struct tms){.tms_utime =
                          clock_virtual_ns() / (NS_PER_S / CLOCKS_PER_SEC)};
    return clock_real_ns() / (NS_PER_S / CLOCKS_PER_SEC);
}

static uint64_t add_saturated(uint64_t a, uint64_t b)
{
    return a + b < a ? UINT64_MAX : a + b;
}

// Returns an error number, as clock_nanosleep does.
static int sleep_until(clockid_t id, int flags, const struct timespec *ts)
{
    if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= (long)NS_PER_S)
        return EINVAL;
    uint64_t ns = UINT64_MAX;
    if ((uint64_t)ts->tv_sec < UINT64_MAX / NS_PER_S)
        ns = ts->tv_sec * NS_PER_S + ts->tv_nsec;
    uint64_t now = clock_real_ns();
    if (flags & TIMER_ABSTIME && id == CLOCK_REALTIME) {
        uint64_t wall = clock_wall_ns();
        ns = add_saturated(now, ns > wall ? ns - wall : 0);
    } else if (!(flags & TIMER_ABSTIME)) {
        ns = add_saturated(now, ns);
    }
    return -clock_sleep_until(ns);
}

// What is left of a relative sleep that a signal has ended.
static void left_fill(struct timespec *left, const struct timespec *ts,
                      uint64_t began_ns)
{
    uint64_t slept = clock_real_ns() - began_ns, all;
    if (!left || timespec_ns(ts, &all) < 0)
        return;
    uint64_t ns = all > slept ? all - slept : 0;
    *left = (struct timespec){ns / NS_PER_S, ns % NS_PER_S};
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *ts,
                    struct timespec *left)
{
    if (id != CLOCK_REALTIME && id != CLOCK_MONOTONIC)
        return EINVAL;
    uint8_t before = cancel_enter();
    uint64_t began_ns = clock_real_ns();
    int error = -cancel_leave(before, -sleep_until(id, flags, ts));
    if (error == EINTR && !(flags & TIMER_ABSTIME))
        left_fill(left, ts, began_ns);
    return error;
}

int nanosleep(const struct timespec *ts, struct timespec *left)
{
    return result(-clock_nanosleep(CLOCK_MONOTONIC, 0, ts, left));
}

int usleep(useconds_t us)
{
    CANCEL_POINT(clock_sleep_until(clock_real_ns() + us * NS_PER_US));
}

unsigned sleep(unsigned s)
{
    uint8_t before = cancel_enter();
    uint64_t end_ns = clock_real_ns() + s * NS_PER_S;
    if (cancel_leave(before, clock_sleep_until(end_ns)) == 0)
        return 0;
    uint64_t now = clock_real_ns();
    return now < end_ns ? (end_ns - now + NS_PER_S - 1) / NS_PER_S : 0;
}
