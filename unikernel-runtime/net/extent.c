// SPDX-License-Identifier: ISC
// Pieces of files that are sent; see extent.h.
#include "unikernel-runtime/net/extent.h"
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/net/buffer.h"
#include "unikernel-runtime/net/net.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

// The network's lock.
static struct extent *kept;
static size_t kept_len;

// A quarter of the window: senders and what is received need the rest.
static size_t kept_max(void)
{
    return start_info->window_len / 4;
}

static void extent_free(struct extent *e)
{
    buffer_free(e->data, e->room);
    free(e);
}

void extent_hold(struct extent *e)
{
    e->refs++;
}

void extent_put(struct extent *e)
{
    if (--e->refs == 0 && !e->version)
        extent_free(e);
}

// Drops those that nobody is sending, the longest unused first, until no more
// than so much is kept.
static int shrink_to(size_t most)
{
    int any = 0;
    while (kept_len > most) {
        struct extent **oldest = NULL;
        for (struct extent **link = &kept; *link; link = &(*link)->next)
            if (!(*link)->refs)
                oldest = link;
        if (!oldest)
            break;
        struct extent *e = *oldest;
        *oldest = e->next;
        kept_len -= e->room;
        extent_free(e);
        any = 1;
    }
    return any;
}

int extents_shrink(void)
{
    return shrink_to(0);
}

static struct extent *find(uint64_t version, off_t at)
{
    for (struct extent **link = &kept, *e; (e = *link); link = &e->next) {
        if (e->version != version || e->at != at)
            continue;
        *link = e->next;
        e->next = kept;
        kept = e;
        e->refs++;
        return e;
    }
    return NULL;
}

static void keep(struct extent *e, uint64_t version)
{
    if (e->room > kept_max())
        return;
    shrink_to(kept_max() - e->room);
    if (kept_len + e->room > kept_max())
        return; // all of it is under way
    e->version = version;
    e->next = kept;
    kept = e;
    kept_len += e->room;
}

// Memory for `len` bytes, at most BUFFER_MAX.
static struct extent *make(off_t at, size_t len)
{
    struct extent *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    *e = (struct extent){.at = at, .room = BUFFER_MIN, .refs = 1};
    while (e->room < len && e->room < BUFFER_MAX)
        e->room *= 2;
    net_lock();
    e->data = buffer_alloc(e->room, 0);
    if (!e->data && extents_shrink())
        e->data = buffer_alloc(e->room, 0);
    net_unlock();
    if (e->data)
        return e;
    free(e);
    return NULL;
}

// How much of the file there is from `at` on.
static int64_t rest_of(struct file *f, off_t at)
{
    struct stat st;
    int r = file_stat(f, &st);
    return r < 0 ? r : st.st_size > at ? st.st_size - at : 0;
}

struct extent *extent_get(struct file *f, off_t pos, size_t len, int *error)
{
    uint64_t version = f->ops->version ? f->ops->version(f) : 0;
    struct extent *e;
    *error = 0;
    if (version) {
        pos -= pos % (off_t)BUFFER_MAX;
        net_lock();
        e = find(version, pos);
        net_unlock();
        if (e)
            return e;
        int64_t rest = rest_of(f, pos);
        if (rest < 0) {
            *error = rest;
            return NULL;
        }
        len = (uint64_t)rest < BUFFER_MAX ? (uint64_t)rest : BUFFER_MAX;
    }
    if (len > BUFFER_MAX)
        len = BUFFER_MAX;
    e = make(pos, len);
    if (!e) {
        *error = -ENOBUFS;
        return NULL;
    }
    ssize_t n = file_read_at(f, e->data, len < e->room ? len : e->room, pos);
    int same = version && f->ops->version(f) == version;
    net_lock();
    if (n > 0) {
        e->len = n;
        if (same)
            keep(e, version);
    } else {
        *error = n;
        extent_put(e);
        e = NULL;
    }
    net_unlock();
    return e;
}
