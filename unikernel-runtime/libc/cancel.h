// SPDX-License-Identifier: ISC
/*
 * Cancellation points: calls in which a thread that pthread_cancel was called
 * for ends. It does so as it goes in, and when its wait in there is ended with
 * -EINTR; what it has already done counts. Whoever goes in holds no lock and no
 * reference of the runtime's, and has given them back before it comes out.
 */
#ifndef RT_CANCEL_H
#define RT_CANCEL_H

#include "unikernel-runtime/kernel/thread.h"
#include "unikernel-runtime/libc/result.h"

#include <errno.h>

// Set by the first pthread_cancel, which brings it in; ends the caller.
extern void (*cancel_act)(void);

static inline int cancel_is_due(const struct thread *self)
{
    return self->cancel_asked && !self->cancel_off;
}

static inline void cancel_test(void)
{
    if (cancel_is_due(thread_self()))
        cancel_act();
}

// What it returns is for cancel_leave: a signal's handler may be in a point
// inside another one.
static inline uint8_t cancel_enter(void)
{
    struct thread *self = thread_self();
    uint8_t before = self->cancel_point;
    cancel_test();
    self->cancel_point = 1;
    return before;
}

static inline long cancel_leave(uint8_t before, long r)
{
    struct thread *self = thread_self();
    self->cancel_point = before;
    if (r == -EINTR)
        cancel_test();
    return r;
}

// Returns what `call` says, which is a result or -errno.
#define CANCEL_POINT(call)                                                     \
    do {                                                                       \
        uint8_t point = cancel_enter();                                        \
        return result(cancel_leave(point, call));                              \
    } while (0)

#endif
