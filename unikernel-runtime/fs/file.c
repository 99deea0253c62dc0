// SPDX-License-Identifier: ISC
// Open files and file descriptors.
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/fs/device.h"
#include "unikernel-runtime/fs/file_lock.h"
#include "unikernel-runtime/kernel/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

// Standard input, output and error are the console from the start.
static struct file console = {
    .ops = &device_console_ops, .refs = 3, .flags = O_RDWR};

// A table that most programs never outgrow; later one from the heap.
static struct file *first_table[16] = {&console, &console, &console};
static struct file **table = first_table;
static int table_len = sizeof first_table / sizeof *first_table;

/*
 * `table_lock` is held by whoever changes the table; its entries and the
 * counts of references are changed under the scheduler's lock besides, which
 * is all that a look at the table takes.
 */
static struct lock table_lock;
static int lowest_free = 3; // no descriptor below is free
int fd_limit = FD_LIMIT;

static struct file *entry(int fd)
{
    return fd >= 0 && fd < table_len ? table[fd] : NULL;
}

struct file *fd_get(int fd)
{
    sched_lock();
    struct file *f = entry(fd);
    if (f)
        f->refs++;
    sched_unlock();
    return f;
}

void fd_put(struct file *f)
{
    sched_lock();
    int last = --f->refs == 0;
    sched_unlock();
    if (!last)
        return;
    if (f->watches)
        file_unwatch(f);
    if (f->locked)
        file_lock_drop(f);
    if (f->ops->close)
        f->ops->close(f);
    if (f != &console)
        free(f);
}

void (*file_unwatch)(struct file *f);

static void entry_set(int fd, struct file *f)
{
    sched_lock();
    table[fd] = f;
    sched_unlock();
}

// Makes room for descriptor `fd`.
static int table_grow(int fd)
{
    if (fd < table_len)
        return 0;
    int len = 2 * table_len;
    while (len <= fd)
        len *= 2;
    struct file **new = calloc(len, sizeof *new), **old = table;
    if (!new)
        return -ENOMEM;
    memcpy(new, old, table_len * sizeof *old);
    sched_lock();
    table = new;
    table_len = len;
    sched_unlock();
    if (old != first_table)
        free(old);
    return 0;
}

// The lowest free descriptor that is `min` or more, with room for it.
static int fd_lowest(int min)
{
    if (min < 0 || min >= fd_limit)
        return -EINVAL;
    int fd = min > lowest_free ? min : lowest_free;
    while (entry(fd))
        fd++;
    if (min <= lowest_free)
        lowest_free = fd;
    if (fd >= fd_limit)
        return -EMFILE;
    int r = table_grow(fd);
    return r < 0 ? r : fd;
}

int fd_open(const struct file_ops *ops, void *object, int flags)
{
    struct file *unused;
    return fd_open_file(ops, object, flags, &unused);
}

int fd_open_file(const struct file_ops *ops, void *object, int flags,
                 struct file **file)
{
    struct file *f = malloc(sizeof *f);
    if (!f)
        return -ENOMEM;
    *f = (struct file){.ops = ops, .refs = 1, .flags = flags, .object = object};
    lock_take(&table_lock);
    int fd = fd_lowest(0);
    if (fd >= 0) {
        *file = f;
        entry_set(fd, f);
    }
    lock_give(&table_lock);
    if (fd < 0)
        free(f);
    return fd;
}

int fd_dup(int fd, int min)
{
    struct file *f = fd_get(fd);
    if (!f)
        return -EBADF;
    lock_take(&table_lock);
    int new = fd_lowest(min);
    if (new >= 0)
        entry_set(new, f);
    lock_give(&table_lock);
    if (new < 0)
        fd_put(f);
    return new;
}

int fd_dup_onto(int fd, int onto)
{
    if (onto < 0 || onto >= fd_limit)
        return -EBADF;
    struct file *f = fd_get(fd), *old = NULL;
    if (!f)
        return -EBADF;
    if (fd == onto) {
        fd_put(f);
        return onto;
    }
    lock_take(&table_lock);
    int r = table_grow(onto);
    if (r == 0) {
        old = entry(onto);
        entry_set(onto, f);
    }
    lock_give(&table_lock);
    if (r < 0)
        fd_put(f);
    if (old)
        fd_put(old);
    return r < 0 ? r : onto;
}

int fd_close(int fd)
{
    lock_take(&table_lock);
    struct file *f = entry(fd);
    if (f) {
        entry_set(fd, NULL);
        if (fd < lowest_free)
            lowest_free = fd;
    }
    lock_give(&table_lock);
    if (!f)
        return -EBADF;
    int r = f->ops->flush ? f->ops->flush(f) : 0;
    fd_put(f);
    return r;
}

void file_changed(struct file *f)
{
    event_announce();
    for (struct watch *w = f->watches; w; w = w->next)
        w->changed(w);
}

ssize_t file_read_at(struct file *f, void *data, size_t len, off_t pos)
{
    if ((f->flags & O_ACCMODE) == O_WRONLY)
        return -EBADF;
    if (!f->ops->seek)
        return -ESPIPE;
    return pos < 0 || !f->ops->read ? -EINVAL
                                    : f->ops->read(f, data, len, &pos);
}

#define PIECE_LEN 16384ul

ssize_t file_put_piece(struct file *f, off_t pos, size_t len,
                       ssize_t (*put)(void *to, const void *piece, size_t n),
                       void *to)
{
    char *piece = malloc(PIECE_LEN);
    ssize_t n = -ENOMEM;
    if (piece)
        n = file_read_at(f, piece, len < PIECE_LEN ? len : PIECE_LEN, pos);
    if (n > 0)
        n = put(to, piece, n);
    free(piece);
    return n;
}

ssize_t file_write_at(struct file *f, const void *data, size_t len, off_t pos)
{
    if ((f->flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    if (!f->ops->seek)
        return -ESPIPE;
    return pos < 0 || !f->ops->write ? -EINVAL
                                     : f->ops->write(f, data, len, &pos);
}

ssize_t file_read(struct file *f, void *data, size_t len)
{
    if ((f->flags & O_ACCMODE) == O_WRONLY)
        return -EBADF;
    return f->ops->read ? f->ops->read(f, data, len, &f->pos) : -EINVAL;
}

ssize_t file_write(struct file *f, const void *data, size_t len)
{
    if ((f->flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    return f->ops->write ? f->ops->write(f, data, len, &f->pos) : -EINVAL;
}

off_t file_seek(struct file *f, off_t offset, int whence)
{
    if (!f->ops->seek)
        return -ESPIPE;
    off_t at = f->ops->seek(f, offset, whence);
    if (at >= 0)
        f->pos = at;
    return at;
}

int file_stat(struct file *f, struct stat *st)
{
    return f->ops->stat ? f->ops->stat(f, st) : -EINVAL;
}

int file_truncate(struct file *f, off_t len)
{
    if ((f->flags & O_ACCMODE) == O_RDONLY || len < 0)
        return -EINVAL;
    return f->ops->truncate ? f->ops->truncate(f, len) : -EINVAL;
}

int file_readdir(struct file *f, struct dirent *entry)
{
    return f->ops->readdir ? f->ops->readdir(f, entry) : -ENOTDIR;
}

int file_sync(struct file *f, int data)
{
    return f->ops->sync ? f->ops->sync(f, data) : 0;
}

struct vnode *file_vnode(struct file *f)
{
    return f->ops->vnode ? f->ops->vnode(f) : NULL;
}

int file_control(struct file *f, unsigned long request, void *argument)
{
    return f->ops->control ? f->ops->control(f, request, argument) : -ENOTTY;
}
