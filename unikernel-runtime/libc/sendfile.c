// SPDX-License-Identifier: ISC
// sendfile.
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/libc/cancel.h"
#include "unikernel-runtime/libc/result.h"

#include <fcntl.h>
#include <sys/sendfile.h>

#define COUNT_MAX 0x7ffff000ul // Linux sends no more at once

static ssize_t put(void *to, const void *piece, size_t n)
{
    return file_write(to, piece, n);
}

// For what cannot take a file: read, then written.
static ssize_t copy(struct file *out, struct file *in, off_t *pos, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = file_put_piece(in, *pos, len - done, put, out);
        if (n < 0)
            return done ? (ssize_t)done : n;
        if (n == 0)
            break;
        done += n;
        *pos += n;
    }
    return done;
}

static ssize_t send(struct file *out, struct file *in, off_t *offset,
                    size_t count)
{
    off_t pos = offset ? *offset : in->pos;
    if ((in->flags & O_ACCMODE) == O_WRONLY ||
        (out->flags & O_ACCMODE) == O_RDONLY)
        return -EBADF;
    if (!in->ops->seek || !in->ops->read)
        return offset ? -ESPIPE : -EINVAL;
    if (pos < 0 || out->flags & O_APPEND || in->ops->readdir)
        return -EINVAL;
    if (count > COUNT_MAX)
        count = COUNT_MAX;
    if (!count)
        return 0;
    ssize_t r = out->ops->send_file ? out->ops->send_file(out, in, &pos, count)
                                    : copy(out, in, &pos, count);
    if (r > 0)
        *(offset ? offset : &in->pos) = pos;
    return r;
}

ssize_t sendfile(int out, int in, off_t *offset, size_t count)
{
    uint8_t before = cancel_enter();
    struct file *to = fd_get(out), *from = fd_get(in);
    ssize_t r = to && from ? send(to, from, offset, count) : -EBADF;
    if (from)
        fd_put(from);
    if (to)
        fd_put(to);
    return result(cancel_leave(before, r));
}
