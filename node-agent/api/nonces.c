// SPDX-License-Identifier: ISC
// Signatures that were used; see nonces.h.

#include "node-agent/api/nonces.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "node-agent/api/limits.h"

#define WAYS 16

// No signature is good for longer, see auth.c.
#define WINDOW_S (2u * SIGNATURE_AGE_S)

struct entry {
    uint64_t print;
    uint64_t expires_s; // 0: never used
};

// What a key added in this window and in the one before: at least all of its
// entries that are still in use.
struct share {
    uint64_t print;
    uint64_t window; // 0: never used
    uint32_t now, before;
};

struct nonces {
    pthread_mutex_t lock;
    uint8_t key[crypto_shorthash_KEYBYTES]; // nobody can aim at a set
    uint32_t sets;
    struct entry *entry; // untouched pages cost nothing
    uint32_t share_max, share_sets;
    struct share *share;
};

struct nonces *nonces_new(uint32_t max)
{
    struct nonces *n = calloc(1, sizeof(*n));

    if (!n)
        return NULL;
    n->sets = max / WAYS;
    n->entry = calloc(max, sizeof(*n->entry));
    n->share_max = max / 16;
    n->share_sets = (max / 16 + WAYS - 1) / WAYS;
    n->share = calloc((size_t)n->share_sets * WAYS, sizeof(*n->share));
    if (!n->entry || !n->share) {
        free(n->entry);
        free(n->share);
        free(n);
        return NULL;
    }
    randombytes_buf(n->key, sizeof(n->key));
    pthread_mutex_init(&n->lock, NULL);
    return n;
}

void nonces_free(struct nonces *n)
{
    if (!n)
        return;
    pthread_mutex_destroy(&n->lock);
    free(n->share);
    free(n->entry);
    free(n);
}

static uint64_t print_make(const struct nonces *n, const uint8_t key[32],
                           const char *nonce)
{
    uint8_t text[32 + 128], hash[crypto_shorthash_BYTES];
    size_t len = strnlen(nonce, sizeof(text) - 32);
    uint64_t print;

    memcpy(text, key, 32);
    memcpy(text + 32, nonce, len);
    crypto_shorthash(hash, text, 32 + len, n->key);
    memcpy(&print, hash, sizeof(print));
    return print;
}

// With the lock held: the key's share, brought up to this time. NULL: too many
// keys are in use.
static struct share *share_of(struct nonces *n, const uint8_t key[32],
                              uint64_t now_s)
{
    uint64_t print = print_make(n, key, ""), window = 2 + now_s / WINDOW_S;
    struct share *set = &n->share[(size_t)(print % n->share_sets) * WAYS];
    struct share *s = NULL;

    for (int i = 0; i < WAYS; i++) {
        if (set[i].window && set[i].print == print) {
            s = &set[i];
            break;
        }
        // Or of a time that was none: the clock was set back.
        if (!s && (set[i].window + 1 < window || set[i].window > window + 1))
            s = &set[i];
    }
    if (!s)
        return NULL;
    if (s->print != print || s->window + 1 < window)
        *s = (struct share){.print = print};
    else if (s->window < window)
        *s = (struct share){.print = print, .before = s->now};
    s->window = window;
    return s;
}

int nonces_add(struct nonces *n, const uint8_t key[32], const char *nonce,
               uint64_t expires_s, uint64_t now_s)
{
    uint64_t print = print_make(n, key, nonce);
    struct entry *set = &n->entry[(size_t)(print % n->sets) * WAYS];
    struct entry *room = NULL, *future = NULL;
    struct share *share;
    int r = 0;

    pthread_mutex_lock(&n->lock);
    for (int i = 0; i < WAYS && r == 0; i++) {
        if (set[i].expires_s < now_s) {
            // The oldest: what was used lately is worth knowing, should the
            // clock be set back.
            if (!room || set[i].expires_s < room->expires_s)
                room = &set[i];
            continue;
        }
        if (set[i].print == print)
            r = -EEXIST;
        if (set[i].expires_s > now_s + WINDOW_S)
            future = &set[i];
    }
    // Of when the clock was ahead. They give way last, since their time comes.
    if (!room)
        room = future;
    share = share_of(n, key, now_s);
    if (r == 0 && (!room || !share))
        r = -ENOSPC;
    if (r == 0 && share->now + share->before >= n->share_max)
        r = -EDQUOT;
    if (r == 0) {
        *room = (struct entry){print, expires_s};
        share->now++;
    }
    pthread_mutex_unlock(&n->lock);
    return r;
}
