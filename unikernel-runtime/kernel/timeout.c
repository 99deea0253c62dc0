// SPDX-License-Identifier: ISC
/*
 * Deadlines in order. The hypervisor's timer is only ever moved forward in
 * time by its own event: setting it costs a call to the host, a timer that
 * rings too early only a look at the list.
 */
#include "unikernel-runtime/kernel/timeout.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/hypercall.h"

#include <stddef.h>

static struct timeout *first;
static uint64_t armed_ns; // what the hypervisor's timer is set to, or 0

static void arm(void)
{
    if (!first || (armed_ns && armed_ns <= first->deadline_ns))
        return;
    armed_ns = first->deadline_ns;
    hv_timer(armed_ns);
}

void timeout_cancel(struct timeout *t)
{
    if (!t->deadline_ns)
        return;
    struct timeout **link = &first;
    while (*link != t)
        link = &(*link)->next;
    *link = t->next;
    t->deadline_ns = 0;
}

void timeout_set(struct timeout *t, uint64_t deadline_ns)
{
    timeout_cancel(t);
    t->deadline_ns = deadline_ns ? deadline_ns : 1;
    struct timeout **link = &first;
    while (*link && (*link)->deadline_ns <= t->deadline_ns)
        link = &(*link)->next;
    t->next = *link;
    *link = t;
    arm();
}

void timeout_event(unsigned port)
{
    (void)port;
    armed_ns = 0;
    if (!first)
        return;
    uint64_t now = clock_real_ns();
    while (first && first->deadline_ns <= now) {
        struct timeout *t = first;
        first = t->next;
        t->due_ns = t->deadline_ns;
        t->deadline_ns = 0;
        t->expired(t);
    }
    arm();
}
