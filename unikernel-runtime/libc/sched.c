// SPDX-License-Identifier: ISC
/*
 * Scheduling as POSIX names it. SCHED_OTHER has the lowest of the kernel's
 * priorities, 0; SCHED_FIFO and SCHED_RR have 1 to 31.
 */
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/libc/pthread_thread.h"
#include "unikernel-runtime/libc/result.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

_Static_assert((int)THREAD_OTHER == SCHED_OTHER &&
                   (int)THREAD_FIFO == SCHED_FIFO &&
                   (int)THREAD_RR == SCHED_RR,
               "the same numbers");

int sched_yield(void)
{
    sched_lock();
    sched_turn();
    sched_unlock();
    return 0;
}

void pthread_yield(void)
{
    sched_yield();
}

int sched_get_priority_min(int policy)
{
    if (policy == SCHED_OTHER)
        return 0;
    return policy == SCHED_FIFO || policy == SCHED_RR ? 1 : result(-EINVAL);
}

int sched_get_priority_max(int policy)
{
    if (policy == SCHED_OTHER)
        return 0;
    return policy == SCHED_FIFO || policy == SCHED_RR ? SCHED_PRIORITIES - 1
                                                      : result(-EINVAL);
}

static int param_valid(int policy, int priority)
{
    if (policy == SCHED_OTHER)
        return priority == 0;
    return (policy == SCHED_FIFO || policy == SCHED_RR) && priority >= 1 &&
           priority < SCHED_PRIORITIES;
}

int pthread_setschedparam(pthread_t id, int policy,
                          const struct sched_param *param)
{
    if (!param_valid(policy, param->sched_priority))
        return EINVAL;
    struct thread *t = thread_of(id);
    sched_lock();
    t->policy = policy;
    sched_set_priority(t, param->sched_priority);
    sched_unlock();
    return 0;
}

int pthread_getschedparam(pthread_t id, int *policy, struct sched_param *param)
{
    const struct thread *t = thread_of(id);
    *policy = t->policy;
    param->sched_priority = t->priority;
    return 0;
}

int pthread_setschedprio(pthread_t id, int priority)
{
    struct sched_param param = {.sched_priority = priority};
    return pthread_setschedparam(id, thread_of(id)->policy, &param);
}

// A process's are those of the calling thread.
int sched_setscheduler(pid_t pid, int policy, const struct sched_param *param)
{
    if (pid && pid != getpid())
        return result(-ESRCH);
    int old = thread_self()->policy;
    int r = pthread_setschedparam(pthread_self(), policy, param);
    return r ? result(-r) : old;
}

int sched_getscheduler(pid_t pid)
{
    return pid && pid != getpid() ? result(-ESRCH) : thread_self()->policy;
}

int sched_setparam(pid_t pid, const struct sched_param *param)
{
    int r = sched_setscheduler(pid, thread_self()->policy, param);
    return r < 0 ? r : 0;
}

int sched_getparam(pid_t pid, struct sched_param *param)
{
    if (pid && pid != getpid())
        return result(-ESRCH);
    param->sched_priority = thread_self()->priority;
    return 0;
}

int sched_rr_get_interval(pid_t pid, struct timespec *interval)
{
    if (pid && pid != getpid())
        return result(-ESRCH);
    *interval = (struct timespec){0, SCHED_SLICE_NS};
    return 0;
}

int sched_getcpu(void)
{
    return 0;
}

// A thread's clock is named by the thread; the small numbers are <time.h>'s.
int pthread_getcpuclockid(pthread_t id, clockid_t *clock)
{
    *clock = id;
    return 0;
}
