// SPDX-License-Identifier: ISC
// The file tree in memory: names and folders. Contents: ramfs_file.c.
#include "unikernel-runtime/fs/ramfs.h"
#include "unikernel-runtime/fs/device.h"
#include "unikernel-runtime/fs/initrd.h"
#include "unikernel-runtime/fs/outputs.h"
#include "unikernel-runtime/fs/ramfs_file.h"
#include "unikernel-runtime/front/blk.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/console.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/lock.h"
#include "unikernel-runtime/kernel/pages.h"
#include "unikernel-runtime/kernel/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

static struct lock lock;
static struct thread *owner; // of the lock
static unsigned depth;       // how often it has taken it

int ramfs_lock(void)
{
    struct thread *self = thread_self();
    if (owner != self) {
        lock_take(&lock);
        owner = self;
    }
    depth++;
    return 0;
}

void ramfs_unlock(const int *unused)
{
    (void)unused;
    if (--depth)
        return;
    owner = NULL;
    lock_give(&lock);
}

static const struct vfs_ops ramfs_ops;
static struct vfs ramfs;
static struct node root = {.vnode = {.ops = &ramfs_ops, .fs = &ramfs},
                           .name = "",
                           .mode = S_IFDIR | 0755,
                           .refs = 1,
                           .ino = 1};
static ino_t last_ino = 1;

static struct node *node_of(struct vnode *v)
{
    return (struct node *)v;
}

static struct node *child_find(const struct node *dir, const char *name,
                               size_t len)
{
    for (struct node *n = dir->first; n; n = n->next)
        if (!strncmp(n->name, name, len) && !n->name[len])
            return n;
    return NULL;
}

static void child_add(struct node *dir, struct node *n)
{
    n->parent = dir;
    n->next = NULL;
    if (dir->last)
        dir->last->next = n;
    else
        dir->first = n;
    dir->last = n;
    dir->mtime_ns = clock_wall_ns();
}

static void child_drop(struct node *n)
{
    struct node *dir = n->parent, *before = NULL;
    for (struct node *c = dir->first; c != n; c = c->next)
        before = c;
    if (before)
        before->next = n->next;
    else
        dir->first = n->next;
    if (dir->last == n)
        dir->last = before;
    dir->mtime_ns = clock_wall_ns();
    n->parent = NULL;
}

static struct node *child_make(struct node *dir, struct vfs_name name,
                               mode_t mode, int *error)
{
    struct node *n = calloc(1, sizeof *n);
    char *copy = n ? strndup(name.at, name.len) : NULL;
    if (!copy) {
        free(n);
        *error = -ENOMEM;
        return NULL;
    }
    n->vnode.ops = &ramfs_ops;
    n->vnode.fs = &ramfs;
    n->name = copy;
    n->mode = mode;
    n->ino = ++last_ino;
    n->mtime_ns = clock_wall_ns();
    child_add(dir, n);
    return n;
}

// ------------------------------------------------------------------- building

struct node *ramfs_make(const char *path, mode_t mode, int *error)
{
    RAMFS_LOCKED;
    struct node *dir = &root;
    for (;;) {
        path += strspn(path, "/");
        struct vfs_name name = {path, strcspn(path, "/")};
        const char *rest = path + name.len;
        int last = !rest[strspn(rest, "/")];
        if (name.len > RAMFS_NAME_MAX) {
            *error = -ENAMETOOLONG;
            return NULL;
        }
        // As archives write them: ./etc/motd
        struct node *n = name.len == 1 && path[0] == '.'
                             ? dir
                             : child_find(dir, name.at, name.len);
        if (last && (n || !name.len)) {
            *error = -EEXIST;
            return NULL;
        }
        if (last)
            return child_make(dir, name, mode, error);
        if (!n)
            n = child_make(dir, name, S_IFDIR | 0755, error);
        if (!n)
            return NULL;
        if (!S_ISDIR(n->mode)) {
            *error = -ENOTDIR;
            return NULL;
        }
        dir = n;
        path = rest;
    }
}

static void device_make(const char *name, mode_t mode,
                        const struct file_ops *ops, void *object)
{
    char path[32] = "/dev/";
    int error;
    strcat(path, name);
    struct node *n = ramfs_make(path, mode, &error);
    if (n) {
        n->device = ops;
        n->device_object = object;
    }
}

struct vnode *ramfs_root(void)
{
    int error;
    root.parent = &root;
    root.mtime_ns = clock_wall_ns();
    ramfs.root = &root.vnode;
    for (const struct device *d = device_table; d->name; d++)
        device_make(d->name, S_IFCHR | 0666, d->ops, NULL);
    for (uintptr_t n = 0; n < blk_count(); n++) {
        char name[] = "vda";
        name[2] += n;
        device_make(name, S_IFBLK | 0660, &blk_file_ops, (void *)n);
    }
    ramfs_make("/tmp", S_IFDIR | 01777, &error);
    if (console_files_max())
        outputs_open(ramfs_make(OUTPUTS_FOLDER, S_IFDIR | 0755, &error));
    initrd_load();
    return &root.vnode;
}

// ----------------------------------------------------------------- operations

static void hold(struct vnode *v)
{
    RAMFS_LOCKED;
    node_of(v)->refs++;
}

static void drop(struct vnode *v)
{
    ramfs_node_put(node_of(v));
}

static int lookup(struct vnode *dir, struct vfs_name name, struct vnode **out)
{
    RAMFS_LOCKED;
    struct node *n = child_find(node_of(dir), name.at, name.len);
    if (!n)
        return -ENOENT;
    n->refs++;
    *out = &n->vnode;
    return 0;
}

static int parent(struct vnode *v, struct vnode **out, char *name)
{
    RAMFS_LOCKED;
    const struct node *n = node_of(v);
    if (!n->parent)
        return -ENOENT; // removed
    if (name)
        strcpy(name, n->name);
    n->parent->refs++;
    *out = &n->parent->vnode;
    return 0;
}

static mode_t kind(struct vnode *v)
{
    return node_of(v)->mode & S_IFMT;
}

static int stat_op(struct vnode *v, struct stat *st)
{
    ramfs_stat(node_of(v), st);
    return 0;
}

static int touch(struct node *n, const struct timespec *t)
{
    if (t->tv_nsec == UTIME_OMIT)
        return 0;
    n->mtime_ns = t->tv_nsec == UTIME_NOW ? clock_wall_ns()
                                          : t->tv_sec * NS_PER_S + t->tv_nsec;
    return 0;
}

static int change(struct vnode *v, struct file *f, const struct vfs_change *c)
{
    RAMFS_LOCKED;
    struct node *n = node_of(v);
    (void)f;
    if (c->what & VFS_SIZE) {
        int r = ramfs_truncate(n, c->size);
        if (r < 0)
            return r;
    }
    if (c->what & VFS_MODE)
        n->mode = (n->mode & S_IFMT) | (c->mode & 07777);
    return c->what & VFS_TIMES ? touch(n, &c->times[1]) : 0;
}

static ssize_t readlink_op(struct vnode *v, char *data, size_t len)
{
    RAMFS_LOCKED;
    const struct node *n = node_of(v);
    if (len > n->len)
        len = n->len;
    memcpy(data, n->data, len);
    return len;
}

// A child that is not there yet, of a directory that still is.
static struct node *make(struct vnode *dir, struct vfs_name name, mode_t mode,
                         int *error)
{
    struct node *d = node_of(dir);
    *error = !d->parent                         ? -ENOENT
             : child_find(d, name.at, name.len) ? -EEXIST
                                                : 0;
    return *error ? NULL : child_make(d, name, mode, error);
}

static int mkdir_op(struct vnode *dir, struct vfs_name name, mode_t mode)
{
    RAMFS_LOCKED;
    int error;
    return make(dir, name, S_IFDIR | (mode & 0777), &error) ? 0 : error;
}

static int symlink_op(struct vnode *dir, struct vfs_name name, const char *to)
{
    RAMFS_LOCKED;
    int error;
    struct node *n = make(dir, name, S_IFLNK | 0777, &error);
    if (!n)
        return error;
    size_t len = strlen(to);
    uint8_t *data = pages_alloc(len);
    if (!data) {
        n->refs++;
        child_drop(n);
        ramfs_node_put(n);
        return -ENOSPC;
    }
    n->data = memcpy(data, to, len);
    n->len = len;
    n->capacity = HV_PAGE;
    return 0;
}

static int remove_op(struct vnode *dir, struct vfs_name name, int directory)
{
    RAMFS_LOCKED;
    struct node *n = child_find(node_of(dir), name.at, name.len);
    if (!n)
        return -ENOENT;
    if (directory != S_ISDIR(n->mode))
        return directory ? -ENOTDIR : -EISDIR;
    if (n->first)
        return -ENOTEMPTY;
    n->refs++;
    child_drop(n);
    ramfs_node_put(n);
    return 0;
}

static int rename_op(struct vnode *from_dir, struct vfs_name from,
                     struct vnode *to_dir, struct vfs_name to)
{
    RAMFS_LOCKED;
    struct node *n = child_find(node_of(from_dir), from.at, from.len);
    struct node *old = child_find(node_of(to_dir), to.at, to.len);
    if (!n || !node_of(to_dir)->parent)
        return -ENOENT;
    if (n == old)
        return 0;
    char *name = strndup(to.at, to.len);
    int r = name ? 0 : -ENOMEM;
    if (r == 0 && old)
        r = remove_op(to_dir, to, S_ISDIR(n->mode) != 0);
    if (r < 0) {
        free(name);
        return r;
    }
    child_drop(n);
    free(n->name);
    n->name = name;
    child_add(node_of(to_dir), n);
    return 0;
}

static int open_op(struct vnode *v, int flags)
{
    return ramfs_file_open(node_of(v), flags);
}

static int create_op(struct vnode *dir, struct vfs_name name, int flags,
                     mode_t mode)
{
    RAMFS_LOCKED;
    int error;
    struct node *n = make(dir, name, S_IFREG | (mode & 07777), &error);
    return n ? ramfs_file_open(n, flags) : error;
}

static int statvfs_op(struct vnode *v, struct statvfs *st)
{
    unsigned long all = start_info->memory_kib * 1024 / HV_PAGE;
    unsigned long left = pages_left() / HV_PAGE;
    (void)v;
    *st = (struct statvfs){.f_bsize = HV_PAGE,
                           .f_frsize = HV_PAGE,
                           .f_blocks = all,
                           .f_bfree = left,
                           .f_bavail = left,
                           .f_namemax = RAMFS_NAME_MAX};
    return 0;
}

static const struct vfs_ops ramfs_ops = {
    .hold = hold,
    .drop = drop,
    .lookup = lookup,
    .parent = parent,
    .kind = kind,
    .stat = stat_op,
    .change = change,
    .readlink = readlink_op,
    .mkdir = mkdir_op,
    .symlink = symlink_op,
    .remove = remove_op,
    .rename = rename_op,
    .open = open_op,
    .create = create_op,
    .statvfs = statvfs_op,
};
