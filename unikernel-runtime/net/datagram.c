// SPDX-License-Identifier: ISC
/*
 * UDP and raw sockets: datagrams, queued as they come, each with its sender.
 * What does not fit in the queue is dropped.
 */
#include "unikernel-runtime/net/address.h"

#include <errno.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/raw.h>
#include <lwip/udp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define ROOM         (256u * 1024)
#define DATAGRAM_MAX 65507u

struct datagram {
    struct datagram *next;
    struct pbuf *p;
    ip_addr_t from;
    uint16_t port;
};

struct datagram_socket {
    struct socket s;
    union {
        struct udp_pcb *udp;
        struct raw_pcb *raw;
        struct ip_pcb *any;
    };
    struct datagram *first, *last;
    size_t queued; // bytes, with what each datagram costs besides
    uint8_t connected;
};

static struct datagram_socket *of(struct socket *s)
{
    return (struct datagram_socket *)s;
}

static int is_udp(const struct datagram_socket *d)
{
    return d->s.ops == &udp_ops;
}

static size_t cost(const struct pbuf *p)
{
    return p->tot_len + sizeof(struct datagram);
}

// ---------------------------------------------------------------- receiving

static void datagram_queue(struct datagram_socket *d, struct pbuf *p,
                           const ip_addr_t *from, uint16_t port)
{
    struct datagram *g = NULL;
    if (d->queued + cost(p) <= d->s.receive_room && !d->s.read_shut)
        g = malloc(sizeof *g);
    if (!g) {
        pbuf_free(p);
        return;
    }
    *g = (struct datagram){.p = p, .from = *from, .port = port};
    *(d->first ? &d->last->next : &d->first) = g;
    d->last = g;
    d->queued += cost(p);
    socket_changed(&d->s);
}

static void udp_arrived(void *arg, struct udp_pcb *pcb, struct pbuf *p,
                        const ip_addr_t *from, u16_t port)
{
    (void)pcb;
    datagram_queue(arg, p, from, port);
}

// Others want the packet too: ours is a copy. IPv6 sockets do not see headers.
static u8_t raw_arrived(void *arg, struct raw_pcb *pcb, struct pbuf *p,
                        const ip_addr_t *from)
{
    (void)pcb;
    struct pbuf *copy = pbuf_clone(PBUF_RAW, PBUF_RAM, p);
    if (!copy)
        return 0;
    if (IP_IS_V6_VAL(*from))
        pbuf_remove_header(copy, IP6_HLEN);
    datagram_queue(arg, copy, from, 0);
    return 0;
}

static void first_drop(struct datagram_socket *d)
{
    struct datagram *g = d->first;
    d->first = g->next;
    d->queued -= cost(g->p);
    pbuf_free(g->p);
    free(g);
}

static size_t copy_out(const struct pbuf *p, const struct parts *to)
{
    size_t done = 0;
    for (; p && done < to->len; p = p->next) {
        size_t n = p->len < to->len - done ? p->len : to->len - done;
        parts_put(to, done, p->payload, n);
        done += n;
        if (p->tot_len == p->len)
            break;
    }
    return done;
}

static ssize_t datagram_receive(struct socket *s, const struct parts *p,
                                struct name *from, int *flags)
{
    struct datagram_socket *d = of(s);
    int f = *flags;
    *flags = 0;
    uint64_t deadline_ns = socket_deadline(s->receive_timeout_ns);
    while (!d->first) {
        if (s->error)
            return socket_error_take(s);
        if (s->read_shut)
            return 0;
        int r = socket_wait(&s->readers, deadline_ns, f);
        if (r < 0)
            return r;
    }
    struct datagram *g = d->first;
    size_t len = g->p->tot_len, done = copy_out(g->p, p);
    if (from)
        address_put(s->family, &g->from, g->port, from);
    if (done < len)
        *flags = MSG_TRUNC;
    if (!(f & MSG_PEEK))
        first_drop(d);
    return f & MSG_TRUNC ? (ssize_t)len : (ssize_t)done;
}

// ------------------------------------------------------------------ sending

// The program's bytes where they are if they lie together: they are copied
// before the call is over.
static struct pbuf *wrap(const struct parts *p)
{
    struct pbuf *b =
        pbuf_alloc(PBUF_TRANSPORT, p->len, p->n == 1 ? PBUF_REF : PBUF_RAM);
    if (b && p->n == 1)
        b->payload = p->part[0].iov_base;
    else if (b)
        parts_get(p, 0, b->payload, p->len);
    return b;
}

static int may_broadcast(const struct socket *s, const ip_addr_t *to)
{
    return s->broadcast || !IP_IS_V4_VAL(*to) ||
           ip_2_ip4(to)->addr != IPADDR_BROADCAST;
}

static ssize_t datagram_send(struct socket *s, const struct parts *p,
                             const struct name *name, int flags)
{
    struct datagram_socket *d = of(s);
    ip_addr_t to;
    uint16_t port;
    (void)flags;
    if (s->error)
        return socket_error_take(s);
    if (s->write_shut)
        return -EPIPE;
    if (p->len > DATAGRAM_MAX)
        return -EMSGSIZE;
    if (name) {
        int r = address_get(s, name, &to, &port);
        if (r < 0)
            return r;
        if (ip_addr_isany(&to))
            ip_addr_set_loopback(s->family == AF_INET6 && !IP_IS_V4_VAL(to),
                                 &to);
        if (!may_broadcast(s, &to))
            return -EACCES;
    } else if (!d->connected) {
        return -EDESTADDRREQ;
    }
    struct pbuf *b = wrap(p);
    if (!b)
        return -ENOBUFS;
    err_t err;
    if (is_udp(d))
        err = name ? udp_sendto(d->udp, b, &to, port) : udp_send(d->udp, b);
    else
        err = name ? raw_sendto(d->raw, b, &to) : raw_send(d->raw, b);
    pbuf_free(b);
    return err == ERR_OK ? (ssize_t)p->len : address_error(err);
}

// --------------------------------------------------------------------- life

static int datagram_open(struct socket *s)
{
    struct datagram_socket *d = of(s);
    if (is_udp(d)) {
        d->udp = udp_new_ip_type(address_type(s));
        if (d->udp)
            udp_recv(d->udp, udp_arrived, d);
    } else {
        // A raw socket has one family of addresses.
        d->raw = raw_new_ip_type(s->family == AF_INET ? IPADDR_TYPE_V4
                                                      : IPADDR_TYPE_V6,
                                 s->protocol);
        if (d->raw) {
            raw_recv(d->raw, raw_arrived, d);
            if (s->protocol == IPPROTO_ICMPV6) {
                d->raw->chksum_reqd = 1;
                d->raw->chksum_offset = 2;
            }
        }
    }
    return d->any ? 0 : -ENOBUFS;
}

static void datagram_close(struct socket *s)
{
    struct datagram_socket *d = of(s);
    if (is_udp(d))
        udp_remove(d->udp);
    else
        raw_remove(d->raw);
    while (d->first)
        first_drop(d);
    free(d);
}

static int datagram_bind(struct socket *s, const struct name *to)
{
    struct datagram_socket *d = of(s);
    ip_addr_t ip;
    uint16_t port;
    int r = address_get(s, to, &ip, &port);
    if (r < 0)
        return r;
    if (is_udp(d) && d->udp->local_port)
        return -EINVAL;
    return address_error(is_udp(d) ? udp_bind(d->udp, &ip, port)
                                   : raw_bind(d->raw, &ip));
}

static int datagram_connect(struct socket *s, const struct name *to, int flags)
{
    struct datagram_socket *d = of(s);
    ip_addr_t ip;
    uint16_t port;
    (void)flags;
    if (to->len >= sizeof to->any.sa_family && to->any.sa_family == AF_UNSPEC) {
        d->connected = 0;
        if (is_udp(d))
            udp_disconnect(d->udp);
        else
            raw_disconnect(d->raw);
        return 0;
    }
    int r = address_get(s, to, &ip, &port);
    if (r < 0)
        return r;
    if (ip_addr_isany(&ip))
        ip_addr_set_loopback(s->family == AF_INET6 && !IP_IS_V4_VAL(ip), &ip);
    if (!may_broadcast(s, &ip))
        return -EACCES;
    err_t err =
        is_udp(d) ? udp_connect(d->udp, &ip, port) : raw_connect(d->raw, &ip);
    if (err == ERR_OK) {
        d->connected = 1;
        // As elsewhere, from now on the socket's name says where it sends from.
        struct netif *n = ip_route(&d->any->local_ip, &ip);
        const ip_addr_t *mine = n ? ip_netif_get_local_ip(n, &ip) : NULL;
        if (mine && ip_addr_isany(&d->any->local_ip))
            ip_addr_copy(d->any->local_ip, *mine);
    }
    return address_error(err);
}

static int shut_down(struct socket *s, int how)
{
    struct datagram_socket *d = of(s);
    if (!d->connected)
        return -ENOTCONN;
    s->read_shut |= how != SHUT_WR;
    s->write_shut |= how != SHUT_RD;
    socket_changed(s);
    return 0;
}

static int datagram_name(struct socket *s, struct name *out, int peer)
{
    struct datagram_socket *d = of(s);
    if (peer && !d->connected)
        return -ENOTCONN;
    uint16_t port = is_udp(d) ? peer ? d->udp->remote_port : d->udp->local_port
                              : s->protocol;
    address_put(s->family, peer ? &d->any->remote_ip : &d->any->local_ip, port,
                out);
    return 0;
}

static int datagram_set(struct socket *s, int level, int option, int value)
{
    struct datagram_socket *d = of(s);
    if (level == SOL_SOCKET && option == SO_REUSEADDR) {
        if (value)
            ip_set_option(d->any, SOF_REUSEADDR);
        else
            ip_reset_option(d->any, SOF_REUSEADDR);
        return 0;
    }
    int multicast_ttl =
        (level == IPPROTO_IP && option == IP_MULTICAST_TTL) ||
        (level == IPPROTO_IPV6 && option == IPV6_MULTICAST_HOPS);
    if (multicast_ttl && is_udp(d)) {
        if (value < -1 || value > 255)
            return -EINVAL;
        udp_set_multicast_ttl(d->udp, value < 0 ? 1 : value);
        return 0;
    }
    return -ENOPROTOOPT;
}

static int datagram_get(struct socket *s, int level, int option, int *value)
{
    struct datagram_socket *d = of(s);
    if (level == SOL_SOCKET && option == SO_REUSEADDR) {
        *value = ip_get_option(d->any, SOF_REUSEADDR) != 0;
        return 0;
    }
    int multicast_ttl =
        (level == IPPROTO_IP && option == IP_MULTICAST_TTL) ||
        (level == IPPROTO_IPV6 && option == IPV6_MULTICAST_HOPS);
    if (multicast_ttl && is_udp(d)) {
        *value = udp_get_multicast_ttl(d->udp);
        return 0;
    }
    return -ENOPROTOOPT;
}

static size_t datagram_readable(struct socket *s)
{
    const struct datagram *g = of(s)->first;
    return g ? g->p->tot_len : 0;
}

static short datagram_poll_now(struct socket *s)
{
    return (of(s)->first || s->read_shut ? POLLIN : 0) |
           (s->error ? POLLERR : 0) | POLLOUT;
}

#define OPS                                                                    \
    .size = sizeof(struct datagram_socket), .room = ROOM,                      \
    .open = datagram_open, .close = datagram_close, .bind = datagram_bind,     \
    .connect = datagram_connect, .shutdown = shut_down, .send = datagram_send, \
    .receive = datagram_receive, .name = datagram_name, .set = datagram_set,   \
    .get = datagram_get, .readable = datagram_readable,                        \
    .poll = datagram_poll_now

const struct socket_ops udp_ops = {OPS};
const struct socket_ops raw_ops = {OPS};
