// SPDX-License-Identifier: ISC
// Attributes of threads.
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/libc/pthread_thread.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>

int pthread_attr_destroy(pthread_attr_t *attr)
{
    (void)attr;
    return 0;
}

// Sets `field` to `value` if `valid`.
#define SET(field, value, valid)                                               \
    do {                                                                       \
        if (!(valid))                                                          \
            return EINVAL;                                                     \
        attr->field = value;                                                   \
        return 0;                                                              \
    } while (0)

#define GET(field, out)                                                        \
    do {                                                                       \
        *out = attr->field;                                                    \
        return 0;                                                              \
    } while (0)

int pthread_attr_setdetachstate(pthread_attr_t *attr, int state)
{
    SET(__detach, state,
        state == PTHREAD_CREATE_DETACHED || state == PTHREAD_CREATE_JOINABLE);
}

int pthread_attr_getdetachstate(const pthread_attr_t *attr, int *state)
{
    GET(__detach, state);
}

int pthread_attr_setstacksize(pthread_attr_t *attr, size_t len)
{
    SET(__stack_len, len, len >= PTHREAD_STACK_MIN);
}

int pthread_attr_getstacksize(const pthread_attr_t *attr, size_t *len)
{
    GET(__stack_len, len);
}

int pthread_attr_setguardsize(pthread_attr_t *attr, size_t len)
{
    SET(__guard_len, len, len <= start_info->memory_kib * 1024);
}

int pthread_attr_getguardsize(const pthread_attr_t *attr, size_t *len)
{
    GET(__guard_len, len);
}

int pthread_attr_setstack(pthread_attr_t *attr, void *stack, size_t len)
{
    if (!stack || len < PTHREAD_STACK_MIN)
        return EINVAL;
    attr->__stack = stack;
    attr->__stack_len = len;
    return 0;
}

int pthread_attr_getstack(const pthread_attr_t *attr, void **stack, size_t *len)
{
    *stack = attr->__stack;
    *len = attr->__stack_len;
    return 0;
}

int pthread_attr_setstackaddr(pthread_attr_t *attr, void *stack)
{
    SET(__stack, stack, stack != NULL);
}

int pthread_attr_getstackaddr(const pthread_attr_t *attr, void **stack)
{
    GET(__stack, stack);
}

// All threads compete with each other, so there is one scope.
int pthread_attr_setscope(pthread_attr_t *attr, int scope)
{
    if (scope == PTHREAD_SCOPE_PROCESS)
        return ENOTSUP;
    SET(__scope, scope, scope == PTHREAD_SCOPE_SYSTEM);
}

int pthread_attr_getscope(const pthread_attr_t *attr, int *scope)
{
    GET(__scope, scope);
}

int pthread_attr_setinheritsched(pthread_attr_t *attr, int inherit)
{
    SET(__inherit, inherit,
        inherit == PTHREAD_INHERIT_SCHED || inherit == PTHREAD_EXPLICIT_SCHED);
}

int pthread_attr_getinheritsched(const pthread_attr_t *attr, int *inherit)
{
    GET(__inherit, inherit);
}

int pthread_attr_setschedpolicy(pthread_attr_t *attr, int policy)
{
    SET(__policy, policy,
        policy == SCHED_OTHER || policy == SCHED_FIFO || policy == SCHED_RR);
}

int pthread_attr_getschedpolicy(const pthread_attr_t *attr, int *policy)
{
    GET(__policy, policy);
}

int pthread_attr_setschedparam(pthread_attr_t *attr,
                               const struct sched_param *param)
{
    SET(__param, *param,
        param->sched_priority >= 0 &&
            param->sched_priority < SCHED_PRIORITIES);
}

int pthread_attr_getschedparam(const pthread_attr_t *attr,
                               struct sched_param *param)
{
    GET(__param, param);
}

int pthread_getattr_np(pthread_t id, pthread_attr_t *attr)
{
    const struct thread *t = thread_of(id);
    pthread_attr_init(attr);
    attr->__detach =
        t->detached ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE;
    attr->__policy = t->policy;
    attr->__param.sched_priority = t->priority;
    attr->__guard_len = t->guard_len;
    if (t->pages) {
        attr->__stack = t->pages + t->guard_len;
        attr->__stack_len = t->stack_top - (char *)attr->__stack;
    } else { // the boot thread's is the bottom of RAM (arch/)
        for (unsigned i = 0; i < start_info->nregions; i++)
            if (start_info->region[i].kind == HV_REGION_RAM) {
                attr->__stack = (void *)start_info->region[i].addr;
                attr->__stack_len = t->stack_top - (char *)attr->__stack;
                break;
            }
    }
    return 0;
}
