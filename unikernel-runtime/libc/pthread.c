// SPDX-License-Identifier: ISC
// Threads as POSIX names them: their life.
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/thread.h"
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

// Which would put off cancellation, were there any.
void _pthread_cleanup_push_defer(struct _pthread_cleanup_context *context,
                                 void (*routine)(void *), void *arg)
{
    _pthread_cleanup_push(context, routine, arg);
}

void _pthread_cleanup_pop_restore(struct _pthread_cleanup_context *context,
                                  int execute)
{
    _pthread_cleanup_pop(context, execute);
}

void pthread_exit(void *result)
{
    struct thread *self = thread_self();
    while (self->cleanup)
        _pthread_cleanup_pop(self->cleanup, 1);
    thread_end(result);
}

int pthread_join(pthread_t id, void **result)
{
    return -thread_join(thread_of(id), result, SCHED_NEVER);
}

int pthread_timedjoin_np(pthread_t id, void **result,
                         const struct timespec *until)
{
    uint64_t deadline_ns;
    int r = deadline_of(until, 0, &deadline_ns);
    return -(r < 0 ? r : thread_join(thread_of(id), result, deadline_ns));
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

// There is nobody to be cancelled by.
int pthread_cancel(pthread_t id)
{
    (void)id;
    return ENOSYS;
}

int pthread_setcancelstate(int state, int *old)
{
    if (state != PTHREAD_CANCEL_ENABLE && state != PTHREAD_CANCEL_DISABLE)
        return EINVAL;
    if (old)
        *old = PTHREAD_CANCEL_ENABLE;
    return 0;
}

int pthread_setcanceltype(int type, int *old)
{
    if (type != PTHREAD_CANCEL_DEFERRED && type != PTHREAD_CANCEL_ASYNCHRONOUS)
        return EINVAL;
    if (old)
        *old = PTHREAD_CANCEL_DEFERRED;
    return 0;
}

void pthread_testcancel(void)
{
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

int pthread_once(pthread_once_t *once, void (*run)(void))
{
    static struct waitq waiters;
    if (__atomic_load_n(&once->__state, __ATOMIC_ACQUIRE) == ONCE_DONE)
        return 0;
    sched_lock();
    while (once->__state == ONCE_RUNNING)
        sched_wait(&waiters, SCHED_NEVER);
    int ours = once->__state == ONCE_NEW;
    if (ours)
        once->__state = ONCE_RUNNING;
    sched_unlock();
    if (!ours)
        return 0;
    run();
    sched_lock();
    __atomic_store_n(&once->__state, ONCE_DONE, __ATOMIC_RELEASE);
    sched_wake_all(&waiters);
    sched_unlock();
    return 0;
}
