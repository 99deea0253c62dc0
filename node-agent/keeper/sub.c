// SPDX-License-Identifier: ISC
// The table of live submissions; see sub.h.

#include "node-agent/keeper/sub.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "lib/hex.h"
#include "node-agent/keeper/admit.h"

void subs_init(struct subs *t)
{
    memset(t, 0, sizeof(*t));
    for (uint32_t i = 0; i < LIVE_MAX; i++)
        t->free[t->nfree++] = LIVE_MAX - 1 - i;
}

void cmdline_forget(struct sub *s)
{
    if (s->cmdline)
        explicit_bzero(s->cmdline, s->cmdline_len);
    free(s->cmdline);
    s->cmdline = NULL;
}

static void sub_release(struct sub *s)
{
    admission_free(s->admission);
    cmdline_forget(s);
    free(s->volume);
    free(s);
}

void subs_fini(struct subs *t)
{
    for (uint32_t i = 0; i < LIVE_MAX; i++) {
        if (!t->at[i])
            continue;
        sub_release(t->at[i]);
        t->at[i] = NULL;
    }
}

// Ids are hashes: any of their bytes will do.
static struct sub **bucket_of(struct subs *t, const sub_id_t *id)
{
    uint32_t h;

    memcpy(&h, id->b, sizeof(h));
    return &t->bucket[h % LIVE_MAX];
}

struct sub *sub_new(struct subs *t, const sub_id_t *id)
{
    struct sub **b = bucket_of(t, id);
    struct sub *s;

    if (!t->nfree || !(s = calloc(1, sizeof(*s))))
        return NULL;
    s->index = t->free[--t->nfree];
    s->generation = ++t->generation[s->index];
    s->info.id = *id;
    s->hash_next = *b;
    *b = s;
    t->at[s->index] = s;
    t->count++;
    return s;
}

void sub_free(struct subs *t, struct sub *s)
{
    struct sub **p = bucket_of(t, &s->info.id);

    assert(!s->touched && !s->queued);
    while (*p != s)
        p = &(*p)->hash_next;
    *p = s->hash_next;
    t->at[s->index] = NULL;
    t->free[t->nfree++] = s->index;
    t->count--;
    sub_release(s);
}

struct sub *sub_find(struct subs *t, const sub_id_t *id)
{
    struct sub *s = *bucket_of(t, id);

    while (s && memcmp(s->info.id.b, id->b, sizeof(id->b)))
        s = s->hash_next;
    return s;
}

uint64_t sub_tag(const struct sub *s)
{
    return (uint64_t)s->generation << 32 | s->index;
}

struct sub *sub_by_tag(struct subs *t, uint64_t tag)
{
    uint32_t index = (uint32_t)tag;
    struct sub *s = index < LIVE_MAX ? t->at[index] : NULL;

    return s && sub_tag(s) == tag ? s : NULL;
}

void sub_touch(struct subs *t, struct sub *s)
{
    s->info.version++;
    if (s->touched)
        return;
    s->touched = true;
    s->touched_next = t->touched;
    t->touched = s;
}

struct sub *sub_next(struct subs *t, const struct sub *s)
{
    for (uint32_t i = s ? s->index + 1 : 0; i < LIVE_MAX; i++)
        if (t->at[i])
            return t->at[i];
    return NULL;
}

char *sub_id_text(char out[SUB_ID_TEXT], const sub_id_t *id)
{
    return hex_encode(out, id->b, sizeof(id->b));
}
