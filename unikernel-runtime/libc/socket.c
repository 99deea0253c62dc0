// SPDX-License-Identifier: ISC
// POSIX's functions for sockets.
#include "unikernel-runtime/net/socket.h"
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/libc/cancel.h"
#include "unikernel-runtime/libc/result.h"
#include "unikernel-runtime/net/net.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

_Static_assert(SOCK_NONBLOCK == O_NONBLOCK && SOCK_CLOEXEC == O_CLOEXEC,
               "<sys/socket.h> cannot include <fcntl.h>");

// The socket behind `fd`, with its file in *f, to be put; or NULL and *error.
static struct socket *socket_get(int fd, struct file **f, int *error)
{
    *f = fd_get(fd);
    *error = *f ? -ENOTSOCK : -EBADF;
    struct socket *s = *f ? socket_of(*f) : NULL;
    if (*f && !s)
        fd_put(*f);
    return s;
}

// The result of `call`, in which `s` is the socket behind `fd` and the network
// is locked. `f` is its file.
#define WITH_SOCKET(fd, call)                                                  \
    do {                                                                       \
        struct file *f;                                                        \
        int error;                                                             \
        struct socket *s = socket_get(fd, &f, &error);                         \
        if (!s)                                                                \
            return result(error);                                              \
        net_lock();                                                            \
        long got = call;                                                       \
        net_unlock();                                                          \
        fd_put(f);                                                             \
        return result(got);                                                    \
    } while (0)

// The same for those that may wait.
#define WITH_SOCKET_POINT(fd, call)                                            \
    do {                                                                       \
        struct file *f;                                                        \
        int error;                                                             \
        uint8_t before = cancel_enter();                                       \
        struct socket *s = socket_get(fd, &f, &error);                         \
        if (!s)                                                                \
            return result(cancel_leave(before, error));                        \
        net_lock();                                                            \
        long got = call;                                                       \
        net_unlock();                                                          \
        fd_put(f);                                                             \
        return result(cancel_leave(before, got));                              \
    } while (0)

// An operation that this kind of socket may not have.
#define IF_ANY(operation, ...)                                                 \
    (s->ops->operation ? s->ops->operation(__VA_ARGS__) : -EOPNOTSUPP)

static int name_read(struct name *n, const struct sockaddr *name, socklen_t len)
{
    if (!name || len > sizeof n->storage)
        return -EINVAL;
    n->len = len;
    memset(&n->storage, 0, sizeof n->storage);
    memcpy(&n->storage, name, len);
    return 0;
}

// As much as fits; *len becomes its whole length.
static void name_write(const struct name *n, struct sockaddr *name,
                       socklen_t *len)
{
    if (!name || !len)
        return;
    memcpy(name, &n->storage, n->len < *len ? n->len : *len);
    *len = n->len;
}

static int waiting_flags(const struct file *f)
{
    return f->flags & O_NONBLOCK ? MSG_DONTWAIT : 0;
}

int socket(int family, int type, int protocol)
{
    return result(socket_open(family, type, protocol));
}

int socketpair(int family, int type, int protocol, int fds[2])
{
    int flags = type & (SOCK_NONBLOCK | SOCK_CLOEXEC);
    type &= ~flags;
    if (family != AF_UNIX)
        return result(-EAFNOSUPPORT);
    if (type != SOCK_STREAM || protocol)
        return result(-EPROTONOSUPPORT);
    return result(pair_open(type, flags & SOCK_NONBLOCK, fds));
}

int bind(int fd, const struct sockaddr *name, socklen_t len)
{
    struct name n;
    int r = name_read(&n, name, len);
    if (r < 0)
        return result(r);
    WITH_SOCKET(fd, IF_ANY(bind, s, &n));
}

int listen(int fd, int backlog)
{
    WITH_SOCKET(fd, IF_ANY(listen, s, backlog));
}

int connect(int fd, const struct sockaddr *name, socklen_t len)
{
    struct name n;
    int r = name_read(&n, name, len);
    if (r < 0)
        return result(r);
    WITH_SOCKET_POINT(fd, IF_ANY(connect, s, &n, waiting_flags(f)));
}

static int accept_locked(struct file *f, struct socket *s, struct socket **new,
                         struct name *peer)
{
    int r = IF_ANY(accept, s, new, waiting_flags(f));
    // One that is gone already has no name any more.
    if (r == 0 && (*new)->ops->name(*new, peer, 1) < 0)
        (*new)->ops->name(*new, peer, 0);
    return r;
}

int accept4(int fd, struct sockaddr *restrict name, socklen_t *restrict len,
            int flags)
{
    if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
        return result(-EINVAL);
    struct file *f;
    int error;
    uint8_t before = cancel_enter();
    struct socket *s = socket_get(fd, &f, &error), *new;
    if (!s)
        return result(cancel_leave(before, error));
    struct name peer;
    net_lock();
    int r = accept_locked(f, s, &new, &peer);
    net_unlock();
    fd_put(f);
    r = cancel_leave(before, r);
    if (r < 0)
        return result(r);
    r = socket_publish(new, flags & SOCK_NONBLOCK);
    if (r >= 0)
        name_write(&peer, name, len);
    return result(r);
}

int accept(int fd, struct sockaddr *restrict name, socklen_t *restrict len)
{
    return accept4(fd, name, len, 0);
}

int shutdown(int fd, int how)
{
    if (how < SHUT_RD || how > SHUT_RDWR)
        return result(-EINVAL);
    WITH_SOCKET(fd, s->ops->shutdown(s, how));
}

static int name_of(int fd, struct name *n, int peer)
{
    WITH_SOCKET(fd, s->ops->name(s, n, peer));
}

int getsockname(int fd, struct sockaddr *restrict name, socklen_t *restrict len)
{
    struct name n;
    if (name_of(fd, &n, 0) < 0)
        return -1;
    name_write(&n, name, len);
    return 0;
}

int getpeername(int fd, struct sockaddr *restrict name, socklen_t *restrict len)
{
    struct name n;
    if (name_of(fd, &n, 1) < 0)
        return -1;
    name_write(&n, name, len);
    return 0;
}

int getsockopt(int fd, int level, int option, void *restrict value,
               socklen_t *restrict len)
{
    WITH_SOCKET(fd, socket_option_get(s, level, option, value, len));
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
    WITH_SOCKET(fd, socket_option_set(s, level, option, value, len));
}

// ----------------------------------------------------------------- messages

static int parts_read(struct parts *p, const struct iovec *part, size_t n)
{
    *p = (struct parts){.part = part, .n = n};
    if (n > IOV_MAX)
        return -EMSGSIZE;
    for (size_t i = 0; i < n; i++)
        if (__builtin_add_overflow(p->len, part[i].iov_len, &p->len) ||
            p->len > SSIZE_MAX)
            return -EINVAL;
    return 0;
}

static ssize_t send_parts(int fd, const struct parts *p, const struct name *to,
                          int flags)
{
    struct file *f;
    int error;
    uint8_t before = cancel_enter();
    struct socket *s = socket_get(fd, &f, &error);
    if (!s)
        return result(cancel_leave(before, error));
    net_lock();
    ssize_t r = flags & MSG_OOB
                    ? -EOPNOTSUPP
                    : s->ops->send(s, p, to, flags | waiting_flags(f));
    net_unlock();
    int stream = s->type == SOCK_STREAM;
    fd_put(f);
    r = cancel_leave(before, r);
    if (r == -EPIPE && !(flags & MSG_NOSIGNAL) && stream)
        raise(SIGPIPE);
    return result(r);
}

static ssize_t receive_parts(int fd, const struct parts *p, struct name *from,
                             int *flags)
{
    WITH_SOCKET_POINT(
        fd, (*flags |= waiting_flags(f), s->ops->receive(s, p, from, flags)));
}

ssize_t sendto(int fd, const void *data, size_t len, int flags,
               const struct sockaddr *to, socklen_t to_len)
{
    struct iovec part = {(void *)data, len};
    struct parts p = {&part, 1, len, NULL};
    struct name n;
    if (!to)
        return send_parts(fd, &p, NULL, flags);
    int r = name_read(&n, to, to_len);
    return r < 0 ? result(r) : send_parts(fd, &p, &n, flags);
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
    return sendto(fd, data, len, flags, NULL, 0);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct parts p;
    struct name n;
    int r = parts_read(&p, message->msg_iov, message->msg_iovlen);
    if (r == 0 && message->msg_name)
        r = name_read(&n, message->msg_name, message->msg_namelen);
    if (r < 0)
        return result(r);
    return send_parts(fd, &p, message->msg_name ? &n : NULL, flags);
}

ssize_t recvfrom(int fd, void *restrict data, size_t len, int flags,
                 struct sockaddr *restrict from, socklen_t *restrict from_len)
{
    struct iovec part = {data, len};
    struct parts p = {&part, 1, len, NULL};
    struct name n;
    ssize_t r = receive_parts(fd, &p, &n, &flags);
    if (r >= 0)
        name_write(&n, from, from_len);
    return r;
}

ssize_t recv(int fd, void *data, size_t len, int flags)
{
    return recvfrom(fd, data, len, flags, NULL, NULL);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    struct parts p;
    struct name n;
    int error = parts_read(&p, message->msg_iov, message->msg_iovlen);
    if (error < 0)
        return result(error);
    ssize_t r = receive_parts(fd, &p, &n, &flags);
    if (r < 0)
        return r;
    name_write(&n, message->msg_name, &message->msg_namelen);
    message->msg_controllen = 0;
    message->msg_flags = flags;
    return r;
}

int sockatmark(int fd)
{
    WITH_SOCKET(fd, ((void)s, 0));
}
