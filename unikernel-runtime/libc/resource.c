// SPDX-License-Identifier: ISC
// What the program has used, its limits, and its file system's.
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/fs/vfs.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/pages.h"
#include "unikernel-runtime/libc/result.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

int getrusage(int who, struct rusage *usage)
{
    if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN)
        return result(-EINVAL);
    *usage = (struct rusage){0};
    if (who == RUSAGE_SELF) {
        uint64_t us = clock_virtual_ns() / NS_PER_US;
        usage->ru_utime = (struct timeval){us / 1000000, us % 1000000};
    }
    return 0;
}

int getrlimit(int resource, struct rlimit *limit)
{
    rlim_t n = RLIM_INFINITY;
    if (resource < 0 || resource >= RLIM_NLIMITS)
        return result(-EINVAL);
    if (resource == RLIMIT_NOFILE) {
        *limit = (struct rlimit){fd_limit, FD_MAX};
        return 0;
    }
    if (resource == RLIMIT_AS || resource == RLIMIT_DATA)
        n = start_info->memory_kib * 1024;
    else if (resource == RLIMIT_CORE)
        n = 0;
    *limit = (struct rlimit){n, n};
    return 0;
}

// They are the host's to set, but for that of descriptors; one that is no
// lower than what holds is fine.
int setrlimit(int resource, const struct rlimit *limit)
{
    struct rlimit now;
    if (getrlimit(resource, &now) < 0)
        return -1;
    if (resource == RLIMIT_NOFILE) {
        if (limit->rlim_cur > limit->rlim_max)
            return result(-EINVAL);
        if (limit->rlim_max > FD_MAX && limit->rlim_max != RLIM_INFINITY)
            return result(-EPERM);
        fd_limit = limit->rlim_cur > FD_MAX ? FD_MAX : limit->rlim_cur;
        return 0;
    }
    return result(limit->rlim_cur >= now.rlim_cur ? 0 : -EPERM);
}

int statvfs(const char *restrict path, struct statvfs *restrict st)
{
    struct vnode *cwd = vfs_cwd(), *v;
    int r = vfs_find(cwd, path, 1, &v);
    vfs_drop(cwd);
    if (r < 0)
        return result(r);
    r = vfs_statvfs(v, st);
    vfs_drop(v);
    return result(r);
}

// What is no file of a file system is as one in memory.
int fstatvfs(int fd, struct statvfs *st)
{
    struct file *f = fd_get(fd);
    if (!f)
        return result(-EBADF);
    struct vnode *v = file_vnode(f);
    int r = v ? vfs_statvfs(v, st) : 0;
    fd_put(f);
    return v ? result(r) : statvfs("/", st);
}
