// SPDX-License-Identifier: ISC
/*
 * Sets of files to wait for, as Linux has them: a file tells its watches when
 * it has changed, and those of its set that may be ready are in a list, so
 * that waiting costs by what happens and not by what is watched. Files that
 * do not announce changes (the console) are looked at after every event.
 */
#include "unikernel-runtime/fs/epoll.h"
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/kernel/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

struct item {
    struct watch watch; // first: the file's list of watches is one of these
    struct epoll *set;
    struct file *file; // which drops its watches before it is gone
    int fd;
    int queued;
    uint32_t events; // wanted; 0 after EPOLLONESHOT has shot
    epoll_data_t data;
    struct item *next_ready;
};

// `ready` is the scheduler's to guard; the items are guarded by items_lock.
struct epoll {
    struct waitq waiters;
    struct item *ready, *last_ready;
    struct item **items; // by descriptor
    int items_len, polled;
    struct file *file;
};

static struct lock items_lock;

#define ALWAYS_WANTED (EPOLLERR | EPOLLHUP)
#define CONDITIONS    0x23ffu

static void ready_put(struct item *i)
{
    struct epoll *e = i->set;
    if (i->queued || !i->events)
        return;
    i->queued = 1;
    i->next_ready = NULL;
    *(e->ready ? &e->last_ready->next_ready : &e->ready) = i;
    e->last_ready = i;
}

static struct item *ready_take(struct epoll *e)
{
    struct item *i = e->ready;
    e->ready = i->next_ready;
    i->queued = 0;
    return i;
}

static void ready_drop(struct item *i)
{
    struct item *before = NULL, *at = i->set->ready;
    if (!i->queued)
        return;
    for (; at != i; at = at->next_ready)
        before = at;
    *(before ? &before->next_ready : &i->set->ready) = i->next_ready;
    if (i->set->last_ready == i)
        i->set->last_ready = before;
    i->queued = 0;
}

static void item_changed(struct watch *w)
{
    struct item *i = (struct item *)w;
    ready_put(i);
    sched_wake(&i->set->waiters);
}

static uint32_t now(const struct item *i)
{
    struct file *f = i->file;
    uint32_t is = f->ops->poll ? (uint16_t)f->ops->poll(f) : POLLIN | POLLOUT;
    is |= (is & POLLIN ? POLLRDNORM : 0) | (is & POLLOUT ? POLLWRNORM : 0);
    return is & ((i->events & CONDITIONS) | ALWAYS_WANTED);
}

// ---------------------------------------------------------------- the items

static struct item *item_of(const struct epoll *e, int fd)
{
    return fd >= 0 && fd < e->items_len ? e->items[fd] : NULL;
}

static int items_grow(struct epoll *e, int fd)
{
    int len = e->items_len ? e->items_len : 16;
    while (len <= fd)
        len *= 2;
    struct item **items = realloc(e->items, len * sizeof *items);
    if (!items)
        return -ENOMEM;
    memset(items + e->items_len, 0, (len - e->items_len) * sizeof *items);
    e->items = items;
    e->items_len = len;
    return 0;
}

static void item_free(struct item *i)
{
    sched_lock();
    struct watch **link = &i->file->watches;
    while (*link != &i->watch)
        link = &(*link)->next;
    *link = i->watch.next;
    ready_drop(i);
    sched_unlock();
    i->set->polled -= !i->file->ops->announces;
    i->set->items[i->fd] = NULL;
    free(i);
}

static void file_unwatch_all(struct file *f)
{
    lock_take(&items_lock);
    while (f->watches)
        item_free((struct item *)f->watches);
    lock_give(&items_lock);
}

static void epoll_close(struct file *f)
{
    struct epoll *e = f->object;
    lock_take(&items_lock);
    for (int fd = 0; fd < e->items_len; fd++)
        if (e->items[fd])
            item_free(e->items[fd]);
    lock_give(&items_lock);
    free(e->items);
    free(e);
}

static int item_add(struct epoll *e, int fd, struct file *f,
                    const struct epoll_event *event)
{
    if (!f->ops->poll)
        return -EPERM; // always ready: nothing to wait for
    if (fd >= e->items_len && items_grow(e, fd) < 0)
        return -ENOMEM;
    struct item *i = calloc(1, sizeof *i);
    if (!i)
        return -ENOMEM;
    *i = (struct item){.watch = {.changed = item_changed},
                       .set = e,
                       .file = f,
                       .fd = fd,
                       .events = event->events | ALWAYS_WANTED,
                       .data = event->data};
    e->items[fd] = i;
    e->polled += !f->ops->announces;
    sched_lock();
    i->watch.next = f->watches;
    f->watches = &i->watch;
    item_changed(&i->watch);
    sched_unlock();
    return 0;
}

static void item_set(struct item *i, const struct epoll_event *event)
{
    sched_lock();
    i->events = event->events | ALWAYS_WANTED;
    i->data = event->data;
    item_changed(&i->watch);
    sched_unlock();
}

static int change_locked(struct epoll *e, int operation, int fd, struct file *f,
                         const struct epoll_event *event)
{
    struct item *i = item_of(e, fd);
    if (i && i->file != f) {
        // The descriptor means another file by now, the old one lives on.
        item_free(i);
        i = NULL;
    }
    switch (operation) {
    case EPOLL_CTL_ADD:
        return i ? -EEXIST : item_add(e, fd, f, event);
    case EPOLL_CTL_MOD:
        return i ? item_set(i, event), 0 : -ENOENT;
    case EPOLL_CTL_DEL:
        return i ? item_free(i), 0 : -ENOENT;
    default:
        return -EINVAL;
    }
}

// ------------------------------------------------------------------ waiting

static void look_at_polled(struct epoll *e)
{
    for (int fd = 0; fd < e->items_len; fd++) {
        struct item *i = e->items[fd];
        if (i && !i->file->ops->announces && now(i))
            ready_put(i);
    }
}

static int collect(struct epoll *e, struct epoll_event *events, int max)
{
    int count = 0;
    struct item *again = NULL, *again_last = NULL;
    if (e->polled)
        look_at_polled(e);
    while (e->ready && count < max) {
        struct item *i = ready_take(e);
        uint32_t is = now(i);
        if (!is || !i->events)
            continue;
        events[count++] = (struct epoll_event){.events = is, .data = i->data};
        if (i->events & EPOLLONESHOT) {
            i->events = 0;
        } else if (!(i->events & EPOLLET)) {
            // Looked at again the next time, after all others.
            i->next_ready = NULL;
            *(again ? &again_last->next_ready : &again) = i;
            again_last = i;
        }
    }
    for (struct item *i = again, *next; i; i = next) {
        next = i->next_ready;
        ready_put(i);
    }
    return count;
}

static short epoll_poll(struct file *f)
{
    struct epoll *e = f->object;
    if (e->polled)
        look_at_polled(e);
    while (e->ready && !now(e->ready))
        ready_take(e);
    return e->ready ? POLLIN : 0;
}

static int epoll_stat(struct file *f, struct stat *st)
{
    (void)f;
    *st = (struct stat){.st_mode = 0600, .st_nlink = 1};
    return 0;
}

static const struct file_ops epoll_ops = {
    .poll = epoll_poll, .stat = epoll_stat, .close = epoll_close};

int epoll_open(void)
{
    struct epoll *e = calloc(1, sizeof *e);
    if (!e)
        return -ENOMEM;
    file_unwatch = file_unwatch_all;
    int fd = fd_open_file(&epoll_ops, e, O_RDWR, &e->file);
    if (fd < 0)
        free(e);
    return fd;
}

int epoll_change(struct file *set, int operation, int fd,
                 const struct epoll_event *event)
{
    if (set->ops != &epoll_ops)
        return -EINVAL;
    struct file *f = fd_get(fd);
    if (!f)
        return -EBADF;
    // A set in a set would want a check for rings; nobody needs it.
    int r = -EINVAL;
    if (f->ops != &epoll_ops) {
        lock_take(&items_lock);
        r = change_locked(set->object, operation, fd, f, event);
        lock_give(&items_lock);
    }
    fd_put(f);
    return r;
}

int epoll_collect(struct file *set, struct epoll_event *events, int max,
                  uint64_t deadline_ns)
{
    if (set->ops != &epoll_ops || max <= 0)
        return -EINVAL;
    struct epoll *e = set->object;
    int count, r;
    do {
        r = 0;
        sched_lock();
        while (!(count = collect(e, events, max)) && !r && deadline_ns)
            r = e->polled ? event_wait_any(deadline_ns)
                          : sched_wait_point(&e->waiters, deadline_ns);
        sched_unlock();
    } while (!count && r == -EINTR && !wait_was_handled(r));
    return count || r != -EINTR ? count : r;
}
