// SPDX-License-Identifier: ISC
// What all kinds of sockets share: they are files, and one waits for them.
#include "unikernel-runtime/net/socket.h"
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/net/extent.h"
#include "unikernel-runtime/net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

const struct socket_ops *socket_kind(int family, int type, int *protocol,
                                     int *error)
{
    static const struct kind {
        int type, protocol;
        const struct socket_ops *ops;
    } kinds[] = {
        {SOCK_STREAM, IPPROTO_TCP, &tcp_ops},
        {SOCK_DGRAM, IPPROTO_UDP, &udp_ops},
        {SOCK_RAW, 0, &raw_ops}, // any but 0
    };
    if (family != AF_INET && family != AF_INET6) {
        *error = -EAFNOSUPPORT;
        return NULL;
    }
    *error = -EPROTONOSUPPORT;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i].type != type)
            continue;
        if (!kinds[i].protocol && *protocol > 0 && *protocol <= IPPROTO_RAW)
            return kinds[i].ops;
        if (kinds[i].protocol &&
            (!*protocol || kinds[i].protocol == *protocol)) {
            *protocol = kinds[i].protocol;
            return kinds[i].ops;
        }
    }
    return NULL;
}

// ----------------------------------------------------------------- as files

static ssize_t socket_read_parts(struct file *f, const struct iovec *part,
                                 int n, size_t len)
{
    struct socket *s = f->object;
    struct parts parts = {part, n, len, NULL};
    int flags = f->flags & O_NONBLOCK ? MSG_DONTWAIT : 0;
    net_lock();
    ssize_t r = s->ops->receive(s, &parts, NULL, &flags);
    net_unlock();
    return r;
}

static ssize_t socket_write_parts(struct file *f, const struct iovec *part,
                                  int n, size_t len)
{
    struct socket *s = f->object;
    struct parts parts = {part, n, len, NULL};
    net_lock();
    ssize_t r =
        s->ops->send(s, &parts, NULL, f->flags & O_NONBLOCK ? MSG_DONTWAIT : 0);
    net_unlock();
    if (r == -EPIPE && s->type == SOCK_STREAM)
        raise(SIGPIPE);
    return r;
}

static ssize_t socket_read(struct file *f, void *data, size_t len, off_t *pos)
{
    (void)pos;
    struct iovec part = {data, len};
    return socket_read_parts(f, &part, 1, len);
}

static ssize_t socket_write(struct file *f, const void *data, size_t len,
                            off_t *pos)
{
    (void)pos;
    struct iovec part = {(void *)data, len};
    return socket_write_parts(f, &part, 1, len);
}

static ssize_t send_whole(struct socket *s, const struct parts *p, int flags)
{
    net_lock();
    ssize_t r = s->ops->send(s, p, NULL, flags);
    net_unlock();
    if (r == -EPIPE && s->type == SOCK_STREAM)
        raise(SIGPIPE);
    return r;
}

// One piece of a file, from where it was read to.
static ssize_t send_extent(struct socket *s, struct file *in, off_t pos,
                           size_t len, int flags)
{
    int error;
    struct extent *e = extent_get(in, pos, len, &error);
    if (!e)
        return error;
    size_t skip = pos - e->at, n = 0;
    ssize_t r = 0;
    if (skip < e->len) {
        n = e->len - skip < len ? e->len - skip : len;
        struct iovec part = {e->data + skip, n};
        struct parts parts = {&part, 1, n, e};
        r = send_whole(s, &parts, n < len ? flags | MSG_MORE : flags);
    }
    net_lock();
    extent_put(e);
    net_unlock();
    return r;
}

struct copy_to {
    struct socket *socket;
    int flags;
};

static ssize_t put_copy(void *to, const void *piece, size_t n)
{
    struct copy_to *c = to;
    struct iovec part = {(void *)piece, n};
    struct parts parts = {&part, 1, n, NULL};
    return send_whole(c->socket, &parts, c->flags);
}

static ssize_t socket_send_file(struct file *f, struct file *in, off_t *pos,
                                size_t len)
{
    struct socket *s = f->object;
    int flags = f->flags & O_NONBLOCK ? MSG_DONTWAIT : 0;
    size_t done = 0;
    while (done < len) {
        ssize_t n = s->ops->extents
                        ? send_extent(s, in, *pos, len - done, flags)
                        : -ENOBUFS;
        if (n == -ENOBUFS)
            n = file_put_piece(in, *pos, len - done, put_copy,
                               &(struct copy_to){s, flags});
        if (n < 0)
            return done ? (ssize_t)done : n;
        if (!n)
            break;
        done += n;
        *pos += n;
    }
    return done;
}

static int socket_stat(struct file *f, struct stat *st)
{
    (void)f;
    *st = (struct stat){
        .st_mode = S_IFSOCK | 0777, .st_nlink = 1, .st_blksize = 4096};
    return 0;
}

static short socket_poll(struct file *f)
{
    struct socket *s = f->object;
    return s->ops->poll(s);
}

static int socket_control(struct file *f, unsigned long request, void *argument)
{
    struct socket *s = f->object;
    if (request != FIONREAD)
        return -ENOTTY;
    net_lock();
    *(int *)argument = s->ops->readable ? s->ops->readable(s) : 0;
    net_unlock();
    return 0;
}

static void socket_close(struct file *f)
{
    struct socket *s = f->object;
    net_lock();
    s->file = NULL;
    s->ops->close(s);
    net_unlock();
}

static const struct file_ops socket_file_ops = {.read = socket_read,
                                                .write = socket_write,
                                                .read_parts = socket_read_parts,
                                                .write_parts =
                                                    socket_write_parts,
                                                .send_file = socket_send_file,
                                                .stat = socket_stat,
                                                .poll = socket_poll,
                                                .announces = 1,
                                                .control = socket_control,
                                                .close = socket_close};

struct socket *socket_of(struct file *f)
{
    return f->ops == &socket_file_ops ? f->object : NULL;
}

struct socket *socket_new(const struct socket_ops *ops, int family, int type,
                          int protocol)
{
    struct socket *s = calloc(1, ops->size);
    if (!s)
        return NULL;
    s->ops = ops;
    s->family = family;
    s->type = type;
    s->protocol = protocol;
    s->receive_room = s->send_room = ops->room;
    return s;
}

int socket_publish(struct socket *s, int flags)
{
    int fd = fd_open_file(&socket_file_ops, s, O_RDWR | flags, &s->file);
    if (fd < 0) {
        net_lock();
        s->ops->close(s);
        net_unlock();
    }
    return fd;
}

int socket_open(int family, int type, int protocol)
{
    int flags = type & (SOCK_NONBLOCK | SOCK_CLOEXEC), error;
    type &= ~flags;
    const struct socket_ops *ops = socket_kind(family, type, &protocol, &error);
    if (!ops)
        return error;
    int r = net_start();
    if (r < 0)
        return r;
    struct socket *s = socket_new(ops, family, type, protocol);
    if (!s)
        return -ENOMEM;
    net_lock();
    r = ops->open(s);
    net_unlock();
    if (r < 0) {
        free(s);
        return r;
    }
    return socket_publish(s, flags & SOCK_NONBLOCK);
}

// ------------------------------------------------------------------ waiting

void socket_changed(struct socket *s)
{
    sched_lock();
    sched_wake_all(&s->readers);
    sched_wake_all(&s->writers);
    if (s->file)
        file_changed(s->file);
    sched_unlock();
}

uint64_t socket_deadline(uint64_t timeout_ns)
{
    return timeout_ns ? clock_real_ns() + timeout_ns : SCHED_NEVER;
}

int socket_wait(struct waitq *q, uint64_t deadline_ns, int flags)
{
    if (flags & MSG_DONTWAIT)
        return -EAGAIN;
    int r = net_wait(q, deadline_ns);
    return r == -ETIMEDOUT ? -EAGAIN : r;
}

int socket_error_take(struct socket *s)
{
    int error = s->error;
    s->error = 0;
    return -error;
}

// -------------------------------------------------------------------- parts

// Calls memcpy for each piece of [at, at + len).
static void parts_copy(const struct parts *p, size_t at, char *other,
                       size_t len, int put)
{
    for (int i = 0; len && i < p->n; i++) {
        size_t part = p->part[i].iov_len;
        if (at >= part) {
            at -= part;
            continue;
        }
        size_t n = part - at < len ? part - at : len;
        char *mine = (char *)p->part[i].iov_base + at;
        memcpy(put ? mine : other, put ? other : mine, n);
        other += n;
        len -= n;
        at = 0;
    }
}

void parts_get(const struct parts *p, size_t at, void *to, size_t len)
{
    parts_copy(p, at, to, len, 0);
}

void parts_put(const struct parts *p, size_t at, const void *from, size_t len)
{
    parts_copy(p, at, (char *)from, len, 1);
}
