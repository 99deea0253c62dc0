// SPDX-License-Identifier: ISC
// Round robin among customers; see lane.h.

#include "node-agent/keeper/lane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// One customer with at least one submission waiting. The ring is found by
// walking it: there are as many as have work here, which is few.
struct lane_customer {
    key_id_t customer;
    struct sub *first, **last;
    uint32_t waiting;
    struct lane_customer *next, *prev;
};

static struct lane_customer *find(const struct lane *l, const key_id_t *who)
{
    struct lane_customer *c = l->turn;

    if (!c)
        return NULL;
    do {
        if (!memcmp(&c->customer, who, sizeof(*who)))
            return c;
        c = c->next;
    } while (c != l->turn);
    return NULL;
}

// At the end of the round, that is before the one whose turn it is.
static struct lane_customer *enter(struct lane *l, const key_id_t *who)
{
    struct lane_customer *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->customer = *who;
    c->last = &c->first;
    if (!l->turn) {
        c->next = c->prev = c;
        l->turn = c;
    } else {
        c->next = l->turn;
        c->prev = l->turn->prev;
        c->prev->next = c;
        c->next->prev = c;
    }
    return c;
}

static void leave(struct lane *l, struct lane_customer *c)
{
    if (c->next == c) {
        l->turn = NULL;
    } else {
        c->prev->next = c->next;
        c->next->prev = c->prev;
        if (l->turn == c)
            l->turn = c->next;
    }
    free(c);
}

static struct lane_customer *find_or_enter(struct lane *l, const key_id_t *who)
{
    struct lane_customer *c = find(l, who);

    return c ? c : enter(l, who);
}

int lane_push(struct lane *l, struct sub *s)
{
    struct lane_customer *c = find_or_enter(l, &s->info.customer);

    if (!c)
        return -ENOMEM;
    s->lane_next = NULL;
    s->queued = true;
    *c->last = s;
    c->last = &s->lane_next;
    c->waiting++;
    l->waiting++;
    return 0;
}

int lane_push_front(struct lane *l, struct sub *s)
{
    struct lane_customer *c = find_or_enter(l, &s->info.customer);

    if (!c)
        return -ENOMEM;
    if (!c->first)
        c->last = &s->lane_next;
    s->lane_next = c->first;
    s->queued = true;
    c->first = s;
    c->waiting++;
    l->waiting++;
    l->turn = c;
    return 0;
}

struct sub *lane_first(const struct lane *l)
{
    return l->turn ? l->turn->first : NULL;
}

struct sub *lane_first_within(struct lane *l, uint64_t memory_kib,
                              bool (*fits)(void *arg, const struct sub *s),
                              void *arg)
{
    struct lane_customer *c = l->turn;

    if (!c)
        return NULL;
    do {
        if (sub_memory_kib(c->first) <= memory_kib &&
            (!fits || fits(arg, c->first))) {
            l->turn = c;
            return c->first;
        }
        c = c->next;
    } while (c != l->turn);
    return NULL;
}

static void unlink_at(struct lane *l, struct lane_customer *c, struct sub **p)
{
    struct sub *s = *p;

    *p = s->lane_next;
    if (!*p)
        c->last = p;
    s->lane_next = NULL;
    s->queued = false;
    c->waiting--;
    l->waiting--;
    if (!c->first)
        leave(l, c);
}

void lane_pop(struct lane *l)
{
    struct lane_customer *c = l->turn;

    l->turn = c->next; // stays c when it is alone
    unlink_at(l, c, &c->first);
}

void lane_remove(struct lane *l, struct sub *s)
{
    struct lane_customer *c = find(l, &s->info.customer);

    for (struct sub **p = &c->first; *p; p = &(*p)->lane_next) {
        if (*p == s) {
            unlink_at(l, c, p);
            return;
        }
    }
}

uint32_t lane_waiting_of(const struct lane *l, const key_id_t *customer)
{
    const struct lane_customer *c = find(l, customer);

    return c ? c->waiting : 0;
}

void lane_fini(struct lane *l)
{
    while (l->turn)
        leave(l, l->turn);
    l->waiting = 0;
}
