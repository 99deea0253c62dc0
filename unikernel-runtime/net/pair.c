// SPDX-License-Identifier: ISC
// Pairs of connected stream sockets within the program: two rings of bytes.
#include "unikernel-runtime/net/net.h"
#include "unikernel-runtime/net/socket.h"
#include "unikernel-runtime/fs/file.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define CAPACITY 65536u

struct pair_socket {
    struct socket s;
    struct pair_socket *peer; // NULL once it is closed
    uint32_t put, got;        // run freely
    char data[CAPACITY];      // what this one can receive
};

static struct pair_socket *of(struct socket *s)
{
    return (struct pair_socket *)s;
}

static uint32_t used(const struct pair_socket *a)
{
    return a->put - a->got;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

// Copies what is there, from the ring's place `at` on.
static size_t copy_out(const struct pair_socket *a, const struct parts *p)
{
    size_t done = 0;
    uint32_t got = a->got;
    while (done < p->len && got != a->put) {
        uint32_t at = got % CAPACITY;
        size_t n = smallest(a->put - got, CAPACITY - at, p->len - done);
        parts_put(p, done, a->data + at, n);
        got += n;
        done += n;
    }
    return done;
}

static ssize_t pair_receive(struct socket *s, const struct parts *p,
                            struct name *from, int *flags)
{
    struct pair_socket *a = of(s);
    int f = *flags;
    *flags = 0;
    if (from)
        from->len = 0;
    uint64_t deadline_ns = socket_deadline(s->receive_timeout_ns);
    while (p->len && !used(a)) {
        if (!a->peer || a->peer->s.write_shut || s->read_shut)
            return 0;
        int r = socket_wait(&s->readers, deadline_ns, f);
        if (r < 0)
            return r;
    }
    size_t n = copy_out(a, p);
    if (!(f & MSG_PEEK)) {
        a->got += n;
        if (a->peer)
            socket_changed(&a->peer->s);
    }
    return n;
}

static ssize_t pair_send(struct socket *s, const struct parts *p,
                         const struct name *to, int flags)
{
    struct pair_socket *a = of(s), *b;
    size_t done = 0;
    if (to)
        return -EISCONN;
    uint64_t deadline_ns = socket_deadline(s->send_timeout_ns);
    while (done < p->len) {
        b = a->peer;
        if (!b || s->write_shut || b->s.read_shut)
            return done ? (ssize_t)done : -EPIPE;
        uint32_t at = b->put % CAPACITY;
        size_t n = smallest(CAPACITY - used(b), CAPACITY - at, p->len - done);
        parts_get(p, done, b->data + at, n);
        b->put += n;
        done += n;
        if (n) {
            socket_changed(&b->s);
            continue;
        }
        int r = socket_wait(&s->writers, deadline_ns, flags);
        if (r < 0)
            return done ? (ssize_t)done : r;
    }
    return done;
}

static void pair_close(struct socket *s)
{
    struct pair_socket *a = of(s);
    if (a->peer) {
        a->peer->peer = NULL;
        socket_changed(&a->peer->s);
    }
    free(a);
}

static int shut_down(struct socket *s, int how)
{
    struct pair_socket *a = of(s);
    if (how != SHUT_WR) {
        s->read_shut = 1;
        a->got = a->put;
    }
    s->write_shut |= how != SHUT_RD;
    socket_changed(s);
    if (a->peer)
        socket_changed(&a->peer->s);
    return 0;
}

static int pair_name(struct socket *s, struct name *out, int peer)
{
    if (peer && !of(s)->peer)
        return -ENOTCONN;
    *out = (struct name){.len = sizeof(sa_family_t)};
    out->any.sa_family = AF_UNIX;
    return 0;
}

static size_t pair_readable(struct socket *s)
{
    return used(of(s));
}

static short pair_poll_now(struct socket *s)
{
    const struct pair_socket *a = of(s), *b = a->peer;
    int end = !b || b->s.write_shut || s->read_shut;
    int writable = !b || s->write_shut || b->s.read_shut || used(b) < CAPACITY;
    return (used(a) || end ? POLLIN : 0) | (end ? POLLRDHUP : 0) |
           (writable ? POLLOUT : 0) | (!b ? POLLHUP : 0);
}

const struct socket_ops pair_ops = {.size = sizeof(struct pair_socket),
                                    .room = CAPACITY,
                                    .close = pair_close,
                                    .shutdown = shut_down,
                                    .send = pair_send,
                                    .receive = pair_receive,
                                    .name = pair_name,
                                    .readable = pair_readable,
                                    .poll = pair_poll_now};

int pair_open(int type, int flags, int fds[2])
{
    struct socket *a = socket_new(&pair_ops, AF_UNIX, type, 0);
    struct socket *b = socket_new(&pair_ops, AF_UNIX, type, 0);
    if (!a || !b) {
        free(a);
        free(b);
        return -ENOMEM;
    }
    of(a)->peer = of(b);
    of(b)->peer = of(a);
    int first = socket_publish(a, flags);
    if (first < 0) {
        net_lock();
        pair_close(b);
        net_unlock();
        return first;
    }
    int second = socket_publish(b, flags);
    if (second < 0) {
        fd_close(first);
        return second;
    }
    fds[0] = first;
    fds[1] = second;
    return 0;
}
