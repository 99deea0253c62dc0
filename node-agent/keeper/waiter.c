// SPDX-License-Identifier: ISC
// Requests that are answered later; see waiter.h.

#include "node-agent/keeper/waiter.h"

bool waiter_add(struct waiters *w, const struct waiter *one)
{
    if (w->n == WAITERS_MAX)
        return false;
    w->at[w->n++] = *one;
    one->sub->waiters++;
    return true;
}

uint64_t waiters_due_ns(const struct waiters *w)
{
    uint64_t due_ns = UINT64_MAX;

    for (unsigned i = 0; i < w->n; i++)
        if (w->at[i].until_ns < due_ns)
            due_ns = w->at[i].until_ns;
    return due_ns;
}

static bool is_due(const struct waiter *one, const struct sub *s,
                   uint64_t now_ns)
{
    if (s && one->sub == s && one->kind == WAITS_INPUT)
        return s->info.state != SUB_RUNNING;
    if (s && one->sub == s)
        return one->kind == WAITS_SUBMIT || s->info.version > one->version ||
               s->info.state == SUB_DONE; // there will be no other version
    return !s && one->until_ns <= now_ns;
}

static void take_out(struct waiters *w, unsigned i, struct waiter *out)
{
    *out = w->at[i];
    out->sub->waiters--;
    w->at[i] = w->at[--w->n];
}

bool waiter_take(struct waiters *w, enum waiter_kind kind, const struct sub *s,
                 uint64_t now_ns, struct waiter *out)
{
    for (unsigned i = 0; i < w->n && !(s && !s->waiters); i++) {
        if (w->at[i].kind != kind || !is_due(&w->at[i], s, now_ns))
            continue;
        take_out(w, i, out);
        return true;
    }
    return false;
}

bool waiter_take_input(struct waiters *w, const struct sub *s, uint64_t tag,
                       struct waiter *out)
{
    for (unsigned i = 0; i < w->n && s->waiters; i++) {
        const struct waiter *one = &w->at[i];

        if (one->kind != WAITS_INPUT || one->sub != s || one->version != tag)
            continue;
        take_out(w, i, out);
        return true;
    }
    return false;
}

unsigned waiters_of(const struct waiters *w, enum waiter_kind kind,
                    const struct sub *s)
{
    unsigned n = 0;

    for (unsigned i = 0; i < w->n && s->waiters; i++)
        n += w->at[i].kind == kind && w->at[i].sub == s;
    return n;
}
