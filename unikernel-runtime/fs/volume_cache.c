// SPDX-License-Identifier: ISC
/*
 * Pages of files on volumes. Frames come in slabs up to a quarter of RAM; a
 * clean page that was not used lately gives way to another. A file's pages are
 * looked at and changed under its own lock; `frames` guards the table, the
 * frames and who has them. A page that is being copied is pinned.
 *
 * What is written lies in dirty pages until a file is synced or closed, there
 * is too much of it, or a moment has passed (volume_behind.c). Before that it
 * is made sure, as far as the host says, that there is room for it.
 */
#include "unikernel-runtime/fs/volume.h"
#include "unikernel-runtime/fs/volume_behind.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define PAGE       HV_PAGE
#define SLAB_PAGES 256u
#define HASH       4096u
#define RUN_MAX    (FS_DATA_MAX / PAGE) // pages of one request
#define UNDER_WAY  4u                   // requests, when writing
// Less room than that on the volume: every write is the host's to refuse.
#define ROOM_MIN (1 << 20)

struct volume_page {
    struct volume_page *next;         // of the same hash, or free
    struct volume_page *peer, **link; // of the same file
    struct volume_node *node;         // NULL: free
    uint64_t index;
    uint8_t *data;
    uint8_t dirty, used, pinned;
};

struct slab {
    struct volume_page page[SLAB_PAGES];
};

static struct lock frames;
static struct slab **slabs;
static size_t nslabs, slabs_max, hand; // hand: the next to be looked at
static struct volume_page *free_pages, **table;
static size_t dirty_pages;

// --------------------------------------------------------------------- frames

static struct volume_page **bucket(const struct volume_node *n, uint64_t index)
{
    return &table[((uintptr_t)n / sizeof *n * 31 + index) % HASH];
}

static int slab_make(void)
{
    if (!slabs) {
        slabs_max = start_info->memory_kib / 4 / (SLAB_PAGES * PAGE / 1024);
        if (slabs_max < 1)
            slabs_max = 1;
        slabs = calloc(slabs_max, sizeof *slabs);
        table = calloc(HASH, sizeof *table);
    }
    if (!slabs || !table || nslabs == slabs_max ||
        pages_left() < 2 * SLAB_PAGES * PAGE)
        return -ENOMEM;
    struct slab *s = calloc(1, sizeof *s);
    uint8_t *data = s ? pages_alloc(SLAB_PAGES * PAGE) : NULL;
    if (!data) {
        free(s);
        return -ENOMEM;
    }
    for (unsigned i = SLAB_PAGES; i--;) {
        s->page[i].data = data + i * PAGE;
        s->page[i].next = free_pages;
        free_pages = &s->page[i];
    }
    slabs[nslabs++] = s;
    return 0;
}

static void page_free(struct volume_page *p)
{
    struct volume_page **link = bucket(p->node, p->index);
    while (*link != p)
        link = &(*link)->next;
    *link = p->next;
    *p->link = p->peer;
    if (p->peer)
        p->peer->link = p->link;
    p->node = NULL;
    p->next = free_pages;
    free_pages = p;
}

// Frees one that can be had back; the second look finds those that were used.
static int evict(void)
{
    size_t n = nslabs * SLAB_PAGES;
    for (size_t i = 0; i < 2 * n; i++) {
        hand = hand + 1 < n ? hand + 1 : 0;
        struct volume_page *p =
            &slabs[hand / SLAB_PAGES]->page[hand % SLAB_PAGES];
        if (!p->node || p->dirty || p->pinned)
            continue;
        if (p->used) {
            p->used = 0;
            continue;
        }
        page_free(p);
        return 0;
    }
    return -ENOMEM;
}

// Pinned, or NULL.
static struct volume_page *page_find(struct volume_node *n, uint64_t index)
{
    lock_take(&frames);
    struct volume_page *p = table ? *bucket(n, index) : NULL;
    while (p && (p->node != n || p->index != index))
        p = p->next;
    if (p)
        p->pinned = p->used = 1;
    lock_give(&frames);
    return p;
}

// A new one, pinned, with whatever was in it; the file has none there. NULL.
static struct volume_page *page_new(struct volume_node *n, uint64_t index)
{
    lock_take(&frames);
    if (!free_pages && slab_make() < 0 && nslabs)
        evict();
    struct volume_page *p = free_pages;
    if (p) {
        free_pages = p->next;
        struct volume_page **b = bucket(n, index);
        *p = (struct volume_page){.next = *b,
                                  .peer = n->pages,
                                  .link = &n->pages,
                                  .node = n,
                                  .index = index,
                                  .data = p->data,
                                  .used = 1,
                                  .pinned = 1};
        if (p->peer)
            p->peer->link = &p->peer;
        n->pages = p;
        *b = p;
    }
    lock_give(&frames);
    return p;
}

// The file's lock is held, so the page is no other thread's.
static void page_unpin(struct volume_page *p)
{
    __atomic_store_n(&p->pinned, 0, __ATOMIC_RELEASE);
}

static void page_clean(struct volume_page *p)
{
    if (!p->dirty)
        return;
    p->dirty = 0;
    p->node->dirty--;
    __atomic_sub_fetch(&dirty_pages, 1, __ATOMIC_RELAXED);
}

static void page_soil(struct volume_page *p)
{
    p->node->mtime.tv_sec = clock_wall_ns() / NS_PER_S;
    p->node->mtime.tv_nsec = clock_wall_ns() % NS_PER_S;
    if (p->dirty)
        return;
    p->dirty = 1;
    p->node->dirty++;
    __atomic_add_fetch(&dirty_pages, 1, __ATOMIC_RELAXED);
    volume_behind_soiled();
}

static void drop_from(struct volume_node *n, uint64_t index)
{
    lock_take(&frames);
    for (struct volume_page *p = n->pages, *peer; p; p = peer) {
        peer = p->peer;
        if (p->index < index)
            continue;
        page_clean(p);
        page_free(p);
    }
    lock_give(&frames);
}

void cache_drop(struct volume_node *n)
{
    drop_from(n, 0);
}

// What lies behind the end is zeros when the file grows again.
void cache_truncate(struct volume_node *n, uint64_t size)
{
    if (n->of->shared || !S_ISREG(n->kind))
        return;
    if (size < n->size) {
        drop_from(n, (size + PAGE - 1) / PAGE);
        struct volume_page *p = size % PAGE ? page_find(n, size / PAGE) : NULL;
        if (p) {
            memset(p->data + size % PAGE, 0, PAGE - size % PAGE);
            page_unpin(p);
        }
    }
    n->size = size;
}

// -------------------------------------------------------------------- filling

struct run {
    struct volume_page *page[RUN_MAX];
    unsigned n;
};

static void run_take(void *argument, const void *from, size_t len)
{
    const struct run *r = argument;
    for (unsigned i = 0; i < r->n; i++) {
        size_t at = i * PAGE, some = at < len ? len - at : 0;
        if (some > PAGE)
            some = PAGE;
        memcpy(r->page[i]->data, (const char *)from + at, some);
        memset(r->page[i]->data + some, 0, PAGE - some);
    }
}

static void run_give(void *argument, void *to, size_t len)
{
    const struct run *r = argument;
    for (size_t at = 0; at < len; at += PAGE)
        memcpy((char *)to + at, r->page[at / PAGE]->data,
               len - at < PAGE ? len - at : PAGE);
}

static int is_there(struct volume_node *n, uint64_t index)
{
    struct volume_page *p = page_find(n, index);
    if (p)
        page_unpin(p);
    return p != NULL;
}

// How many pages from `index` on are to be read at once, if `wanted` are asked
// for: more, the longer somebody reads in a row.
static unsigned plan(struct volume_node *n, uint64_t index, size_t wanted)
{
    uint64_t end = (n->size + PAGE - 1) / PAGE;
    n->ahead = index == n->next_index ? 2 * n->ahead + 2 : 0;
    if (n->ahead > RUN_MAX)
        n->ahead = RUN_MAX;
    uint64_t count = wanted > n->ahead ? wanted : n->ahead;
    if (count > RUN_MAX)
        count = RUN_MAX;
    if (count > end - index)
        count = end - index;
    unsigned i = 1;
    while (i < count && !is_there(n, index + i))
        i++;
    n->next_index = index + i;
    return i;
}

static struct volume_open *reader(struct volume_node *n)
{
    struct volume_open *o = n->open;
    while (o && (o->flags & O_ACCMODE) == O_WRONLY && n->of->shared)
        o = o->next;
    return o;
}

// Reads pages of which none is there; the first is returned, pinned.
static struct volume_page *fill(struct volume_node *n, uint64_t index,
                                unsigned count, int *error)
{
    struct run r = {.n = 0};
    while (r.n < count && (r.page[r.n] = page_new(n, index + r.n)))
        r.n++;
    *error = r.n ? 0 : -ENOMEM;
    if (!r.n)
        return NULL;
    const struct fuse_read_in in = {
        .fh = reader(n)->fh, .offset = index * PAGE, .size = r.n * PAGE};
    struct fs_call c = {.opcode = FUSE_READ,
                        .node = n->id,
                        .arg = {{&in, sizeof in}},
                        .take = run_take,
                        .into_len = r.n * PAGE,
                        .argument = &r};
    ssize_t got = fs_call(n->of->front, &c);
    if (got < 0) {
        lock_take(&frames);
        for (unsigned i = 0; i < r.n; i++)
            page_free(r.page[i]);
        lock_give(&frames);
        *error = got;
        return NULL;
    }
    for (unsigned i = 1; i < r.n; i++)
        page_unpin(r.page[i]);
    return r.page[0];
}

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

ssize_t cache_read(struct volume_open *o, void *data, size_t len, uint64_t pos)
{
    struct volume_node *n = o->node;
    size_t done = 0;
    if (pos >= n->size)
        return 0;
    len = min(len, n->size - pos);
    while (done < len) {
        uint64_t at = pos + done, index = at / PAGE;
        size_t skip = at % PAGE, some = min(len - done, PAGE - skip);
        int error = 0;
        struct volume_page *p = page_find(n, index);
        if (!p)
            p = fill(n, index,
                     plan(n, index, (skip + len - done + PAGE - 1) / PAGE),
                     &error);
        if (!p && error == -ENOMEM) {
            // Every frame is dirty or none can be had.
            ssize_t r = volume_read_direct(o, (char *)data + done, some, at);
            if (r < 0)
                return done ? (ssize_t)done : r;
            memset((char *)data + done + r, 0, some - r);
        } else if (!p) {
            return done ? (ssize_t)done : error;
        } else {
            memcpy((char *)data + done, p->data + skip, some);
            page_unpin(p);
        }
        done += some;
    }
    return done;
}

// -------------------------------------------------------------------- writing

static int by_index(const void *a, const void *b)
{
    uint64_t x = (*(struct volume_page *const *)a)->index;
    uint64_t y = (*(struct volume_page *const *)b)->index;
    return x < y ? -1 : x > y;
}

static struct volume_open *writer(struct volume_node *n)
{
    struct volume_open *o = n->open;
    while (o && (o->flags & O_ACCMODE) == O_RDONLY)
        o = o->next;
    return o;
}

struct write {
    struct fs_call call;
    struct fuse_write_in in;
    struct fuse_write_out out;
    struct run run;
};

static void write_begin(struct volume_node *n, struct write *w, uint64_t fh)
{
    uint64_t at = w->run.page[0]->index * PAGE;
    size_t len = w->run.n * PAGE;
    if (at + len > n->size)
        len = n->size - at;
    w->in = (struct fuse_write_in){.fh = fh, .offset = at, .size = len};
    w->call = (struct fs_call){.opcode = FUSE_WRITE,
                               .node = n->id,
                               .arg = {{&w->in, sizeof w->in}},
                               .give = run_give,
                               .data_len = len,
                               .argument = &w->run,
                               .answer = &w->out,
                               .answer_len = sizeof w->out};
    fs_begin(n->of->front, &w->call);
}

static void write_finish(struct volume_node *n, struct write *w)
{
    ssize_t r = fs_finish(n->of->front, &w->call);
    if (r == 0 && w->out.size != w->in.size)
        r = -ENOSPC;
    if (r < 0 && !n->error)
        n->error = r;
    for (unsigned i = 0; i < w->run.n; i++)
        page_clean(w->run.page[i]);
}

// What follows each other goes in one request; a few are under way at once.
static void write_pages(struct volume_node *n, struct volume_page **pages,
                        size_t count, uint64_t fh)
{
    struct write *w = malloc(UNDER_WAY * sizeof *w), one;
    unsigned room = w ? UNDER_WAY : 1, begun = 0, done = 0;
    if (!w)
        w = &one;
    for (size_t i = 0; i < count;) {
        if (begun - done == room)
            write_finish(n, &w[done++ % room]);
        struct run *r = &w[begun % room].run;
        r->n = 0;
        do
            r->page[r->n++] = pages[i++];
        while (i < count && r->n < RUN_MAX &&
               pages[i]->index == pages[i - 1]->index + 1);
        write_begin(n, &w[begun++ % room], fh);
    }
    while (done < begun)
        write_finish(n, &w[done++ % room]);
    if (w != &one)
        free(w);
}

// What could not be written is not kept either: the file is what the host has.
static void forget_all(struct volume_node *n)
{
    struct fuse_attr a;
    cache_drop(n);
    if (volume_getattr(n, n->open, &a) == 0)
        n->size = a.size;
}

int cache_flush(struct volume_node *n)
{
    if (!n->dirty)
        return 0;
    struct volume_open *o = writer(n);
    size_t count = 0;
    struct volume_page **pages = malloc(n->dirty * sizeof *pages), *single[1];
    if (!o) {
        free(pages);
        n->error = -EIO;
        return 0;
    }
    int before = n->error;
    n->error = 0;
    while (n->dirty && !n->error) {
        size_t most = pages ? n->dirty : 1;
        struct volume_page **list = pages ? pages : single;
        count = 0;
        for (struct volume_page *p = n->pages; p && count < most; p = p->peer)
            if (p->dirty)
                list[count++] = p;
        qsort(list, count, sizeof *list, by_index);
        write_pages(n, list, count, o->fh);
    }
    free(pages);
    known_attr_forget(n);
    if (n->error)
        forget_all(n);
    else
        n->error = before;
    return 0;
}

// Is there room for so much more? If the host has little left it is to say so
// itself: nothing is kept then.
static int room_for(struct volume_node *n, uint64_t more)
{
    struct volume *v = n->of;
    struct statvfs st;
    if (__atomic_sub_fetch(&v->room, (int64_t)more, __ATOMIC_RELAXED) >= 0)
        return 1;
    cache_flush(n);
    if (volume_statvfs(&v->root.vnode, &st) < 0)
        return 0;
    // Half of it, since others may want some; what others have dirty counts.
    int64_t room = (int64_t)(st.f_bavail * st.f_frsize / 2) -
                   (int64_t)(dirty_pages * PAGE);
    __atomic_store_n(&v->room, room < ROOM_MIN ? 0 : room - (int64_t)more,
                     __ATOMIC_RELAXED);
    return room >= ROOM_MIN && room >= (int64_t)more;
}

static int too_much_dirty(void)
{
    return nslabs && dirty_pages > slabs_max * SLAB_PAGES / 2;
}

// The page of a write, as it is before it; NULL with error 0: no frame.
static struct volume_page *page_for_write(struct volume_node *n, uint64_t index,
                                          int whole, int *error)
{
    struct volume_page *p = page_find(n, index);
    *error = 0;
    if (p)
        return p;
    if (!whole && index * PAGE < n->size) {
        p = fill(n, index, 1, error);
        if (*error == -ENOMEM)
            *error = 0;
        return p;
    }
    p = page_new(n, index);
    if (p && !whole)
        memset(p->data, 0, PAGE);
    return p;
}

static ssize_t write_through(struct volume_open *o, const void *data,
                             size_t len, uint64_t pos)
{
    struct volume_node *n = o->node;
    cache_flush(n);
    ssize_t r = volume_write_direct(o, data, len, pos);
    known_attr_forget(n);
    if (r > 0) {
        // What is kept of these pages is old.
        cache_drop(n);
        if (pos + r > n->size)
            n->size = pos + r;
    }
    return r;
}

ssize_t cache_write(struct volume_open *o, const void *data, size_t len,
                    uint64_t pos)
{
    struct volume_node *n = o->node;
    size_t done = 0;
    if (n->error) {
        int e = n->error;
        n->error = 0;
        return e;
    }
    if (pos + len > n->size && !room_for(n, pos + len - n->size))
        return write_through(o, data, len, pos);
    while (done < len) {
        uint64_t at = pos + done;
        size_t skip = at % PAGE, some = min(len - done, PAGE - skip);
        int error, whole = some == PAGE || (!skip && at + some >= n->size);
        struct volume_page *p = page_for_write(n, at / PAGE, whole, &error);
        if (!p && error)
            return done ? (ssize_t)done : error;
        if (!p) {
            ssize_t r = write_through(o, (const char *)data + done, some, at);
            if (r <= 0)
                return done ? (ssize_t)done : r;
            done += r;
            continue;
        }
        memcpy(p->data + skip, (const char *)data + done, some);
        if (whole && some < PAGE && at + some >= n->size)
            memset(p->data + some, 0, PAGE - some);
        page_soil(p);
        page_unpin(p);
        done += some;
        if (at + some > n->size)
            n->size = at + some;
    }
    if (too_much_dirty())
        cache_flush(n);
    return done;
}
