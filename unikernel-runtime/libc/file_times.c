// SPDX-License-Identifier: ISC
// Setting files' times. In memory there is one, of the last change; that of
// the last read is accepted and forgotten.
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/libc/at.h"
#include "unikernel-runtime/libc/deadline.h"
#include "unikernel-runtime/libc/result.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

static int times_check(const struct timespec *t)
{
    uint64_t ns;
    return t->tv_nsec == UTIME_OMIT || t->tv_nsec == UTIME_NOW ||
                   timespec_ns(t, &ns) == 0
               ? 0
               : -EINVAL;
}

static int touch(struct vnode *v, struct file *f, const struct timespec *times)
{
    struct vfs_change c = {
        .what = VFS_TIMES,
        .times = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}}};
    if (times) {
        c.times[0] = times[0];
        c.times[1] = times[1];
    }
    for (int i = 0; i < 2; i++)
        if (times_check(&c.times[i]) < 0)
            return -EINVAL;
    return vfs_change(v, f, &c);
}

int futimens(int fd, const struct timespec *times)
{
    struct file *f = fd_get(fd);
    if (!f)
        return result(-EBADF);
    struct vnode *v = file_vnode(f);
    int r = v ? touch(v, f, times) : -EINVAL;
    fd_put(f);
    return result(r);
}

int utimensat(int fd, const char *path, const struct timespec *times, int flags)
{
    struct vnode *v;
    int r = find_at(fd, path, !(flags & AT_SYMLINK_NOFOLLOW), &v);
    if (r < 0)
        return result(r);
    r = touch(v, NULL, times);
    vfs_drop(v);
    return result(r);
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
    struct timespec ts[2];
    if (tv && timespecs(tv, ts) < 0)
        return -1;
    return utimensat(AT_FDCWD, path, tv ? ts : NULL, AT_SYMLINK_NOFOLLOW);
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
