// SPDX-License-Identifier: ISC
// Domains that wait for a slot, and slots made for them; see starts.h.

#include "node-agent/spawner/starts.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/log.h"

/* Devices of all domains that wait; beyond it they have to come again. */
#define WAITING_DEVICES_MAX 128

/* A domain that waits for the slot being made for it. */
struct start_item {
    struct start_item *next;
    int fds[IPC_FDS_MAX];
    struct dom_devices *devices; /* NULL: none */
    struct outside *outside;     /* connections for some of them; NULL: none */
    struct msg_start start;      /* cut to its used length */
};

/* ------------------------------------------------------------------- slots */

static struct slot *slot_in_state(struct spawner *p, enum slot_state state)
{
    if (!p->count[state])
        return NULL;
    for (uint32_t i = 0; i < p->nslots; i++)
        if (p->slot[i].state == state)
            return &p->slot[i];
    return NULL;
}

static struct slot *slot_clean(struct spawner *p, unsigned kind)
{
    if (!p->count[SLOT_CLEAN] || !p->pool[kind].ready)
        return NULL;
    for (uint32_t i = 0; i < p->nslots; i++)
        if (p->slot[i].state == SLOT_CLEAN && slot_kind(&p->slot[i]) == kind)
            return &p->slot[i];
    return NULL;
}

/* All places are taken, some by clean slots of another kind that nobody
 * waits for: one of them goes. */
static void pool_make_room(struct spawner *p, unsigned kind)
{
    for (unsigned other = 0; other < SLOT_KINDS; other++) {
        struct slot *s = other == kind ? NULL : slot_clean(p, other);

        if (s && p->pool[other].ready > p->pool[other].waiting &&
            !p->count[SLOT_CONDEMNED] && !p->count[SLOT_WASTED]) {
            slot_event(p, s, SLOT_EV_RETIRE);
            return;
        }
    }
}

/* Have so many slots that are clean or will be. */
static void pool_refill(struct spawner *p, unsigned kind, uint32_t wanted)
{
    struct pool *pool = &p->pool[kind];

    while (!pool->absent && p->count[SLOT_MAKING] < MAKING_MAX &&
           pool->ready < wanted) {
        struct slot *s = slot_in_state(p, SLOT_EMPTY);

        if (!s || s->index >= p->cfg->slots) {
            if (pool->ready < pool->waiting)
                pool_make_room(p, kind);
            return;
        }
        if (p->make_after_ns && clock_mono_ns() < p->make_after_ns) {
            spawner_wake_at(p, p->make_after_ns);
            return;
        }
        p->make_after_ns = 0;
        s->engine = kind % HVC_ENGINES;
        s->rings = kind >= HVC_ENGINES;
        slot_event(p, s, SLOT_EV_MAKE);
    }
}

/* One for each domain that waits, then enough to have ready. */
void starts_refill(struct spawner *p)
{
    if (p->stopping)
        return;
    for (unsigned i = 0; i < SLOT_KINDS; i++)
        pool_refill(p, i, p->pool[i].waiting);
    for (unsigned i = 0; i < SLOT_KINDS; i++)
        pool_refill(p, i, p->pool[i].waiting + p->pool[i].spare);
}

/* ---------------------------------------------------------------- starting */

static void item_free(struct spawner *p, struct pool *pool,
                      struct start_item *item)
{
    ipc_close(item->fds);
    outside_free(p, item->outside);
    p->waiting_devices -= item->start.ndevices;
    free(item->devices);
    free(item);
    pool->waiting--;
}

static struct start_item *item_take(struct pool *pool, struct start_item **at)
{
    struct start_item *item = *at;

    *at = item->next;
    if (!*at)
        pool->last = at;
    return item;
}

/* The first that waits for nothing but a slot. */
static struct start_item **first_ready(struct spawner *p, struct pool *pool)
{
    struct start_item **at = &pool->first;

    while (*at && outside_awaits(p, (*at)->outside))
        at = &(*at)->next;
    return at;
}

/* Its disk's back end cannot be connected to; one that does not listen may do
 * so soon. */
static void outside_refuse(struct spawner *p, const struct start_item *item)
{
    const struct outside *o = item->outside;
    bool may_come = outside_may_come(&o->why);

    chan_reply(&p->keeper, &item->start.head, may_come ? 503 : 422, may_come,
               "disk %s: %s", item->devices->at[o->failed].target, o->why.text);
}

/* Start what waits while there are clean slots, first come first served among
 * those that wait for nothing else. */
static void serve(struct spawner *p, unsigned kind)
{
    struct pool *pool = &p->pool[kind];
    struct slot *s;
    struct err e;

    for (;;) {
        struct start_item **at = first_ready(p, pool), *item = *at;

        if (item && item->outside && item->outside->why.code) {
            outside_refuse(p, item);
            item_free(p, pool, item_take(pool, at));
            continue;
        }
        if (!item || !(s = slot_clean(p, kind)))
            return;
        if (slot_launch(p, s, &item->start, item->devices, item->outside,
                        item->fds, &e) < 0) {
            log_warn("slot %u: %s", s->index, e.text);
            continue; /* the next slot */
        }
        chan_reply_ok(&p->keeper, &item->start.head);
        item_free(p, pool, item_take(pool, at));
    }
}

static const char *const engine_names[HVC_ENGINES] = {
    [HVC_ENGINE_PV] = "pv", [HVC_ENGINE_KVM] = "kvm"};

/* Nothing is being made that they could wait for. */
static void refuse(struct spawner *p, unsigned kind)
{
    struct pool *pool = &p->pool[kind];

    while (pool->first) {
        struct start_item *item = item_take(pool, &pool->first);

        if (pool->absent)
            chan_reply(&p->keeper, &item->start.head, 422, 0, ENGINE_ABSENT,
                       engine_names[kind % HVC_ENGINES]);
        else
            chan_reply(&p->keeper, &item->start.head, 503, 1,
                       p->stopping ? "the node is stopping"
                                   : "the node has no free slot");
        item_free(p, pool, item);
    }
}

static void settle(struct spawner *p, unsigned kind)
{
    struct pool *pool = &p->pool[kind];

    serve(p, kind);
    if (pool->first && (pool->absent || p->stopping || p->make_after_ns ||
                        !(pool->ready + p->count[SLOT_EMPTY] +
                          p->count[SLOT_WASTED] + p->count[SLOT_CONDEMNED])))
        refuse(p, kind);
}

/* Which engine it shall have; -1: the node's file does not allow it. */
static int engine_choose(const struct spawner *p, uint32_t choice)
{
    enum hvc_engine engine = p->cfg->usual_engine;

    if (choice == ENGINE_PV)
        engine = HVC_ENGINE_PV;
    else if (choice == ENGINE_KVM)
        engine = HVC_ENGINE_KVM;
    else if (choice == ENGINE_AUTO && p->cfg->engines >> p->best_engine & 1)
        engine = p->best_engine;
    return p->cfg->engines >> engine & 1 ? (int)engine : -1;
}

/* Its devices, checked; NULL with none. */
static int devices_hear(const struct msg_start *m, const int *fds,
                        struct dom_devices **devices, struct err *e)
{

    *devices = NULL;
    if (!m->ndevices)
        return 0;
    *devices = malloc(sizeof(**devices));
    if (!*devices)
        return err_set(e, ENOMEM, "no memory for a waiting domain");
    return devices_take(*devices, m->ndevices, fds + start_files(m), e);
}

static int start_queue(struct spawner *p, unsigned kind,
                       const struct msg_start *m, int fds[IPC_FDS_MAX],
                       struct dom_devices *devices, struct outside *outside,
                       struct err *e)
{
    struct start_item *item =
        malloc(offsetof(struct start_item, start) + m->head.size);
    struct pool *pool = &p->pool[kind];

    if (!item)
        return err_set(e, ENOMEM, "no memory for a waiting domain");
    item->next = NULL;
    item->devices = devices;
    item->outside = outside;
    memcpy(item->fds, fds, sizeof(item->fds));
    memcpy(&item->start, m, m->head.size);
    p->waiting_devices += m->ndevices;
    *pool->last = item;
    pool->last = &item->next;
    pool->waiting++;
    return 0;
}

int starts_take(struct spawner *p, const struct msg_start *m,
                int fds[IPC_FDS_MAX], struct err *e)
{
    struct dom_devices *devices = NULL;
    struct outside *outside = NULL;
    int engine = engine_choose(p, m->engine), r;
    unsigned kind;

    if (m->engine > ENGINE_AUTO || m->flags & ~(START_PAUSED | START_ROLLS) ||
        m->core_ends & ~HVC_CORE_ENDS || !slot_volumes_sane(m) ||
        m->cpu_weight > CPU_WEIGHT_MAX || m->cpu_cap_percent > CPU_CAP_MAX)
        r = err_set(e, EPROTO, "the keeper starts a domain out of range");
    else
        r = devices_hear(m, fds, &devices, e);
    if (r == 0 && engine < 0)
        chan_reply(&p->keeper, &m->head, 422, 0,
                   "this node's file does not allow engine %s",
                   m->engine == ENGINE_KVM ? "kvm" : "pv");
    else if (r == 0 && p->waiting_devices + m->ndevices > WAITING_DEVICES_MAX)
        chan_reply(&p->keeper, &m->head, 503, 1,
                   "too many domains with disks and interfaces are waiting");
    else if (r == 0) {
        kind = KIND(engine, devices && devices_want_rings(devices));
        r = outside_begin(p, devices, fds + start_files(m) + 1, &outside, e);
        if (r == 0)
            r = start_queue(p, kind, m, fds, devices, outside, e);
        if (r == 0)
            return 0;
    }
    outside_free(p, outside);
    ipc_close(fds);
    free(devices);
    return r;
}

/* A domain still waiting can simply be given back. */
static void withdraw(struct spawner *p, struct pool *pool, const sub_id_t *id)
{
    for (struct start_item **at = &pool->first; *at; at = &(*at)->next) {
        struct start_item *item = *at;

        if (memcmp(&item->start.id, id, sizeof(*id)))
            continue;
        chan_reply(&p->keeper, &item->start.head, 503, 1,
                   "withdrawn before a slot was free");
        item_free(p, pool, item_take(pool, at));
        return;
    }
}

void starts_withdraw(struct spawner *p, const sub_id_t *id)
{
    for (unsigned i = 0; i < SLOT_KINDS; i++)
        withdraw(p, &p->pool[i], id);
}

void starts_settle(struct spawner *p)
{
    for (unsigned kind = 0; kind < SLOT_KINDS; kind++)
        settle(p, kind);
}
