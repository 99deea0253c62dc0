// SPDX-License-Identifier: ISC
/*
 * Pipes: a ring of bytes between two open files. Writes of up to PIPE_BUF
 * bytes go in whole; a reader or writer that waits gives up the lock.
 */
#include "unikernel-runtime/fs/pipe.h"
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/kernel/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CAPACITY 65536u

struct pipe {
    struct lock lock;         // on the ring
    uint32_t put, got;        // run freely
    uint8_t readers, writers; // ends that are open: the scheduler's lock
    struct waitq not_empty, not_full;
    struct file *read_file, *write_file; // of ends that are open
    char data[CAPACITY];
};

static uint32_t used(const struct pipe *p)
{
    return p->put - p->got;
}

// Taken: sleeps in `q` without the lock, and has it again; not if the other
// end has just been closed, which takes the scheduler's lock only. Handlers of
// signals run in here, and may use the same pipe.
static int pipe_wait(struct pipe *p, struct waitq *q, const uint8_t *other)
{
    struct thread *self = thread_self();
    int r = 0;
    sched_lock();
    int waits = *other != 0;
    if (waits) {
        self->locks--;
        r = lock_release_wait(&p->lock, q, SCHED_NEVER);
    }
    sched_unlock();
    int broken = wait_was_broken(r);
    if (waits)
        lock_take(&p->lock);
    return broken ? -EINTR : 0;
}

// Scheduler locked: both ends may have changed.
static void pipe_changed(struct pipe *p)
{
    if (p->readers && p->read_file)
        file_changed(p->read_file);
    if (p->writers && p->write_file)
        file_changed(p->write_file);
}

static void pipe_moved(struct pipe *p, struct waitq *q)
{
    sched_lock();
    sched_wake_all(q);
    pipe_changed(p);
    sched_unlock();
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static ssize_t read_acquired(struct pipe *p, char *data, size_t len, int flags)
{
    while (!used(p)) {
        if (!p->writers)
            return 0;
        if (flags & O_NONBLOCK)
            return -EAGAIN;
        if (pipe_wait(p, &p->not_empty, &p->writers) < 0)
            return -EINTR;
    }
    size_t done = 0;
    while (done < len && used(p)) {
        uint32_t at = p->got % CAPACITY;
        size_t n = smaller(smaller(used(p), CAPACITY - at), len - done);
        memcpy(data + done, p->data + at, n);
        p->got += n;
        done += n;
    }
    return done;
}

static ssize_t pipe_read(struct file *f, void *data, size_t len, off_t *pos)
{
    (void)pos;
    struct pipe *p = f->object;
    if (!len)
        return 0;
    lock_take(&p->lock);
    ssize_t r = read_acquired(p, data, len, f->flags);
    lock_give(&p->lock);
    if (r > 0)
        pipe_moved(p, &p->not_full);
    return r;
}

// Until all of it is in; what has gone in before an error counts.
static ssize_t write_acquired(struct pipe *p, const char *data, size_t len,
                              int flags)
{
    size_t done = 0, whole = len <= PIPE_BUF ? len : 1;
    while (done < len) {
        if (!p->readers)
            return done ? (ssize_t)done : -EPIPE;
        if (CAPACITY - used(p) < whole) {
            if (flags & O_NONBLOCK)
                return done ? (ssize_t)done : -EAGAIN;
            if (pipe_wait(p, &p->not_full, &p->readers) < 0)
                return done ? (ssize_t)done : -EINTR;
            continue;
        }
        uint32_t at = p->put % CAPACITY;
        size_t n = smaller(CAPACITY - used(p), CAPACITY - at);
        n = smaller(n, len - done);
        memcpy(p->data + at, data + done, n);
        p->put += n;
        done += n;
        whole = 1;
        pipe_moved(p, &p->not_empty);
    }
    return done;
}

static ssize_t pipe_write(struct file *f, const void *data, size_t len,
                          off_t *pos)
{
    (void)pos;
    struct pipe *p = f->object;
    lock_take(&p->lock);
    ssize_t r = write_acquired(p, data, len, f->flags);
    lock_give(&p->lock);
    if (r == -EPIPE)
        raise(SIGPIPE);
    return r;
}

static int pipe_stat(struct file *f, struct stat *st)
{
    const struct pipe *p = f->object;
    *st = (struct stat){.st_mode = S_IFIFO | 0600,
                        .st_nlink = 1,
                        .st_size = used(p),
                        .st_blksize = PIPE_BUF};
    return 0;
}

static short read_poll(struct file *f)
{
    const struct pipe *p = f->object;
    return (used(p) ? POLLIN : 0) | (p->writers ? 0 : POLLHUP);
}

static short write_poll(struct file *f)
{
    const struct pipe *p = f->object;
    if (!p->readers)
        return POLLERR;
    return CAPACITY - used(p) >= PIPE_BUF ? POLLOUT : 0;
}

// One end is gone: whoever waits at the other learns of it.
static void end_close(struct pipe *p, uint8_t *ends)
{
    sched_lock();
    (*ends)--;
    int last = !p->readers && !p->writers;
    sched_wake_all(&p->not_empty);
    sched_wake_all(&p->not_full);
    pipe_changed(p);
    sched_unlock();
    if (last)
        free(p);
}

static void read_close(struct file *f)
{
    struct pipe *p = f->object;
    end_close(p, &p->readers);
}

static void write_close(struct file *f)
{
    struct pipe *p = f->object;
    end_close(p, &p->writers);
}

static const struct file_ops read_ops = {.read = pipe_read,
                                         .stat = pipe_stat,
                                         .poll = read_poll,
                                         .announces = 1,
                                         .close = read_close};
static const struct file_ops write_ops = {.write = pipe_write,
                                          .stat = pipe_stat,
                                          .poll = write_poll,
                                          .announces = 1,
                                          .close = write_close};

int pipe_open(int fds[2], int flags)
{
    flags &= O_NONBLOCK;
    struct pipe *p = malloc(sizeof *p);
    if (!p)
        return -ENOMEM;
    memset(p, 0, offsetof(struct pipe, data));
    p->readers = p->writers = 1;
    int r = fd_open_file(&read_ops, p, O_RDONLY | flags, &p->read_file);
    if (r < 0) {
        free(p);
        return r;
    }
    int w = fd_open_file(&write_ops, p, O_WRONLY | flags, &p->write_file);
    if (w < 0) {
        p->writers = 0;
        fd_close(r);
        return w;
    }
    fds[0] = r;
    fds[1] = w;
    return 0;
}
