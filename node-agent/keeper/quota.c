// SPDX-License-Identifier: ISC
// Customers' quotas; see quota.h.

#include "node-agent/keeper/quota.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "lib/clock.h"

// What is in the store is counted again after this long; meanwhile what comes
// is added.
#define STORE_COUNT_NS (5ull * 1000000000u)

const char quota_table[] = "create table quota ("
                           "  customer blob primary key,"
                           "  quota blob not null" // struct quota
                           ") strict, without rowid;";

struct customer {
    key_id_t key;
    struct customer *next;
    struct quota quota;
    uint32_t live;
    uint64_t memory_kib;
    uint64_t store_bytes, counted_ns; // 0: not yet
};

#define BUCKETS 1024u
struct quotas {
    struct customer *bucket[BUCKETS];
};

struct quotas *quotas_new(void)
{
    return calloc(1, sizeof(struct quotas));
}

void quotas_free(struct quotas *q)
{
    for (uint32_t i = 0; q && i < BUCKETS; i++) {
        while (q->bucket[i]) {
            struct customer *c = q->bucket[i];

            q->bucket[i] = c->next;
            free(c);
        }
    }
    free(q);
}

static struct customer **place(struct keeper *k, const key_id_t *key)
{
    uint32_t h;
    struct customer **p;

    memcpy(&h, key->b, sizeof(h)); // a key is as good as a hash
    p = &k->quotas->bucket[h % BUCKETS];
    while (*p && memcmp(&(*p)->key, key, sizeof(*key)))
        p = &(*p)->next;
    return p;
}

// One that was written before there was the last member leaves that as it is.
static void quota_take_row(struct db_stmt *q, struct quota *quota)
{
    size_t len;
    const void *data = db_blob(q, 0, &len);

    if (data && len <= sizeof(*quota))
        memcpy(quota, data, len);
}

// The operator's word about one customer, else the configuration's.
static struct quota quota_read(struct keeper *k, const key_id_t *key)
{
    static const char sql[] = "select quota from quota where customer = ?";
    struct quota quota = k->cfg.quota;
    struct err e;
    struct db_stmt *q = db_prepare(k->journal.db, sql, &e);
    int r = q ? 0 : -EIO;

    if (q) {
        db_bind_blob(q, 1, key->b, sizeof(key->b));
        r = db_step(q, &e);
        if (r > 0)
            quota_take_row(q, &quota);
        db_done(q);
    }
    if (r < 0)
        keeper_fail(k, &e);
    return quota;
}

static struct customer *find_or_add(struct keeper *k, const key_id_t *key)
{
    struct customer **p = place(k, key), *c = *p;

    if (c)
        return c;
    c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->key = *key;
    c->quota = quota_read(k, key);
    *p = c;
    return c;
}

static void forget_idle(struct keeper *k, const key_id_t *key)
{
    struct customer **p = place(k, key), *c = *p;

    if (!c || c->live || c->memory_kib)
        return;
    *p = c->next;
    free(c);
}

int quota_enter(struct keeper *k, struct sub *s)
{
    struct customer *c;

    if (s->in_quota)
        return 0;
    c = find_or_add(k, &s->info.customer);
    if (!c)
        return -ENOMEM;
    c->live++;
    s->in_quota = true;
    return 0;
}

void quota_leave(struct keeper *k, struct sub *s)
{
    if (!s->in_quota)
        return;
    s->in_quota = false;
    (*place(k, &s->info.customer))->live--;
    forget_idle(k, &s->info.customer);
}

void quota_take(struct keeper *k, const struct sub *s)
{
    struct customer *c = *place(k, &s->info.customer);

    if (c)
        c->memory_kib += s->info.limits.memory_kib;
}

void quota_give(struct keeper *k, const struct sub *s)
{
    struct customer *c = *place(k, &s->info.customer);

    if (c && c->memory_kib >= s->info.limits.memory_kib)
        c->memory_kib -= s->info.limits.memory_kib;
}

bool quota_fits(struct keeper *k, const struct sub *s)
{
    const struct customer *c = *place(k, &s->info.customer);

    return !c || !c->quota.memory_kib ||
           c->memory_kib + s->info.limits.memory_kib <= c->quota.memory_kib;
}

static uint64_t store_bytes(struct keeper *k, struct customer *c)
{
    uint64_t now_ns = clock_mono_ns();

    if (!c->counted_ns || now_ns > c->counted_ns + STORE_COUNT_NS) {
        c->store_bytes = store_bytes_of(&k->store, &c->key);
        c->counted_ns = now_ns;
    }
    return c->store_bytes;
}

unsigned quota_refuses(struct keeper *k, const key_id_t *customer,
                       uint64_t memory_kib, uint64_t bytes, const char **why)
{
    struct customer *c = find_or_add(k, customer);
    unsigned status = 0;

    if (!c) {
        *why = "the node has no memory left";
        return 503;
    }
    if (c->quota.submissions && c->live >= c->quota.submissions) {
        *why = "you have as many submissions here as your quota allows; wait "
               "until one is over";
        status = 429;
    } else if (c->quota.memory_kib && memory_kib > c->quota.memory_kib) {
        *why = "the bundle asks for more memory than your quota on this node";
        status = 422;
    } else if (c->quota.store_kib &&
               store_bytes(k, c) + bytes > c->quota.store_kib << 10) {
        *why = "you have as many bytes stored here as your quota allows; what "
               "is not used for a day is deleted";
        status = 429;
    }
    if (!status)
        c->store_bytes += bytes;
    forget_idle(k, customer);
    return status;
}

uint64_t quota_volumes_kib(struct keeper *k, const key_id_t *customer)
{
    const struct customer *c = find_or_add(k, customer);
    uint64_t kib = c ? c->quota.volumes_kib : k->cfg.quota.volumes_kib;

    forget_idle(k, customer);
    return kib;
}

// ------------------------------------------------------------------- requests

static int quota_write(struct keeper *k, const struct msg_quota *m,
                       struct err *e)
{
    static const char sql[] = "insert or replace into quota values (?,?)";
    struct db_stmt *q = journal_prepare(&k->journal, sql, e);

    if (!q)
        return -EIO;
    db_bind_blob(q, 1, m->customer.b, sizeof(m->customer.b));
    db_bind_blob(q, 2, &m->quota, sizeof(m->quota));
    return db_run(q, e);
}

int quota_serve(struct keeper *k, const union ipc_any *any)
{
    const struct msg_quota *m = &any->quota;
    struct msg_quota_reply reply;
    struct customer *c = find_or_add(k, &m->customer);
    struct err e;

    if (m->set && quota_write(k, m, &e) < 0)
        keeper_fail(k, &e);
    chan_reply_init(&reply, &m->head, c ? 200 : 503,
                    c ? NULL : "the node has no memory left");
    if (c) {
        if (m->set)
            c->quota = m->quota;
        reply.quota = c->quota;
        reply.submissions = c->live;
        reply.memory_kib = c->memory_kib;
        reply.store_kib = store_bytes(k, c) >> 10;
        reply.volumes_kib = volumes_kib_of(k, &m->customer);
        forget_idle(k, &m->customer);
    }
    chan_post(&k->api, &reply, NULL, 0);
    return 0;
}
