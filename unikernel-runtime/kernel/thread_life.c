// SPDX-License-Identifier: ISC
/*
 * Threads after the first: how they are made, end, and are waited for.
 *
 * A few blocks of pages whose threads have ended are kept, guard and all, for
 * the next ones: protecting a guard costs more than the rest of a creation.
 */
#include "unikernel-runtime/arch/x86_64/cpu.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/pages.h"
#include "unikernel-runtime/kernel/thread.h"
#include "unikernel-runtime/kernel/thread_place.h"

#include <errno.h>
#include <reent.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_MAX 8

static unsigned living = 1; // threads that have not ended
static struct thread *dead; // detached and ended, linked by `next`
static struct thread *kept; // memory for new ones, linked by `next`
static unsigned kept_count;

static void list_add(struct thread *t)
{
    sched_lock();
    t->older = thread_youngest;
    if (t->older)
        t->older->younger = t;
    thread_youngest = t;
    sched_unlock();
}

// The boot thread's struct, which stays in boot()'s frame, is in the list too.
static void list_drop(struct thread *t)
{
    sched_lock();
    *(t->younger ? &t->younger->older : &thread_youngest) = t->older;
    if (t->older)
        t->older->younger = t->younger;
    sched_unlock();
}

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

// ------------------------------------------------------------------- memory

static void pages_drop(struct thread *t)
{
    char *pages = t->pages;
    size_t len = t->pages_len, guard = t->guard_len;
    if (guard)
        hv_memory(HV_MEM_PROTECT, pages, guard, HV_PROT_READ | HV_PROT_WRITE);
    pages_free(pages, len);
}

static int keep(struct thread *t)
{
    sched_lock();
    int r = kept_count < KEPT_MAX;
    if (r) {
        t->next = kept;
        kept = t;
        kept_count++;
    }
    sched_unlock();
    return r;
}

// The struct of an ended thread whose pages are just right, or NULL.
static struct thread *kept_take(size_t len, size_t guard)
{
    sched_lock();
    struct thread **link = &kept, *t;
    while ((t = *link) && (t->pages_len != len || t->guard_len != guard))
        link = &t->next;
    if (t) {
        *link = t->next;
        kept_count--;
    }
    sched_unlock();
    return t;
}

static void thread_free(struct thread *t)
{
    list_drop(t);
    _reclaim_reent(t->reent);
    if (t->pages && !keep(t))
        pages_drop(t);
}

static void dead_free(void)
{
    for (;;) {
        sched_lock();
        struct thread *t = dead;
        if (t)
            dead = t->next;
        sched_unlock();
        if (!t)
            return;
        thread_free(t);
    }
}

// ----------------------------------------------------------------- creation

// Room for what lies above the stack.
static size_t top_len(void)
{
    return thread_block_len() + 16 + sizeof(struct _reent);
}

static struct thread *place(char *high)
{
    char *block = high - top_len();
    struct thread *t = thread_place(block);
    memset(t, 0, sizeof *t);
    t->self = t;
    t->reent = (struct _reent *)round_up((uintptr_t)(t + 1), 16);
    t->stack_top = block;
    t->stack_canary = thread_self()->stack_canary;
    _REENT_INIT_PTR(t->reent);
    return t;
}

static struct thread *place_in_pages(size_t stack_len, size_t guard_len)
{
    guard_len = round_up(guard_len, HV_PAGE);
    size_t len = round_up(guard_len + stack_len + top_len(), HV_PAGE);
    if (len < stack_len)
        return NULL;
    struct thread *old = kept_take(len, guard_len);
    char *pages = old ? old->pages : pages_alloc(len);
    if (!pages)
        return NULL;
    if (!old && guard_len &&
        hv_memory(HV_MEM_PROTECT, pages, guard_len, HV_PROT_NONE) < 0)
        guard_len = 0;
    struct thread *t = place(pages + len);
    t->pages = pages;
    t->pages_len = len;
    t->guard_len = guard_len;
    return t;
}

static void begin(void)
{
    struct thread *self = thread_self();
    sched_unlock(); // which the thread that switched to us had taken
    thread_end(self->start(self->argument));
}

int thread_create(struct thread **out, const struct thread_plan *plan)
{
    dead_free();
    char *stack = plan->stack;
    struct thread *t = stack ? place(stack + plan->stack_len)
                             : place_in_pages(plan->stack_len, plan->guard_len);
    if (!t)
        return -ENOMEM;
    t->start = plan->start;
    t->argument = plan->argument;
    t->detached = plan->detached;
    t->priority = plan->priority;
    t->policy = plan->policy;
    t->sp = cpu_stack_init(t->stack_top, begin);
    *out = t;
    list_add(t);
    if (plan->serves)
        t->signal_mask = ~0ul;
    sched_lock();
    living += !plan->serves;
    sched_ready(t);
    sched_unlock();
    return 0;
}

// ---------------------------------------------------------------------- end

void (*thread_malloc_end)(struct thread *self);

void thread_end(void *result)
{
    struct thread *self = thread_self();
    if (self->at_end)
        self->at_end();
    if (thread_malloc_end)
        thread_malloc_end(self);
    sched_lock();
    if (--living == 0) {
        sched_unlock();
        exit(0);
    }
    self->result = result;
    self->ended = 1;
    if (self->detached) {
        self->next = dead;
        dead = self;
    }
    sched_wake_all(&self->joiners);
    sched_leave();
}

int thread_join(struct thread *t, void **result, uint64_t deadline_ns)
{
    int r = 0;
    sched_lock();
    if (t == thread_self())
        r = -EDEADLK;
    else if (t->detached || t->joiners.first)
        r = -EINVAL;
    while (!r && !t->ended)
        switch (sched_wait_point(&t->joiners, deadline_ns)) {
        case -ETIMEDOUT:
            r = -ETIMEDOUT;
            break;
        case -EINTR:
            r = thread_is_cancelled(thread_self()) ? -EINTR : 0;
        }
    sched_unlock();
    if (r)
        return r;
    if (result)
        *result = t->result;
    thread_free(t);
    return 0;
}

int thread_detach(struct thread *t)
{
    sched_lock();
    int r = t->detached ? -EINVAL : 0, ended = t->ended;
    t->detached = 1;
    sched_unlock();
    if (!r && ended)
        thread_free(t);
    return r;
}
