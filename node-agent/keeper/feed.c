// SPDX-License-Identifier: ISC
// Following all submissions at once; see feed.h.

#include "node-agent/keeper/feed.h"

#include <errno.h>
#include <string.h>
#include "lib/clock.h"
#include "node-agent/keeper/keeper.h"

#define WAIT_NS_MAX (60ull * 1000000000u)

static const key_id_t everybody;

void feed_open(struct feed *f, uint64_t now_real_ns)
{
    f->first = now_real_ns + 1;
    f->last = now_real_ns;
    f->nwaits = 0;
}

void feed_add(struct keeper *k, struct sub *s)
{
    struct feed *f = &k->feed;
    struct change *c = &f->at[++f->last % FEED_MAX];

    c->id = s->info.id;
    c->customer = s->info.customer;
    s->fed = f->last;
}

static void answer(struct keeper *k, const struct feed_waiter *w,
                   unsigned status, uint64_t number,
                   const struct sub_info *info)
{
    struct msg_info_reply reply;

    chan_reply_init(&reply, &w->to, status, NULL);
    reply.offset = number;
    if (info)
        reply.info = *info;
    chan_post(&k->api, &reply, NULL, 0);
}

// As it is now, if this is its last change; false: it will come again, or has
// gone.
static bool look(struct keeper *k, uint64_t number, const struct change *c,
                 struct sub_info *info)
{
    const struct sub *live = sub_find(&k->subs, &c->id);
    struct sub stored;
    struct err e;
    int r;

    if (live) {
        *info = live->info;
        return live->fed == number && info->state != SUB_ASKED;
    }
    r = journal_get(&k->journal, &c->id, &stored, &e);
    if (r < 0 && r != -ENOENT)
        keeper_fail(k, &e);
    if (r < 0)
        return false;
    *info = stored.info;
    return true;
}

// True: it was answered. Otherwise w->after is where the search goes on.
static bool waiter_try(struct keeper *k, struct feed_waiter *w)
{
    const struct feed *f = &k->feed;
    uint64_t oldest =
        f->last - f->first >= FEED_MAX ? f->last - FEED_MAX + 1 : f->first;
    struct sub_info info;

    if (w->after + 1 < oldest || w->after > f->last) {
        answer(k, w, 410, f->last, NULL);
        return true;
    }
    while (w->after < f->last) {
        const struct change *c = &f->at[++w->after % FEED_MAX];

        if ((!memcmp(&w->customer, &everybody, sizeof(everybody)) ||
             !memcmp(&w->customer, &c->customer, sizeof(c->customer))) &&
            look(k, w->after, c, &info)) {
            answer(k, w, 200, w->after, &info);
            return true;
        }
    }
    return false;
}

void feed_serve(struct keeper *k, uint64_t now_ns)
{
    struct feed *f = &k->feed;

    for (uint32_t i = 0; i < f->nwaits;) {
        struct feed_waiter *w = &f->waits[i];
        bool done = waiter_try(k, w);

        if (!done && now_ns >= w->until_ns) {
            answer(k, w, 204, w->after, NULL);
            done = true;
        }
        if (done)
            *w = f->waits[--f->nwaits];
        else
            i++;
    }
}

uint64_t feed_due_ns(const struct feed *f)
{
    uint64_t due_ns = UINT64_MAX;

    for (uint32_t i = 0; i < f->nwaits; i++)
        if (f->waits[i].until_ns < due_ns)
            due_ns = f->waits[i].until_ns;
    return due_ns;
}

// 0 as the last number heard of: from now on.
int feed_watch(struct keeper *k, const union ipc_any *any)
{
    const struct msg_watch *m = &any->watch;
    struct feed *f = &k->feed;
    struct feed_waiter w = {.to = m->head,
                            .customer = m->customer,
                            .after = m->after ? m->after : f->last};
    uint64_t timeout_ns =
        m->timeout_ns < WAIT_NS_MAX ? m->timeout_ns : WAIT_NS_MAX;

    w.until_ns = clock_mono_ns() + timeout_ns;
    if (waiter_try(k, &w))
        return 0;
    if (f->nwaits < FEED_WAITERS_MAX)
        f->waits[f->nwaits++] = w;
    else
        answer(k, &w, 204, w.after, NULL);
    return 0;
}
