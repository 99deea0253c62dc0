// SPDX-License-Identifier: ISC
// Setting files' times. There is one, of the last change; that of the last
// read is accepted and forgotten.
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/fs/ramfs.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/libc/deadline.h"
#include "unikernel-runtime/libc/result.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

static int node_touch(struct node *n, const struct timespec *times)
{
    uint64_t ns = clock_wall_ns();
    if (times && times[1].tv_nsec == UTIME_OMIT)
        return 0;
    if (times && times[1].tv_nsec != UTIME_NOW &&
        timespec_ns(&times[1], &ns) < 0)
        return -EINVAL;
    n->mtime_ns = ns;
    return 0;
}

int futimens(int fd, const struct timespec *times)
{
    struct file *f = fd_get(fd);
    if (!f)
        return result(-EBADF);
    RAMFS_LOCKED;
    struct node *n = ramfs_node(f);
    int r = n ? node_touch(n, times) : -EINVAL;
    fd_put(f);
    return result(r);
}

// Opened for it, which finds the file whatever the folder's descriptor is.
int utimensat(int fd, const char *path, const struct timespec *times, int flags)
{
    (void)flags;
    int file = openat(fd, path, O_RDONLY);
    if (file < 0)
        return -1;
    int r = futimens(file, times);
    int error = errno;
    close(file);
    errno = error;
    return r;
}

static int timespecs(const struct timeval *tv, struct timespec ts[2])
{
    for (int i = 0; i < 2; i++) {
        if (tv[i].tv_usec < 0 || tv[i].tv_usec >= 1000000)
            return result(-EINVAL);
        ts[i] = (struct timespec){tv[i].tv_sec, tv[i].tv_usec * NS_PER_US};
    }
    return 0;
}

int futimesat(int fd, const char *path, const struct timeval tv[2])
{
    struct timespec ts[2];
    if (tv && timespecs(tv, ts) < 0)
        return -1;
    return utimensat(fd, path, tv ? ts : NULL, 0);
}

int utimes(const char *path, const struct timeval *tv)
{
    return futimesat(AT_FDCWD, path, tv);
}

int lutimes(const char *path, const struct timeval *tv)
{
    return utimes(path, tv);
}

int futimes(int fd, const struct timeval *tv)
{
    struct timespec ts[2];
    if (tv && timespecs(tv, ts) < 0)
        return -1;
    return futimens(fd, tv ? ts : NULL);
}

int utime(const char *path, const struct utimbuf *times)
{
    if (!times)
        return utimes(path, NULL);
    struct timeval tv[2] = {{.tv_sec = times->actime},
                            {.tv_sec = times->modtime}};
    return utimes(path, tv);
}
