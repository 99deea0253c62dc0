// SPDX-License-Identifier: ISC
// System calls of POSIX that take a path.
#include "unikernel-runtime/fs/ramfs.h"
#include "unikernel-runtime/libc/cancel.h"
#include "unikernel-runtime/libc/result.h"

#include <fcntl.h>
#include <limits.h>
#include <reent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static mode_t mask = 022;

mode_t umask(mode_t new)
{
    mode_t old = mask;
    mask = new & 0777;
    return old;
}

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list ap;
        va_start(ap, flags);
        mode = va_arg(ap, mode_t);
        va_end(ap);
    }
    cancel_test();
    return result(ramfs_open(path, flags, mode & ~mask));
}

// stdio's: no cancellation point, as it holds a FILE of which nobody else
// knows.
int _open_r(struct _reent *reent, const char *path, int flags, int mode)
{
    (void)reent;
    return result(ramfs_open(path, flags, mode & ~mask));
}

int creat(const char *path, mode_t mode)
{
    return open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

int stat(const char *path, struct stat *st)
{
    RAMFS_LOCKED;
    int error;
    struct node *n = ramfs_find(path, &error);
    if (!n)
        return result(error);
    ramfs_stat(n, st);
    return 0;
}

int lstat(const char *restrict path, struct stat *restrict st)
{
    return stat(path, st);
}

// One user, who may do everything: what is there is accessible.
int access(const char *path, int mode)
{
    struct stat st;
    (void)mode;
    return stat(path, &st);
}

int chmod(const char *path, mode_t mode)
{
    RAMFS_LOCKED;
    int error;
    struct node *n = ramfs_find(path, &error);
    if (!n)
        return result(error);
    n->mode = (n->mode & S_IFMT) | (mode & 07777);
    return 0;
}

int truncate(const char *path, off_t len)
{
    RAMFS_LOCKED;
    int error;
    struct node *n = ramfs_find(path, &error);
    return result(n ? ramfs_truncate(n, len) : error);
}

int mkdir(const char *path, mode_t mode)
{
    int error = 0;
    mode = S_IFDIR | (mode & 0777 & ~mask);
    return result(ramfs_make(path, mode, 0, &error) ? 0 : error);
}

int unlink(const char *path)
{
    return result(ramfs_remove(path, 0));
}

int rmdir(const char *path)
{
    return result(ramfs_remove(path, 1));
}

// newlib's know files only.
int remove(const char *path)
{
    RAMFS_LOCKED;
    int r = ramfs_remove(path, 0);
    return result(r == -EISDIR ? ramfs_remove(path, 1) : r);
}

int _remove_r(struct _reent *reent, const char *path)
{
    (void)reent;
    return remove(path);
}

int _rename(const char *from, const char *to);

int _rename(const char *from, const char *to)
{
    return result(ramfs_rename(from, to));
}

// Files have one name each, and it is never another's.
int link(const char *from, const char *to)
{
    (void)from, (void)to;
    return result(-EPERM);
}

int symlink(const char *from, const char *to)
{
    (void)from, (void)to;
    return result(-EPERM);
}

ssize_t readlink(const char *restrict path, char *restrict data, size_t len)
{
    struct stat st;
    (void)data, (void)len;
    return stat(path, &st) < 0 ? -1 : result(-EINVAL);
}

int chdir(const char *path)
{
    RAMFS_LOCKED;
    int error;
    struct node *n = ramfs_find(path, &error);
    return result(n ? ramfs_chdir(n) : error);
}

char *getcwd(char *path, size_t len)
{
    char *made = NULL;
    if (!path) {
        len = len ? len : PATH_MAX;
        path = made = malloc(len);
        if (!path)
            return NULL;
    }
    if (result(ramfs_getcwd(path, len)) == 0)
        return path;
    free(made);
    return NULL;
}

// Files have no owners.
int chown(const char *path, uid_t owner, gid_t group)
{
    struct stat st;
    (void)owner, (void)group;
    return stat(path, &st);
}

int lchown(const char *path, uid_t owner, gid_t group)
{
    return chown(path, owner, group);
}
