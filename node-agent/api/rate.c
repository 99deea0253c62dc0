// SPDX-License-Identifier: ISC
// How often somebody may ask; see rate.h. For each there is the time until
// which all his allowance is spent: behind now, he has asked less than he may;
// more than a burst ahead of it, he has to wait.

#include "node-agent/api/rate.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S 1000000000ull
#define WAYS     8
#define BURST_S  2

struct place {
    uint64_t print;
    uint64_t spent_ns; // 0: never used
};

struct rate {
    pthread_mutex_t lock;
    uint8_t key[crypto_shorthash_KEYBYTES];
    uint32_t sets;
    uint64_t each_ns; // one request's part of a second; 0: no limit
    struct place *place;
};

struct rate *rate_new(uint32_t places, uint32_t per_s)
{
    struct rate *r = calloc(1, sizeof(*r));

    if (!r)
        return NULL;
    r->sets = (places + WAYS - 1) / WAYS;
    r->place = calloc((size_t)r->sets * WAYS, sizeof(*r->place));
    if (!r->place) {
        free(r);
        return NULL;
    }
    r->each_ns = per_s ? NS_PER_S / per_s : 0;
    randombytes_buf(r->key, sizeof(r->key));
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void rate_free(struct rate *r)
{
    if (!r)
        return;
    pthread_mutex_destroy(&r->lock);
    free(r->place);
    free(r);
}

// With the lock held: his place, or that of whoever asked the least.
static struct place *place_of(struct rate *r, const void *who, size_t len,
                              uint64_t now_ns)
{
    uint8_t hash[crypto_shorthash_BYTES];
    struct place *set, *least;
    uint64_t print;

    crypto_shorthash(hash, who, len, r->key);
    memcpy(&print, hash, sizeof(print));
    set = &r->place[(size_t)(print % r->sets) * WAYS];
    least = set;
    for (int i = 0; i < WAYS; i++) {
        if (set[i].spent_ns && set[i].print == print)
            return &set[i];
        if (set[i].spent_ns < least->spent_ns)
            least = &set[i];
    }
    *least = (struct place){print, now_ns};
    return least;
}

static unsigned take(struct rate *r, const void *who, size_t len, unsigned cost,
                     uint64_t now_ns, int fine)
{
    uint64_t most_ns = now_ns + BURST_S * NS_PER_S, spent_ns;
    unsigned wait_s = 0;
    struct place *p;

    if (!r->each_ns)
        return 0;
    pthread_mutex_lock(&r->lock);
    p = place_of(r, who, len, now_ns);
    if (p->spent_ns < now_ns)
        p->spent_ns = now_ns;
    spent_ns = p->spent_ns + cost * r->each_ns;
    if (spent_ns > most_ns && !fine)
        wait_s = (unsigned)((spent_ns - most_ns) / NS_PER_S) + 1;
    else
        p->spent_ns = spent_ns < most_ns ? spent_ns : most_ns;
    pthread_mutex_unlock(&r->lock);
    return wait_s;
}

unsigned rate_take(struct rate *r, const void *who, size_t len, unsigned cost,
                   uint64_t now_ns)
{
    return take(r, who, len, cost, now_ns, 0);
}

void rate_fine(struct rate *r, const void *who, size_t len, unsigned cost,
               uint64_t now_ns)
{
    take(r, who, len, cost, now_ns, 1);
}
