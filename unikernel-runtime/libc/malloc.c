// SPDX-License-Identifier: ISC
/*
 * A cache of freed blocks in front of newlib's malloc, a thread's own: most
 * calls of malloc and free find there what they need, without a lock and
 * without splitting or joining blocks.
 *
 * Blocks are newlib's: the 8 bytes before one hold its size, in multiples of
 * 16, and two bits. A block in the cache is in use for all that newlib knows.
 * What exceeds a class's share goes back to newlib, which joins it with its
 * neighbours; so does everything when newlib has no more memory. A class that
 * is asked for again and again is filled, and one that is full is halved,
 * under one taking of newlib's lock.
 *
 * The first free of a thread makes its cache; a program that frees nothing
 * has none.
 */
#include "unikernel-runtime/kernel/thread.h"

#include <errno.h>
#include <malloc.h>
#include <reent.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GRAIN       16ul
#define HEADER      8ul
#define CLASSES     65u // of blocks of 16 * class bytes, header included
#define SIZE_BITS   3ul
#define SHARE       4096 // bytes that a class may keep
#define SHARE_LEAST 16   // or as many blocks
#define REFILL_MOST 16
#define CACHED_MOST ((CLASSES - 1) * GRAIN - HEADER) // bytes asked for

struct block {
    struct block *next;
};

struct malloc_cache {
    struct block *first[CLASSES];
    uint16_t count[CLASSES];
    uint8_t refill[CLASSES]; // blocks to get when there is none, from 1
};

static unsigned class_of(size_t len)
{
    return len <= 3 * HEADER ? 2 : (len + HEADER + GRAIN - 1) / GRAIN;
}

static size_t block_len(const void *p)
{
    return ((const size_t *)p)[-1] & ~SIZE_BITS;
}

static unsigned class_limit(unsigned class)
{
    unsigned n = SHARE / GRAIN / class;
    return n > SHARE_LEAST ? n : SHARE_LEAST;
}

// Gives all of it back.
static void cache_empty(struct malloc_cache *cache)
{
    for (unsigned class = 0; class < CLASSES; class ++) {
        struct block *b;
        while ((b = cache->first[class])) {
            cache->first[class] = b->next;
            _free_r(thread_self()->reent, b);
        }
        cache->count[class] = 0;
    }
}

static void cache_end(struct thread *t)
{
    struct malloc_cache *cache = t->malloc_cache;
    t->malloc_cache = NULL;
    if (cache) {
        cache_empty(cache);
        _free_r(t->reent, cache);
    }
}

static struct malloc_cache *cache_make(struct thread *self)
{
    struct malloc_cache *cache = _malloc_r(self->reent, sizeof *cache);
    if (!cache)
        return NULL;
    memset(cache, 0, sizeof *cache);
    memset(cache->refill, 1, sizeof cache->refill);
    thread_malloc_end = cache_end;
    return self->malloc_cache = cache;
}

static void push(struct malloc_cache *cache, unsigned class, void *p)
{
    struct block *b = p;
    b->next = cache->first[class];
    cache->first[class] = b;
    cache->count[class]++;
}

// More of a class each time, up to REFILL_MOST: returns one of them.
static void *cache_refill(struct thread *self, unsigned class, size_t len)
{
    struct malloc_cache *cache = self->malloc_cache;
    unsigned n = cache->refill[class];
    if (n < REFILL_MOST)
        cache->refill[class] = 2 * n;
    __malloc_lock(self->reent);
    void *out = _malloc_r(self->reent, len), *more = out;
    while (more && --n) {
        more = _malloc_r(self->reent, len);
        if (more)
            push(cache, class, more);
    }
    __malloc_unlock(self->reent);
    return out;
}

static void cache_halve(struct thread *self, struct malloc_cache *cache,
                        unsigned class)
{
    cache->refill[class] = 1;
    __malloc_lock(self->reent);
    for (unsigned n = cache->count[class] / 2; n; n--) {
        struct block *b = cache->first[class];
        cache->first[class] = b->next;
        cache->count[class]--;
        _free_r(self->reent, b);
    }
    __malloc_unlock(self->reent);
}

// When there is no memory any more, what is in the cache may do.
static void *newlib_malloc(struct thread *self, size_t len)
{
    void *p = _malloc_r(self->reent, len);
    if (p || !self->malloc_cache)
        return p;
    cache_empty(self->malloc_cache);
    return _malloc_r(self->reent, len);
}

static __attribute__((noinline)) void *malloc_slowly(size_t len)
{
    struct thread *self = thread_self();
    if (len <= CACHED_MOST && self->malloc_cache) {
        void *p = cache_refill(self, class_of(len), len);
        if (p)
            return p;
    }
    return newlib_malloc(self, len);
}

static __attribute__((noinline)) void free_slowly(void *p)
{
    struct thread *self = thread_self();
    struct malloc_cache *cache = self->malloc_cache;
    unsigned long class = block_len(p) / GRAIN;
    if (class >= CLASSES || (!cache && !(cache = cache_make(self)))) {
        _free_r(self->reent, p);
        return;
    }
    if (cache->count[class] >= class_limit(class))
        cache_halve(self, cache, class);
    push(cache, class, p);
}

void *malloc(size_t len)
{
    struct malloc_cache *cache = thread_self()->malloc_cache;
    if (len > CACHED_MOST || !cache)
        return malloc_slowly(len);
    unsigned class = class_of(len);
    struct block *b = cache->first[class];
    if (!b)
        return malloc_slowly(len);
    cache->first[class] = b->next;
    cache->count[class]--;
    return b;
}

void free(void *p)
{
    if (!p)
        return;
    struct malloc_cache *cache = thread_self()->malloc_cache;
    size_t class = block_len(p) / GRAIN;
    if (class >= CLASSES || !cache || cache->count[class] >= class_limit(class))
        free_slowly(p);
    else
        push(cache, class, p);
}

void *calloc(size_t n, size_t len)
{
    size_t all;
    if (__builtin_mul_overflow(n, len, &all)) {
        errno = ENOMEM;
        return NULL;
    }
    if (all > CACHED_MOST)
        return _calloc_r(thread_self()->reent, n, len);
    void *p = malloc(all);
    return p ? memset(p, 0, all) : NULL;
}
