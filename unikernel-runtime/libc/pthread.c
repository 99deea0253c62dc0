// SPDX-License-Identifier: ISC
// Threads as POSIX names them: their life.
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/thread.h"
#include "unikernel-runtime/libc/cancel.h"
#include "unikernel-runtime/libc/deadline.h"
#include "unikernel-runtime/libc/pthread_thread.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#define STACK_DEFAULT (256ul << 10)

static const pthread_attr_t default_attr = {
    .__stack_len = STACK_DEFAULT,
    .__guard_len = HV_PAGE,
    .__detach = PTHREAD_CREATE_JOINABLE,
    .__scope = PTHREAD_SCOPE_SYSTEM,
    .__inherit = PTHREAD_INHERIT_SCHED,
};

int pthread_attr_init(pthread_attr_t *attr)
{
    *attr = default_attr;
    return 0;
}

int pthread_create(pthread_t *out, const pthread_attr_t *attr,
                   void *(*start)(void *), void *argument)
{
    if (!attr)
        attr = &default_attr;
    const struct thread *self = thread_self();
    struct thread_plan plan = {
        .start = start,
        .argument = argument,
        .stack = attr->__stack,
        .stack_len = attr->__stack_len,
        .guard_len = attr->__guard_len,
        .detached = attr->__detach == PTHREAD_CREATE_DETACHED,
        .priority = self->priority,
        .policy = self->policy,
    };
    if (attr->__inherit == PTHREAD_EXPLICIT_SCHED) {
        plan.policy = attr->__policy;
        plan.priority = attr->__param.sched_priority;
    }
    struct thread *t;
    if (thread_create(&t, &plan) < 0)
        return EAGAIN;
    *out = (pthread_t)t;
    return 0;
}

void _pthread_cleanup_push(struct _pthread_cleanup_context *context,
                           void (*routine)(void *), void *arg)
{
    struct thread *self = thread_self();
    *context = (struct _pthread_cleanup_context){
        ._routine = routine, ._arg = arg, ._previous = self->cleanup};
    self->cleanup = context;
}

void _pthread_cleanup_pop(struct _pthread_cleanup_context *context, int execute)
{
    thread_self()->cleanup = context->_previous;
    if (execute)
        context->_routine(context->_arg);
}

// The same, and cancellation only at its points until the pop.
void _pthread_cleanup_push_defer(struct _pthread_cleanup_context *context,
                                 void (*routine)(void *), void *arg)
{
    _pthread_cleanup_push(context, routine, arg);
    context->_canceltype = thread_self()->cancel_async;
    thread_self()->cancel_async = 0;
}

void _pthread_cleanup_pop_restore(struct _pthread_cleanup_context *context,
                                  int execute)
{
    int type = context->_canceltype;
    _pthread_cleanup_pop(context, execute);
    pthread_setcanceltype(type, NULL);
}

void pthread_exit(void *result)
{
    struct thread *self = thread_self();
    self->cancel_off = 1; // handlers run to their end
    while (self->cleanup)
        _pthread_cleanup_pop(self->cleanup, 1);
    thread_end(result);
}

static int join(pthread_t id, void **result, uint64_t deadline_ns)
{
    uint8_t before = cancel_enter();
    return -cancel_leave(before,
                         thread_join(thread_of(id), result, deadline_ns));
}

int pthread_join(pthread_t id, void **result)
{
    return join(id, result, SCHED_NEVER);
}

int pthread_timedjoin_np(pthread_t id, void **result,
                         const struct timespec *until)
{
    uint64_t deadline_ns;
    int r = deadline_of(until, 0, &deadline_ns);
    return r < 0 ? -r : join(id, result, deadline_ns);
}

int pthread_tryjoin_np(pthread_t id, void **result)
{
    if (!thread_of(id)->ended)
        return EBUSY;
    return pthread_join(id, result);
}

int pthread_detach(pthread_t id)
{
    return -thread_detach(thread_of(id));
}

pthread_t pthread_self(void)
{
    return (pthread_t)thread_self();
}

int pthread_equal(pthread_t a, pthread_t b)
{
    return a == b;
}

int pthread_setname_np(pthread_t id, const char *name)
{
    struct thread *t = thread_of(id);
    return strlcpy(t->name, name, sizeof t->name) < sizeof t->name ? 0 : ERANGE;
}

int pthread_getname_np(pthread_t id, char *name, size_t len)
{
    return strlcpy(name, thread_of(id)->name, len) < len ? 0 : ERANGE;
}

// fork fails, so its handlers never run.
int pthread_atfork(void (*prepare)(void), void (*parent)(void),
                   void (*child)(void))
{
    (void)prepare, (void)parent, (void)child;
    return 0;
}

int pthread_getconcurrency(void)
{
    return 0;
}

int pthread_setconcurrency(int level)
{
    return level < 0 ? EINVAL : 0;
}

// ------------------------------------------------------------------- once

enum { ONCE_NEW = 0, ONCE_RUNNING, ONCE_DONE };

static struct waitq once_waiters;

static void once_set(pthread_once_t *once, int state)
{
    sched_lock();
    __atomic_store_n(&once->__state, state, __ATOMIC_RELEASE);
    sched_wake_all(&once_waiters);
    sched_unlock();
}

static void once_undo(void *once)
{
    once_set(once, ONCE_NEW);
}

int pthread_once(pthread_once_t *once, void (*run)(void))
{
    if (__atomic_load_n(&once->__state, __ATOMIC_ACQUIRE) == ONCE_DONE)
        return 0;
    sched_lock();
    while (once->__state == ONCE_RUNNING)
        sched_wait(&once_waiters, SCHED_NEVER);
    int ours = once->__state == ONCE_NEW;
    if (ours)
        once->__state = ONCE_RUNNING;
    sched_unlock();
    if (!ours)
        return 0;
    // Should it be cancelled there, the next caller begins anew.
    struct _pthread_cleanup_context undo;
    _pthread_cleanup_push(&undo, once_undo, once);
    run();
    _pthread_cleanup_pop(&undo, 0);
    once_set(once, ONCE_DONE);
    return 0;
}
