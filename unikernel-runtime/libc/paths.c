// SPDX-License-Identifier: ISC
// System calls of POSIX that take a path, and those that take a folder beside
// it (libc/at.c says which are the same).
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/fs/vfs.h"
#include "unikernel-runtime/libc/at.h"
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

int start_at(int fd, const char *path, struct vnode **out)
{
    if (fd == AT_FDCWD || path[0] == '/') {
        *out = vfs_cwd();
        return 0;
    }
    if (!path[0])
        return -ENOENT;
    struct file *f = fd_get(fd);
    if (!f)
        return -EBADF;
    struct vnode *v = file_vnode(f);
    int r = v && S_ISDIR(v->ops->kind(v)) ? 0 : -ENOTDIR;
    if (r == 0) {
        vfs_hold(v);
        *out = v;
    }
    fd_put(f);
    return r;
}

int find_at(int fd, const char *path, int follow, struct vnode **out)
{
    struct vnode *start;
    int r = start_at(fd, path, &start);
    if (r < 0)
        return r;
    r = vfs_find(start, path, follow, out);
    vfs_drop(start);
    return r;
}

// The result of `call`, in which `start` is where the path begins.
#define WITH_START(fd, path, call)                                             \
    do {                                                                       \
        struct vnode *start;                                                   \
        long r = start_at(fd, path, &start);                                   \
        if (r < 0)                                                             \
            return result(r);                                                  \
        r = call;                                                              \
        vfs_drop(start);                                                       \
        return result(r);                                                      \
    } while (0)

// The result of `call`, in which `v` is what the path leads to.
#define WITH_VNODE(fd, path, follow, call)                                     \
    do {                                                                       \
        struct vnode *v;                                                       \
        long r = find_at(fd, path, follow, &v);                                \
        if (r < 0)                                                             \
            return result(r);                                                  \
        r = call;                                                              \
        vfs_drop(v);                                                           \
        return result(r);                                                      \
    } while (0)

static mode_t mode_of(int flags, va_list ap)
{
    return flags & O_CREAT ? va_arg(ap, mode_t) & ~mask : 0;
}

static int open_at(int fd, const char *path, int flags, mode_t mode)
{
    WITH_START(fd, path, vfs_open(start, path, flags, mode));
}

int open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    mode_t mode = mode_of(flags, ap);
    va_end(ap);
    cancel_test();
    return open_at(AT_FDCWD, path, flags, mode);
}

// stdio's: no cancellation point, as it holds a FILE of which nobody else
// knows.
int _open_r(struct _reent *reent, const char *path, int flags, int mode)
{
    (void)reent;
    return open_at(AT_FDCWD, path, flags, (mode_t)mode & ~mask);
}

int openat(int fd, const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    mode_t mode = mode_of(flags, ap);
    va_end(ap);
    cancel_test();
    return open_at(fd, path, flags, mode);
}

int creat(const char *path, mode_t mode)
{
    return open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

int fstatat(int fd, const char *restrict path, struct stat *restrict st,
            int flags)
{
    if (flags & AT_EMPTY_PATH && !path[0])
        return fstat(fd, st);
    int r = -ESTALE;
    // On a shared volume another may have taken its place meanwhile.
    for (int i = 0; i < 64 && r == -ESTALE; i++) {
        struct vnode *v;
        r = find_at(fd, path, !(flags & AT_SYMLINK_NOFOLLOW), &v);
        if (r < 0)
            continue;
        r = vfs_stat(v, st);
        vfs_drop(v);
    }
    return result(r == -ESTALE ? -ENOENT : r);
}

int stat(const char *path, struct stat *st)
{
    return fstatat(AT_FDCWD, path, st, 0);
}

int lstat(const char *restrict path, struct stat *restrict st)
{
    return fstatat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

// One user, who may do everything that the file system lets anybody do.
static int may(struct vnode *v, int mode)
{
    return mode & W_OK && !vfs_may_change(v) ? -EROFS : 0;
}

int faccessat(int fd, const char *path, int mode, int flags)
{
    WITH_VNODE(fd, path, !(flags & AT_SYMLINK_NOFOLLOW), may(v, mode));
}

int access(const char *path, int mode)
{
    return faccessat(AT_FDCWD, path, mode, 0);
}

int fchmodat(int fd, const char *path, mode_t mode, int flags)
{
    const struct vfs_change c = {.what = VFS_MODE, .mode = mode & 07777};
    WITH_VNODE(fd, path, !(flags & AT_SYMLINK_NOFOLLOW),
               vfs_change(v, NULL, &c));
}

int chmod(const char *path, mode_t mode)
{
    return fchmodat(AT_FDCWD, path, mode, 0);
}

static int truncate_vnode(struct vnode *v, off_t len)
{
    const struct vfs_change c = {.what = VFS_SIZE, .size = len};
    if (S_ISDIR(v->ops->kind(v)))
        return -EISDIR;
    return len < 0 ? -EINVAL : vfs_change(v, NULL, &c);
}

int truncate(const char *path, off_t len)
{
    WITH_VNODE(AT_FDCWD, path, 1, truncate_vnode(v, len));
}

int mkdirat(int fd, const char *path, mode_t mode)
{
    WITH_START(fd, path, vfs_mkdir(start, path, mode & 0777 & ~mask));
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int unlinkat(int fd, const char *path, int flags)
{
    WITH_START(fd, path, vfs_remove(start, path, (flags & AT_REMOVEDIR) != 0));
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

// newlib's know files only.
int remove(const char *path)
{
    int before = errno;
    if (unlink(path) == 0)
        return 0;
    if (errno != EISDIR)
        return -1;
    errno = before;
    return rmdir(path);
}

int _remove_r(struct _reent *reent, const char *path)
{
    (void)reent;
    return remove(path);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    struct vnode *from_start, *to_start;
    int r = start_at(from_fd, from, &from_start);
    if (r < 0)
        return result(r);
    r = start_at(to_fd, to, &to_start);
    if (r == 0) {
        r = vfs_rename(from_start, from, to_start, to);
        vfs_drop(to_start);
    }
    vfs_drop(from_start);
    return result(r);
}

int _rename(const char *from, const char *to);

int _rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

// Files have one name each, and it is never another's.
int link(const char *from, const char *to)
{
    (void)from, (void)to;
    return result(-EPERM);
}

int symlinkat(const char *to, int fd, const char *path)
{
    WITH_START(fd, path, vfs_symlink(to, start, path));
}

int symlink(const char *to, const char *path)
{
    return symlinkat(to, AT_FDCWD, path);
}

ssize_t readlinkat(int fd, const char *restrict path, char *restrict data,
                   size_t len)
{
    WITH_VNODE(fd, path, 0, vfs_readlink(v, data, len));
}

ssize_t readlink(const char *restrict path, char *restrict data, size_t len)
{
    return readlinkat(AT_FDCWD, path, data, len);
}

int chdir(const char *path)
{
    WITH_VNODE(AT_FDCWD, path, 1, vfs_chdir(v));
}

static int cwd_path(char *path, size_t len)
{
    struct vnode *v = vfs_cwd();
    int r = vfs_path(v, path, len);
    vfs_drop(v);
    return r;
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
    if (result(cwd_path(path, len)) == 0)
        return path;
    free(made);
    return NULL;
}

// Files have no owners.
int fchownat(int fd, const char *path, uid_t owner, gid_t group, int flags)
{
    struct stat st;
    (void)owner, (void)group;
    return fstatat(fd, path, &st, flags);
}

int chown(const char *path, uid_t owner, gid_t group)
{
    return fchownat(AT_FDCWD, path, owner, group, 0);
}

int lchown(const char *path, uid_t owner, gid_t group)
{
    return fchownat(AT_FDCWD, path, owner, group, AT_SYMLINK_NOFOLLOW);
}
