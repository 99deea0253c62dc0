// SPDX-License-Identifier: ISC
// Calls relative to an open folder that are little more than others; the rest
// is in libc/paths.c.
#include "unikernel-runtime/libc/at.h"
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/libc/result.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int eaccess(const char *path, int mode)
{
    return access(path, mode);
}

int euidaccess(const char *path, int mode)
{
    return access(path, mode);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    (void)from_fd, (void)to_fd, (void)flags;
    return link(from, to);
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

// By the folder's path, for newlib's scandir takes one.
static int scandir_at(int fd, const char *path, struct dirent ***list,
                      int (*select)(const struct dirent *),
                      int (*compare)(const struct dirent **,
                                     const struct dirent **))
{
    struct vnode *v;
    char *whole = malloc(PATH_MAX);
    int r = whole ? find_at(fd, path, 1, &v) : -ENOMEM;
    if (r == 0) {
        r = vfs_path(v, whole, PATH_MAX);
        vfs_drop(v);
    }
    r = r < 0 ? result(r) : scandir(whole, list, select, compare);
    free(whole);
    return r;
}

int scandirat(int fd, const char *path, struct dirent ***list,
              int (*select)(const struct dirent *),
              int (*compare)(const struct dirent **, const struct dirent **))
{
    return scandir_at(fd, path, list, select, compare);
}
