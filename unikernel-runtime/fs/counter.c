// SPDX-License-Identifier: ISC
// Counters that one reads, writes and waits for (eventfd).
#include "unikernel-runtime/fs/counter.h"
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/kernel/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define COUNT_MAX (UINT64_MAX - 1)

struct counter {
    uint64_t count; // all of it is the scheduler's lock's
    int one;
    struct waitq readers, writers;
    struct file *file;
};

static ssize_t counter_read(struct file *f, void *data, size_t len, off_t *pos)
{
    (void)pos;
    struct counter *c = f->object;
    if (len < sizeof c->count)
        return -EINVAL;
    int r = 0;
    sched_lock();
    while (!c->count && !r && !(f->flags & O_NONBLOCK))
        r = sched_wait_point(&c->readers, SCHED_NEVER);
    uint64_t got = c->one && c->count ? 1 : c->count;
    c->count -= got;
    if (got) {
        sched_wake_all(&c->writers);
        file_changed(f);
    }
    sched_unlock();
    if (!got)
        return r ? r : -EAGAIN;
    memcpy(data, &got, sizeof got);
    return sizeof got;
}

static ssize_t counter_write(struct file *f, const void *data, size_t len,
                             off_t *pos)
{
    (void)pos;
    struct counter *c = f->object;
    uint64_t more;
    if (len < sizeof more)
        return -EINVAL;
    memcpy(&more, data, sizeof more);
    if (more > COUNT_MAX)
        return -EINVAL;
    int r = 0;
    sched_lock();
    while (c->count > COUNT_MAX - more && !r && !(f->flags & O_NONBLOCK))
        r = sched_wait_point(&c->writers, SCHED_NEVER);
    int fits = c->count <= COUNT_MAX - more;
    if (fits) {
        c->count += more;
        sched_wake_all(&c->readers);
        file_changed(f);
    }
    sched_unlock();
    return fits ? (ssize_t)sizeof more : r ? r : -EAGAIN;
}

static short counter_poll(struct file *f)
{
    const struct counter *c = f->object;
    return (c->count ? POLLIN : 0) | (c->count < COUNT_MAX ? POLLOUT : 0);
}

static int counter_stat(struct file *f, struct stat *st)
{
    (void)f;
    *st = (struct stat){.st_mode = 0600, .st_nlink = 1};
    return 0;
}

static void counter_close(struct file *f)
{
    free(f->object);
}

static const struct file_ops counter_ops = {.read = counter_read,
                                            .write = counter_write,
                                            .poll = counter_poll,
                                            .announces = 1,
                                            .stat = counter_stat,
                                            .close = counter_close};

int counter_open(uint64_t count, int one, int flags)
{
    struct counter *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    c->count = count;
    c->one = one;
    int fd = fd_open(&counter_ops, c, O_RDWR | flags);
    if (fd < 0)
        free(c);
    return fd;
}
