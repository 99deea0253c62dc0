// SPDX-License-Identifier: ISC
// What was built before; see cache.h.

#include "node-agent/keeper/cache.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include "lib/clock.h"
#include "lib/cleanup.h"
#include "lib/hex.h"
#include "lib/io.h"

#define CACHE_KEY_BYTES 32

static void add_text(crypto_generichash_state *h, const char *text)
{
    crypto_generichash_update(h, (const uint8_t *)text, strlen(text) + 1);
}

static void add_count(crypto_generichash_state *h, uint64_t n)
{
    crypto_generichash_update(h, (const uint8_t *)&n, sizeof(n));
}

// Everything that the compiler is given; see builder/sandbox.c.
static void key_of(const uint8_t toolchain[32], const struct manifest *m,
                   uint8_t key[CACHE_KEY_BYTES])
{
    crypto_generichash_state h;
    uint64_t sources = 0;

    crypto_generichash_init(&h, NULL, 0, CACHE_KEY_BYTES);
    add_text(&h, "hostel build v1");
    crypto_generichash_update(&h, toolchain, 32);
    add_count(&h, m->noptions);
    for (size_t i = 0; i < m->noptions; i++)
        add_text(&h, m->option[i]);
    for (size_t i = 0; i < m->nfiles; i++)
        sources += m->file[i].role == ROLE_SOURCE;
    add_count(&h, sources);
    for (size_t i = 0; i < m->nfiles; i++) {
        if (m->file[i].role != ROLE_SOURCE)
            continue;
        add_text(&h, m->file[i].path);
        crypto_generichash_update(&h, m->file[i].digest, DIGEST_BYTES);
    }
    crypto_generichash_final(&h, key, CACHE_KEY_BYTES);
}

static int key_read(struct keeper *k, const struct sub *s,
                    uint8_t key[CACHE_KEY_BYTES])
{
    struct buf bytes = BUF_INIT(MANIFEST_MAX);
    struct manifest m;
    struct err e;
    int r = journal_manifest(&k->journal, &s->info.id, &bytes, &e);

    if (r == 0) {
        r = manifest_decode(bytes.data, bytes.len, &m, &e);
        if (r == 0)
            key_of(k->cfg.toolchain_id, &m, key);
        manifest_free(&m);
    }
    buf_free(&bytes);
    return r;
}

// The log that a compiler would have written.
static void log_say(struct keeper *k, const struct sub *s)
{
    cleanup_close int fd =
        store_log_new(&k->store, &s->info.id, LOG_BUILD, NULL);
    char text[160], digest[65];
    int n = snprintf(text, sizeof(text),
                     "built before with the same sources, options and "
                     "toolchain: no charge\nimage %s\n",
                     hex_encode(digest, s->image, sizeof(s->image)));

    if (fd >= 0)
        write_full(fd, text, n);
}

bool cache_find(struct keeper *k, struct sub *s)
{
    uint8_t key[CACHE_KEY_BYTES], image[32];
    struct err e;
    int r;

    if (!s->is_source || s->has_image || key_read(k, s, key) < 0)
        return false;
    r = journal_built(&k->journal, &s->info.customer, key, image, &e);
    if (r < 0 && r != -ENOENT)
        keeper_fail(k, &e);
    if (r < 0 || !store_has(&k->store, &s->info.customer, image))
        return false;
    memcpy(s->image, image, sizeof(s->image));
    s->has_image = true;
    s->info.build_cached = 1;
    log_say(k, s);
    return true;
}

void cache_add(struct keeper *k, const struct sub *s)
{
    uint8_t key[CACHE_KEY_BYTES];
    struct err e;

    if (key_read(k, s, key) == 0 &&
        journal_built_add(&k->journal, &s->info.customer, key, s->image,
                          clock_real_ns(), &e) < 0)
        keeper_fail(k, &e);
}
