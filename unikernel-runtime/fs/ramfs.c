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
#include "unikernel-runtime/kernel/lock.h"
#include "unikernel-runtime/kernel/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

static struct node root = {.name = "", .mode = S_IFDIR | 0755, .ino = 1};
static struct node *cwd = &root;
static ino_t last_ino = 1;

static void device_make(const char *name, mode_t mode,
                        const struct file_ops *ops, void *object)
{
    char path[32] = "/dev/";
    int error;
    strcat(path, name);
    struct node *n = ramfs_make(path, mode, 1, &error);
    if (n) {
        n->device = ops;
        n->device_object = object;
    }
}

// The tree is built when the program first names a file.
static struct node *tree(void)
{
    static int ready;
    if (!ready) {
        ready = 1;
        root.parent = &root;
        root.mtime_ns = clock_wall_ns();
        int error;
        for (const struct device *d = device_table; d->name; d++)
            device_make(d->name, S_IFCHR | 0666, d->ops, NULL);
        for (uintptr_t n = 0; n < blk_count(); n++) {
            char name[] = "vda";
            name[2] += n;
            device_make(name, S_IFBLK | 0660, &blk_file_ops, (void *)n);
        }
        ramfs_make("/tmp", S_IFDIR | 01777, 0, &error);
        if (console_files_max()) {
            ramfs_make(OUTPUTS_FOLDER, S_IFDIR | 0755, 0, &error);
            exit_hook = outputs_send;
        }
        initrd_load();
    }
    return &root;
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

static struct node *child_make(struct node *dir, const char *name, size_t len,
                               mode_t mode, int *error)
{
    struct node *n = calloc(1, sizeof *n);
    char *copy = n ? strndup(name, len) : NULL;
    if (!copy) {
        free(n);
        *error = -ENOMEM;
        return NULL;
    }
    n->name = copy;
    n->mode = mode;
    n->ino = ++last_ino;
    n->mtime_ns = clock_wall_ns();
    child_add(dir, n);
    return n;
}

// One step of a walk; `parents` makes a missing folder.
static struct node *step(struct node *dir, const char *name, size_t len,
                         int parents, int *error)
{
    if (!S_ISDIR(dir->mode)) {
        *error = -ENOTDIR;
        return NULL;
    }
    if (len == 1 && name[0] == '.')
        return dir;
    if (len == 2 && name[0] == '.' && name[1] == '.')
        return dir->parent ? dir->parent : dir;
    struct node *n = child_find(dir, name, len);
    if (!n && parents)
        return child_make(dir, name, len, S_IFDIR | 0755, error);
    if (!n)
        *error = -ENOENT;
    return n;
}

/*
 * Walks to the folder that holds the last component of `path`, which goes to
 * `last` (empty for "/"); trailing slashes are not part of it.
 */
static struct node *walk(const char *path, int parents, const char **last,
                         size_t *last_len, int *error)
{
    struct node *dir = tree();
    if (path[0] != '/')
        dir = cwd;
    if (!path[0]) {
        *error = -ENOENT;
        return NULL;
    }
    for (;;) {
        path += strspn(path, "/");
        size_t len = strcspn(path, "/");
        if (len > RAMFS_NAME_MAX) {
            *error = -ENAMETOOLONG;
            return NULL;
        }
        const char *rest = path + len;
        if (!rest[strspn(rest, "/")]) {
            *last = path;
            *last_len = len;
            return dir;
        }
        dir = step(dir, path, len, parents, error);
        if (!dir)
            return NULL;
        path = rest;
    }
}

static struct node *at_last(struct node *dir, const char *last, size_t len,
                            int *error)
{
    struct node *n = len ? step(dir, last, len, 0, error) : dir;
    if (n && last[len] == '/' && !S_ISDIR(n->mode)) {
        *error = -ENOTDIR;
        return NULL;
    }
    return n;
}

struct node *ramfs_find(const char *path, int *error)
{
    RAMFS_LOCKED;
    const char *last;
    size_t len;
    struct node *dir = walk(path, 0, &last, &len, error);
    return dir ? at_last(dir, last, len, error) : NULL;
}

struct node *ramfs_make(const char *path, mode_t mode, int parents, int *error)
{
    RAMFS_LOCKED;
    const char *last;
    size_t len;
    struct node *dir = walk(path, parents, &last, &len, error);
    if (!dir)
        return NULL;
    if (!len || at_last(dir, last, len, error)) {
        *error = -EEXIST;
        return NULL;
    }
    if (*error != -ENOENT || (last[len] == '/' && !S_ISDIR(mode)))
        return NULL;
    return child_make(dir, last, len, mode, error);
}

int ramfs_open(const char *path, int flags, mode_t mode)
{
    RAMFS_LOCKED;
    int error = 0;
    struct node *n = ramfs_find(path, &error);
    if (n && (flags & O_CREAT) && (flags & O_EXCL))
        return -EEXIST;
    if (!n && error == -ENOENT && (flags & O_CREAT))
        n = ramfs_make(path, S_IFREG | (mode & 07777), 0, &error);
    if (!n)
        return error;
    int writes = (flags & O_ACCMODE) != O_RDONLY;
    if (S_ISDIR(n->mode) && (writes || flags & O_CREAT))
        return -EISDIR;
    if (!S_ISDIR(n->mode) && flags & O_DIRECTORY)
        return -ENOTDIR;
    return ramfs_file_open(n, flags);
}

int ramfs_remove(const char *path, int directory)
{
    RAMFS_LOCKED;
    int error = 0;
    struct node *n = ramfs_find(path, &error);
    if (!n)
        return error;
    if (!directory && S_ISDIR(n->mode))
        return -EISDIR;
    if (directory && !S_ISDIR(n->mode))
        return -ENOTDIR;
    if (n == &root || n == cwd)
        return -EBUSY;
    if (n->first)
        return -ENOTEMPTY;
    child_drop(n);
    if (!n->opens)
        ramfs_file_free(n);
    return 0;
}

static int is_within(const struct node *n, const struct node *dir)
{
    for (; n != dir; n = n->parent)
        if (n == &root)
            return 0;
    return 1;
}

int ramfs_rename(const char *from, const char *to)
{
    RAMFS_LOCKED;
    int error = 0;
    struct node *n = ramfs_find(from, &error);
    if (!n)
        return error;
    const char *last;
    size_t len;
    struct node *dir = walk(to, 0, &last, &len, &error);
    if (!dir)
        return error;
    error = 0;
    struct node *old = at_last(dir, last, len, &error);
    if (!old && error != -ENOENT)
        return error;
    if (n == &root || old == &root || is_within(dir, n))
        return old == n ? 0 : -EINVAL;
    if (old == n)
        return 0;
    if (!old && last[len] == '/' && !S_ISDIR(n->mode))
        return -ENOTDIR;

    char *name = strndup(last, len);
    if (!name)
        return -ENOMEM;
    if (old) {
        error = ramfs_remove(to, S_ISDIR(n->mode) != 0);
        if (error < 0) {
            free(name);
            return error;
        }
    }
    child_drop(n);
    free(n->name);
    n->name = name;
    child_add(dir, n);
    return 0;
}

int ramfs_chdir(struct node *n)
{
    RAMFS_LOCKED;
    if (!S_ISDIR(n->mode))
        return -ENOTDIR;
    cwd = n;
    return 0;
}

int ramfs_getcwd(char *path, size_t len)
{
    RAMFS_LOCKED;
    return ramfs_path(cwd, path, len);
}

// Written from its end, since the walk is upwards.
int ramfs_path(const struct node *n, char *path, size_t len)
{
    RAMFS_LOCKED;
    char whole[PATH_MAX], *at = whole + sizeof whole - 1;
    *at = '\0';
    for (; n != &root; n = n->parent) {
        if (!n->parent)
            return -ENOENT; // removed
        size_t name_len = strlen(n->name);
        if ((size_t)(at - whole) < name_len + 1)
            return -ENAMETOOLONG;
        at = memcpy(at - name_len, n->name, name_len);
        *--at = '/';
    }
    if (!*at)
        *--at = '/';
    size_t need = whole + sizeof whole - at;
    if (need > len)
        return -ERANGE;
    memcpy(path, at, need);
    return 0;
}
