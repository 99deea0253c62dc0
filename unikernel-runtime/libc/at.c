// SPDX-License-Identifier: ISC
/*
 * Calls relative to an open folder: they become calls with a path, under the
 * tree's lock, so that the folder is not moved in between.
 */
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/fs/ramfs.h"
#include "unikernel-runtime/libc/result.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// `path` as seen from the folder `fd`: itself, or written to `out`; NULL with
// errno set.
static const char *path_at(int fd, const char *path, char out[PATH_MAX])
{
    if (path[0] == '/' || fd == AT_FDCWD)
        return path;
    if (!path[0]) {
        errno = ENOENT;
        return NULL;
    }
    struct file *f = fd_get(fd);
    if (!f) {
        errno = EBADF;
        return NULL;
    }
    const struct node *n = ramfs_node(f);
    int r = n ? ramfs_path(n, out, PATH_MAX) : -ENOTDIR;
    fd_put(f);
    if (r == 0 && strlcat(out, "/", PATH_MAX) < PATH_MAX &&
        strlcat(out, path, PATH_MAX) < PATH_MAX)
        return out;
    errno = r ? -r : ENAMETOOLONG;
    return NULL;
}

// The result of `call` with `at` as the path, or -1.
#define AT(fd, path, call)                                                     \
    do {                                                                       \
        RAMFS_LOCKED;                                                          \
        char whole[PATH_MAX];                                                  \
        const char *at = path_at(fd, path, whole);                             \
        return at ? (call) : -1;                                               \
    } while (0)

int openat(int fd, const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list ap;
        va_start(ap, flags);
        mode = va_arg(ap, mode_t);
        va_end(ap);
    }
    AT(fd, path, open(at, flags, mode));
}

int fstatat(int fd, const char *restrict path, struct stat *restrict st,
            int flags)
{
    if (flags & AT_EMPTY_PATH && !path[0])
        return fstat(fd, st);
    AT(fd, path, flags & AT_SYMLINK_NOFOLLOW ? lstat(at, st) : stat(at, st));
}

int faccessat(int fd, const char *path, int mode, int flags)
{
    (void)flags;
    AT(fd, path, access(at, mode));
}

int eaccess(const char *path, int mode)
{
    return access(path, mode);
}

int euidaccess(const char *path, int mode)
{
    return access(path, mode);
}

int mkdirat(int fd, const char *path, mode_t mode)
{
    AT(fd, path, mkdir(at, mode));
}

int unlinkat(int fd, const char *path, int flags)
{
    AT(fd, path, flags & AT_REMOVEDIR ? rmdir(at) : unlink(at));
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    RAMFS_LOCKED;
    char from_whole[PATH_MAX], to_whole[PATH_MAX];
    const char *from_at = path_at(from_fd, from, from_whole);
    const char *to_at = from_at ? path_at(to_fd, to, to_whole) : NULL;
    return to_at ? rename(from_at, to_at) : -1;
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    (void)from_fd, (void)to_fd, (void)flags;
    return link(from, to);
}

int symlinkat(const char *from, int fd, const char *to)
{
    (void)fd;
    return symlink(from, to);
}

ssize_t readlinkat(int fd, const char *restrict path, char *restrict data,
                   size_t len)
{
    AT(fd, path, readlink(at, data, len));
}

int fchmodat(int fd, const char *path, mode_t mode, int flags)
{
    (void)flags;
    AT(fd, path, chmod(at, mode));
}

int fchownat(int fd, const char *path, uid_t owner, gid_t group, int flags)
{
    (void)flags;
    AT(fd, path, chown(at, owner, group));
}

int fchown(int fd, uid_t owner, gid_t group)
{
    struct stat st;
    (void)owner, (void)group;
    return fstat(fd, &st);
}

// A named pipe would be between processes.
int mkfifo(const char *path, mode_t mode)
{
    (void)path, (void)mode;
    return result(-ENOSYS);
}

int mkfifoat(int fd, const char *path, mode_t mode)
{
    (void)fd;
    return mkfifo(path, mode);
}

int mknod(const char *path, mode_t mode, dev_t device)
{
    (void)device;
    return mkfifo(path, mode);
}

int mknodat(int fd, const char *path, mode_t mode, dev_t device)
{
    (void)fd;
    return mknod(path, mode, device);
}

int scandirat(int fd, const char *path, struct dirent ***list,
              int (*select)(const struct dirent *),
              int (*compare)(const struct dirent **, const struct dirent **))
{
    AT(fd, path, scandir(at, list, select, compare));
}
