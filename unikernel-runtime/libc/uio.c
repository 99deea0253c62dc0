// SPDX-License-Identifier: ISC
// readv and writev.
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/libc/cancel.h"
#include "unikernel-runtime/libc/result.h"

#include <limits.h>
#include <sys/uio.h>

// Part after part, until one is not transferred whole.
static ssize_t transfer(struct file *f, const struct iovec *parts, int n,
                        int writes)
{
    size_t all = 0, done = 0;
    if (n <= 0 || n > IOV_MAX)
        return -EINVAL;
    for (int i = 0; i < n; i++)
        if (__builtin_add_overflow(all, parts[i].iov_len, &all) ||
            all > SSIZE_MAX)
            return -EINVAL;
    if (writes && f->ops->write_parts)
        return f->ops->write_parts(f, parts, n, all);
    if (!writes && f->ops->read_parts)
        return f->ops->read_parts(f, parts, n, all);
    for (int i = 0; i < n; i++) {
        ssize_t r = writes ? file_write(f, parts[i].iov_base, parts[i].iov_len)
                           : file_read(f, parts[i].iov_base, parts[i].iov_len);
        if (r < 0)
            return done ? (ssize_t)done : r;
        done += r;
        if ((size_t)r < parts[i].iov_len)
            break;
    }
    return done;
}

static ssize_t vector(int fd, const struct iovec *parts, int n, int writes)
{
    uint8_t before = cancel_enter();
    struct file *f = fd_get(fd);
    if (!f)
        return result(cancel_leave(before, -EBADF));
    ssize_t r = transfer(f, parts, n, writes);
    fd_put(f);
    return result(cancel_leave(before, r));
}

ssize_t readv(int fd, const struct iovec *parts, int n)
{
    return vector(fd, parts, n, 0);
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
    return vector(fd, parts, n, 1);
}
