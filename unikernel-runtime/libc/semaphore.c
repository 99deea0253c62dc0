// SPDX-License-Identifier: ISC
// Semaphores.
#include "unikernel-runtime/kernel/lock.h"
#include "unikernel-runtime/libc/cancel.h"
#include "unikernel-runtime/libc/deadline.h"
#include "unikernel-runtime/libc/pthread_thread.h"
#include "unikernel-runtime/libc/result.h"

#include <semaphore.h>

int sem_init(sem_t *sem, int shared, unsigned value)
{
    (void)shared;
    if (value > SEM_VALUE_MAX)
        return result(-EINVAL);
    *sem = (sem_t){.__value = value};
    return 0;
}

int sem_destroy(sem_t *sem)
{
    return result(waitq_of(&sem->__waiters)->first ? -EBUSY : 0);
}

static int wait_until(sem_t *sem, uint64_t deadline_ns)
{
    for (;;) {
        int r = 0;
        sched_lock();
        while (!sem->__value && !r)
            r = sched_wait_point(waitq_of(&sem->__waiters), deadline_ns);
        int taken = sem->__value != 0;
        sem->__value -= taken;
        sched_unlock();
        if (taken)
            return 0;
        if (r == -ETIMEDOUT || wait_was_broken(r))
            return r;
    }
}

int sem_wait(sem_t *sem)
{
    CANCEL_POINT(wait_until(sem, SCHED_NEVER));
}

int sem_trywait(sem_t *sem)
{
    int r = -EAGAIN;
    sched_lock();
    if (sem->__value) {
        sem->__value--;
        r = 0;
    }
    sched_unlock();
    return result(r);
}

int sem_timedwait(sem_t *restrict sem, const struct timespec *restrict until)
{
    if (sem_trywait(sem) == 0)
        return 0;
    uint64_t deadline_ns;
    int r = deadline_of(until, 0, &deadline_ns);
    CANCEL_POINT(r < 0 ? r : wait_until(sem, deadline_ns));
}

int sem_post(sem_t *sem)
{
    int r = 0;
    sched_lock();
    if (sem->__value == SEM_VALUE_MAX) {
        r = -EOVERFLOW;
    } else {
        sem->__value++;
        sched_wake(waitq_of(&sem->__waiters));
    }
    sched_unlock();
    return result(r);
}

int sem_getvalue(sem_t *restrict sem, int *restrict value)
{
    *value = sem->__value;
    return 0;
}
