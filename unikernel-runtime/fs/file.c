// SPDX-License-Identifier: ISC
// Open files and file descriptors.
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/fs/device.h"

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

struct file *fd_get(int fd)
{
    return fd >= 0 && fd < table_len ? table[fd] : NULL;
}

// Makes room for descriptor `fd`.
static int table_grow(int fd)
{
    if (fd < table_len)
        return 0;
    int len = 2 * table_len;
    while (len <= fd)
        len *= 2;
    struct file **new = calloc(len, sizeof *new);
    if (!new)
        return -ENOMEM;
    memcpy(new, table, table_len * sizeof *table);
    if (table != first_table)
        free(table);
    table = new;
    table_len = len;
    return 0;
}

// The lowest free descriptor that is `min` or more, with room for it.
static int fd_lowest(int min)
{
    if (min < 0 || min >= FD_MAX)
        return -EINVAL;
    int fd = min;
    while (fd_get(fd))
        fd++;
    if (fd == FD_MAX)
        return -EMFILE;
    int r = table_grow(fd);
    return r < 0 ? r : fd;
}

int fd_open(const struct file_ops *ops, void *object, int flags)
{
    int fd = fd_lowest(0);
    if (fd < 0)
        return fd;
    struct file *f = malloc(sizeof *f);
    if (!f)
        return -ENOMEM;
    *f = (struct file){.ops = ops, .refs = 1, .flags = flags, .object = object};
    table[fd] = f;
    return fd;
}

int fd_dup(int fd, int min)
{
    struct file *f = fd_get(fd);
    if (!f)
        return -EBADF;
    int new = fd_lowest(min);
    if (new < 0)
        return new;
    f->refs++;
    table[new] = f;
    return new;
}

int fd_dup_onto(int fd, int onto)
{
    struct file *f = fd_get(fd);
    if (!f || onto < 0 || onto >= FD_MAX)
        return -EBADF;
    if (fd == onto)
        return onto;
    int r = table_grow(onto);
    if (r < 0)
        return r;
    fd_close(onto);
    f->refs++;
    table[onto] = f;
    return onto;
}

int fd_close(int fd)
{
    struct file *f = fd_get(fd);
    if (!f)
        return -EBADF;
    table[fd] = NULL;
    if (--f->refs)
        return 0;
    if (f->ops->close)
        f->ops->close(f);
    if (f != &console)
        free(f);
    return 0;
}

ssize_t file_read(struct file *f, void *data, size_t len)
{
    if ((f->flags & O_ACCMODE) == O_WRONLY)
        return -EBADF;
    return f->ops->read ? f->ops->read(f, data, len) : -EINVAL;
}

ssize_t file_write(struct file *f, const void *data, size_t len)
{
    if ((f->flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    return f->ops->write ? f->ops->write(f, data, len) : -EINVAL;
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
