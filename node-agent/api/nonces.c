// SPDX-License-Identifier: ISC
// Signatures that were used; see nonces.h.

#include "node-agent/api/nonces.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 16

struct entry {
    uint64_t print;
    uint64_t expires_s; // 0: never used
};

struct nonces {
    pthread_mutex_t lock;
    uint8_t key[crypto_shorthash_KEYBYTES]; // nobody can aim at a set
    uint32_t sets;
    struct entry *entry; // untouched pages cost nothing
};

struct nonces *nonces_new(uint32_t max)
{
    struct nonces *n = calloc(1, sizeof(*n));

    if (!n)
        return NULL;
    n->sets = max / WAYS;
    n->entry = calloc(max, sizeof(*n->entry));
    if (!n->entry) {
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

int nonces_add(struct nonces *n, const uint8_t key[32], const char *nonce,
               uint64_t expires_s, uint64_t now_s)
{
    uint64_t print = print_make(n, key, nonce);
    struct entry *set = &n->entry[(size_t)(print % n->sets) * WAYS];
    struct entry *room = NULL;
    int r = 0;

    pthread_mutex_lock(&n->lock);
    for (int i = 0; i < WAYS && r == 0; i++) {
        if (set[i].expires_s < now_s)
            room = &set[i];
        else if (set[i].print == print)
            r = -EEXIST;
    }
    if (r == 0 && !room)
        r = -ENOSPC;
    if (r == 0)
        *room = (struct entry){print, expires_s};
    pthread_mutex_unlock(&n->lock);
    return r;
}
