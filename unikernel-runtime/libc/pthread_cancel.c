// SPDX-License-Identifier: ISC
// Cancellation; see cancel.h.
#include "unikernel-runtime/kernel/signal.h"
#include "unikernel-runtime/libc/cancel.h"
#include "unikernel-runtime/libc/pthread_thread.h"

#include <errno.h>
#include <pthread.h>

void (*cancel_act)(void);

static void end(void)
{
    pthread_exit(PTHREAD_CANCELED);
}

// Whoever is in a point, or may end anywhere, is interrupted as by a signal.
int pthread_cancel(pthread_t id)
{
    struct thread *t = thread_of(id);
    sched_lock();
    cancel_act = signal_cancel = end;
    sched_signals = signal_deliver;
    t->cancel_asked = 1;
    if (!t->ended && !t->cancel_off && (t->cancel_point || t->cancel_async))
        sched_interrupt(t);
    sched_unlock();
    return 0;
}

static void act_if_async(void)
{
    if (thread_self()->cancel_async)
        cancel_test();
}

int pthread_setcancelstate(int state, int *old)
{
    struct thread *self = thread_self();
    if (state != PTHREAD_CANCEL_ENABLE && state != PTHREAD_CANCEL_DISABLE)
        return EINVAL;
    if (old)
        *old =
            self->cancel_off ? PTHREAD_CANCEL_DISABLE : PTHREAD_CANCEL_ENABLE;
    self->cancel_off = state == PTHREAD_CANCEL_DISABLE;
    act_if_async();
    return 0;
}

int pthread_setcanceltype(int type, int *old)
{
    struct thread *self = thread_self();
    if (type != PTHREAD_CANCEL_DEFERRED && type != PTHREAD_CANCEL_ASYNCHRONOUS)
        return EINVAL;
    if (old)
        *old = self->cancel_async ? PTHREAD_CANCEL_ASYNCHRONOUS
                                  : PTHREAD_CANCEL_DEFERRED;
    self->cancel_async = type == PTHREAD_CANCEL_ASYNCHRONOUS;
    act_if_async();
    return 0;
}

void pthread_testcancel(void)
{
    cancel_test();
}
