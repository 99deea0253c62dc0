// SPDX-License-Identifier: ISC
// What the guest has open; see handle.h.

#include "hypervisor/fs/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "hypervisor/fs/limits.h"
#include "hypervisor/fs/quota.h"

static struct handle handles[FS_HANDLES_MAX];
static unsigned used; // places that were ever used
static struct handle *free_handles;

static uint64_t place_of(const struct handle *h)
{
    return (uint64_t)(h - handles) + 1;
}

struct handle *handle_new(struct node *n, int fd, int flags, int *error)
{
    struct handle *h = free_handles;

    *error = fd < 0 ? fd : 0;
    if (*error == 0 && !h && used == FS_HANDLES_MAX)
        *error = -ENFILE;
    if (*error < 0) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    if (h)
        free_handles = h->next;
    else
        h = &handles[used++];
    *h = (struct handle){.id = h->id ? h->id : place_of(h),
                         .node = n,
                         .fd = fd,
                         .access = flags & O_ACCMODE,
                         .append = flags & O_APPEND};
    n->opens++;
    return h;
}

struct handle *handle_get(uint64_t id, const struct node *n)
{
    uint64_t place = id & UINT32_MAX;
    struct handle *h;

    if (place < 1 || place > used)
        return NULL;
    h = &handles[place - 1];
    return h->id == id && h->node == n && n && !h->closing ? h : NULL;
}

struct handle *handle_writable(const struct node *n)
{
    for (unsigned i = 0; n->opens && i < used; i++)
        if (handles[i].node == n && handles[i].access != O_RDONLY &&
            !handles[i].closing)
            return &handles[i];
    return NULL;
}

// Of a file without a name the last to close it gives the room back. Whether
// somebody else has it open is what the host would lend it for.
static bool is_last(const struct fs *fs, const struct handle *h)
{
    bool alone;

    if (h->node->opens > 1)
        return false;
    if (!fs->shared)
        return true;
    alone = fcntl(h->fd, F_SETLEASE, F_WRLCK) == 0;
    if (alone)
        fcntl(h->fd, F_SETLEASE, F_UNLCK);
    return alone;
}

static void release(struct fs *fs, struct handle *h)
{
    struct node *n = h->node;
    struct stat st;

    if (S_ISREG(n->type) && !fs->read_only && fstat(h->fd, &st) == 0 &&
        st.st_nlink == 0 && (n->owed || fs->shared) && is_last(fs, h))
        quota_take(fs, -quota_cost(&st), -1);
    close(h->fd);
    h->id += 1ull << 32;
    h->node = NULL;
    h->next = free_handles;
    free_handles = h;
    n->opens--;
    node_release(n);
}

void handle_close(struct fs *fs, struct handle *h)
{
    h->closing = true;
    if (!h->jobs)
        release(fs, h);
}

void handle_job_done(struct fs *fs, struct handle *h)
{
    h->jobs--;
    if (h->closing && !h->jobs)
        release(fs, h);
}

void handles_drop(struct fs *fs)
{
    for (unsigned i = 0; i < used; i++)
        if (handles[i].node && !handles[i].closing)
            handle_close(fs, &handles[i]);
}
