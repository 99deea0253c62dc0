// SPDX-License-Identifier: ISC
/*
 * Contents of files in the ramfs.
 *
 * A file of the initrd is read in place; the first change copies it into
 * pages of its own. Those grow by doubling.
 */
#include "unikernel-runtime/fs/ramfs_file.h"
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/fs/ramfs.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/pages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 4096

// Gives the file `capacity` bytes of its own, keeping what it holds.
static int own_pages(struct node *n, uint64_t capacity)
{
    if (n->capacity && n->capacity >= capacity)
        return 0;
    uint64_t doubled = 2 * n->capacity;
    capacity = (capacity + BLOCK - 1) / BLOCK * BLOCK;
    if (capacity < doubled)
        capacity = doubled;
    if (!capacity)
        capacity = BLOCK;
    uint8_t *data = pages_alloc(capacity);
    if (!data)
        return -ENOSPC;
    memcpy(data, n->data, n->len);
    if (n->capacity)
        pages_free((void *)n->data, n->capacity);
    n->data = data;
    n->capacity = capacity;
    return 0;
}

int ramfs_truncate(struct node *n, off_t len)
{
    RAMFS_LOCKED;
    if (S_ISDIR(n->mode))
        return -EISDIR;
    if (len < 0 || !S_ISREG(n->mode))
        return -EINVAL;
    uint64_t new = len;
    if (new > n->len) {
        int r = own_pages(n, new);
        if (r < 0)
            return r;
    } else if (n->capacity) {
        memset((uint8_t *)n->data + new, 0, n->len - new);
    }
    n->len = new;
    n->version = 0;
    n->mtime_ns = clock_wall_ns();
    return 0;
}

static ssize_t regular_read(struct file *f, void *data, size_t len, off_t *pos)
{
    RAMFS_LOCKED;
    struct node *n = f->object;
    if ((uint64_t)*pos >= n->len)
        return 0;
    if (len > n->len - *pos)
        len = n->len - *pos;
    memcpy(data, n->data + *pos, len);
    *pos += len;
    return len;
}

static ssize_t regular_write(struct file *f, const void *data, size_t len,
                             off_t *pos)
{
    RAMFS_LOCKED;
    struct node *n = f->object;
    if (f->flags & O_APPEND)
        *pos = n->len;
    uint64_t end = (uint64_t)*pos + len;
    if (end > SSIZE_MAX)
        return -EFBIG;
    int r = own_pages(n, end > n->len ? end : n->len);
    if (r < 0)
        return r;
    memcpy((uint8_t *)n->data + *pos, data, len);
    *pos = end;
    if (end > n->len)
        n->len = end;
    n->version = 0;
    n->mtime_ns = clock_wall_ns();
    return len;
}

static uint64_t regular_version(struct file *f)
{
    static uint64_t last;
    RAMFS_LOCKED;
    struct node *n = f->object;
    if (!n->version)
        n->version = ++last;
    return n->version;
}

static off_t node_seek(struct file *f, off_t offset, int whence)
{
    const struct node *n = f->object;
    off_t base = whence == SEEK_CUR   ? f->pos
                 : whence == SEEK_END ? (off_t)n->len
                                      : 0;
    if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)
        return -EINVAL;
    off_t at;
    if (__builtin_add_overflow(base, offset, &at))
        return -EOVERFLOW;
    return at < 0 ? -EINVAL : at;
}

static int node_truncate(struct file *f, off_t len)
{
    return ramfs_truncate(f->object, len);
}

void ramfs_stat(const struct node *n, struct stat *st)
{
    RAMFS_LOCKED;
    struct timespec modified = {n->mtime_ns / NS_PER_S, n->mtime_ns % NS_PER_S};
    *st = (struct stat){
        .st_ino = n->ino,
        .st_mode = n->mode,
        .st_nlink = n->parent ? 1 : 0,
        .st_size = n->len,
        .st_blksize = BLOCK,
        .st_blocks = (n->len + 511) / 512,
        .st_atim = modified,
        .st_mtim = modified,
        .st_ctim = modified,
    };
}

static int node_stat(struct file *f, struct stat *st)
{
    ramfs_stat(f->object, st);
    return 0;
}

static void entry_fill(struct dirent *entry, const char *name,
                       const struct node *n)
{
    entry->d_ino = n->ino;
    entry->d_type = S_ISDIR(n->mode)   ? DT_DIR
                    : S_ISCHR(n->mode) ? DT_CHR
                    : S_ISBLK(n->mode) ? DT_BLK
                    : S_ISLNK(n->mode) ? DT_LNK
                                       : DT_REG;
    entry->d_reclen = sizeof *entry;
    strlcpy(entry->d_name, name, sizeof entry->d_name);
}

// Positions 0 and 1 are "." and "..", then the children in their order.
static int directory_readdir(struct file *f, struct dirent *entry)
{
    RAMFS_LOCKED;
    const struct node *dir = f->object;
    const struct node *up = dir->parent ? dir->parent : dir;
    off_t pos = f->pos++;
    if (pos < 2) {
        entry_fill(entry, pos ? ".." : ".", pos ? up : dir);
        return 1;
    }
    const struct node *n = dir->first;
    for (pos -= 2; n && pos; pos--)
        n = n->next;
    if (!n)
        return 0;
    entry_fill(entry, n->name, n);
    return 1;
}

static ssize_t directory_read(struct file *f, void *data, size_t len,
                              off_t *pos)
{
    (void)f, (void)data, (void)len, (void)pos;
    return -EISDIR;
}

void ramfs_node_put(struct node *n)
{
    RAMFS_LOCKED;
    if (--n->refs || n->parent)
        return;
    if (n->capacity)
        pages_free((void *)n->data, n->capacity);
    free(n->name);
    free(n);
}

static void node_close(struct file *f)
{
    ramfs_node_put(f->object);
}

static struct vnode *node_vnode(struct file *f)
{
    return &((struct node *)f->object)->vnode;
}

static const struct file_ops regular_ops = {.read = regular_read,
                                            .write = regular_write,
                                            .version = regular_version,
                                            .seek = node_seek,
                                            .stat = node_stat,
                                            .truncate = node_truncate,
                                            .vnode = node_vnode,
                                            .close = node_close};
static const struct file_ops directory_ops = {.read = directory_read,
                                              .seek = node_seek,
                                              .stat = node_stat,
                                              .readdir = directory_readdir,
                                              .vnode = node_vnode,
                                              .close = node_close};

int ramfs_file_open(struct node *n, int flags)
{
    RAMFS_LOCKED;
    if (n->device) {
        int r = n->device->open ? n->device->open(n->device_object, flags) : 0;
        return r < 0 ? r : fd_open(n->device, n->device_object, flags);
    }
    if (flags & O_TRUNC && (flags & O_ACCMODE) != O_RDONLY) {
        int r = ramfs_truncate(n, 0);
        if (r < 0)
            return r;
    }
    const struct file_ops *ops =
        S_ISDIR(n->mode) ? &directory_ops : &regular_ops;
    int fd = fd_open(ops, n, flags);
    if (fd >= 0)
        n->refs++;
    return fd;
}
