// SPDX-License-Identifier: ISC
/*
 * TCP sockets: their life. lwIP calls back with the network locked; its struct
 * tcp_pcb is gone as soon as tcp_failed has been called.
 */
#include "unikernel-runtime/net/tcp.h"
#include "unikernel-runtime/net/address.h"
#include "unikernel-runtime/net/net.h"

#include <errno.h>
#include <lwip/priv/tcp_priv.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------- callbacks

static void tcp_failed(void *arg, err_t err)
{
    struct tcp_socket *t = arg;
    if (!t)
        return;
    t->pcb = NULL;
    tcp_chunks_free(t);
    if (t->orphan) {
        tcp_orphan_free(t);
        return;
    }
    if (err == ERR_RST)
        t->s.error = t->connecting ? ECONNREFUSED : ECONNRESET;
    else if (err != ERR_CLSD)
        t->s.error = ETIMEDOUT;
    t->connecting = 0;
    t->ended = 1;
    t->has_room = 1; // to find out
    socket_changed(&t->s);
}

static err_t tcp_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
    struct tcp_socket *t = arg;
    (void)pcb, (void)err;
    t->connecting = 0;
    t->connected = t->has_room = 1;
    socket_changed(&t->s);
    return ERR_OK;
}

static void adopt(struct tcp_socket *t, struct tcp_pcb *pcb)
{
    t->pcb = pcb;
    tcp_arg(pcb, t);
    tcp_recv(pcb, tcp_received);
    tcp_sent(pcb, tcp_acknowledged);
    tcp_err(pcb, tcp_failed);
    tcp_options_apply(t);
}

// From now on lwIP finishes alone what is left of the connection.
static void abandon(struct tcp_pcb *pcb)
{
    tcp_arg(pcb, NULL);
    tcp_recv(pcb, NULL);
    tcp_sent(pcb, NULL);
    tcp_err(pcb, NULL);
}

static err_t tcp_arrived(void *arg, struct tcp_pcb *pcb, err_t err)
{
    struct tcp_socket *l = arg;
    if (err != ERR_OK || !pcb || !l)
        return ERR_VAL;
    struct tcp_socket *t = (struct tcp_socket *)socket_new(
        &tcp_ops, l->s.family, SOCK_STREAM, IPPROTO_TCP);
    if (!t)
        return ERR_MEM; // lwIP refuses the connection
    t->s.v6_only = l->s.v6_only;
    t->no_delay = l->no_delay;
    t->keep_alive = l->keep_alive;
    t->keep_idle_s = l->keep_idle_s;
    t->keep_interval_s = l->keep_interval_s;
    t->keep_count = l->keep_count;
    t->s.receive_timeout_ns = l->s.receive_timeout_ns;
    t->s.send_timeout_ns = l->s.send_timeout_ns;
    t->s.linger = l->s.linger;
    t->connected = t->has_room = 1;
    adopt(t, pcb);
    tcp_backlog_delayed(pcb);
    *(l->accept_first ? &l->accept_last->accept_next : &l->accept_first) = t;
    l->accept_last = t;
    socket_changed(&l->s);
    return ERR_OK;
}

// ------------------------------------------------------------------ opening

static int make_pcb(struct tcp_socket *t)
{
    struct tcp_pcb *pcb = tcp_new_ip_type(address_type(&t->s));
    if (!pcb)
        return -ENOBUFS;
    adopt(t, pcb);
    return 0;
}

static int tcp_socket_open(struct socket *s)
{
    return make_pcb(tcp_of(s));
}

static int tcp_bind_to(struct socket *s, const struct name *to)
{
    struct tcp_socket *t = tcp_of(s);
    ip_addr_t ip;
    uint16_t port;
    int r = address_get(s, to, &ip, &port);
    if (r < 0)
        return r;
    if (!t->pcb || t->pcb->state != CLOSED || t->pcb->local_port)
        return -EINVAL;
    if (!ip_addr_isany(&ip) && !ip_addr_ismulticast(&ip)) {
        struct netif *n;
        int ours = ip_addr_isloopback(&ip);
        NETIF_FOREACH(n)
        ours |= IP_IS_V4_VAL(ip)
                    ? ip_addr_cmp(&ip, &n->ip_addr)
                    : netif_get_ip6_addr_match(n, ip_2_ip6(&ip)) >= 0;
        if (!ours)
            return -EADDRNOTAVAIL;
    }
    return address_error(tcp_bind(t->pcb, &ip, port));
}

static int tcp_listen_on(struct socket *s, int backlog)
{
    struct tcp_socket *t = tcp_of(s);
    if (backlog <= 0)
        backlog = 1;
    if (backlog > SOMAXCONN)
        backlog = SOMAXCONN;
    if (s->listening) {
        tcp_backlog_set(t->pcb, backlog);
        return 0;
    }
    if (!t->pcb || t->pcb->state != CLOSED)
        return -EINVAL;
    if (!t->pcb->local_port) {
        err_t bound = tcp_bind(t->pcb, NULL, 0);
        if (bound != ERR_OK)
            return address_error(bound);
    }
    err_t err;
    struct tcp_pcb *pcb =
        tcp_listen_with_backlog_and_err(t->pcb, backlog, &err);
    if (!pcb)
        return address_error(err);
    t->pcb = pcb;
    tcp_arg(pcb, t);
    tcp_accept(pcb, tcp_arrived);
    s->listening = 1;
    return 0;
}

static int tcp_accept_one(struct socket *s, struct socket **out, int flags)
{
    struct tcp_socket *l = tcp_of(s), *t;
    if (!s->listening)
        return -EINVAL;
    uint64_t deadline_ns = socket_deadline(s->receive_timeout_ns);
    while (!(t = l->accept_first)) {
        int r = socket_wait(&s->readers, deadline_ns, flags);
        if (r < 0)
            return r;
        if (l->ended)
            return -EINVAL;
    }
    l->accept_first = t->accept_next;
    t->accept_next = NULL;
    if (t->pcb)
        tcp_backlog_accepted(t->pcb);
    *out = &t->s;
    return 0;
}

static int wait_connected(struct tcp_socket *t, int flags)
{
    uint64_t deadline_ns = socket_deadline(t->s.send_timeout_ns);
    while (t->connecting) {
        int r = socket_wait(&t->s.writers, deadline_ns, flags);
        if (r == -EAGAIN)
            return -EINPROGRESS;
        if (r < 0)
            return r;
    }
    return socket_error_take(&t->s);
}

static int tcp_connect_to(struct socket *s, const struct name *to, int flags)
{
    struct tcp_socket *t = tcp_of(s);
    ip_addr_t ip;
    uint16_t port;
    if (s->listening)
        return -EISCONN;
    if (t->connecting)
        return -EALREADY;
    int r = address_get(s, to, &ip, &port);
    if (r < 0)
        return r;
    if (t->connected && t->pcb)
        return -EISCONN;
    if (s->error)
        return socket_error_take(s);
    if (!t->pcb && (r = make_pcb(t)) < 0)
        return r;
    if (ip_addr_isany(&ip)) { // "this machine"
        if (IP_IS_V4_VAL(ip) || s->family == AF_INET)
            ip_addr_set_loopback(0, &ip);
        else
            ip_addr_set_loopback(1, &ip);
    }
    if (ip_addr_ismulticast(&ip))
        return -ENETUNREACH;
    t->ended = s->read_shut = s->write_shut = t->connected = t->opened = 0;
    t->has_room = t->small = 0;
    t->queued = 0;
    t->connecting = 1;
    err_t err = tcp_connect(t->pcb, &ip, port, tcp_connected);
    if (err != ERR_OK) {
        t->connecting = 0;
        return err == ERR_USE ? -EADDRNOTAVAIL : address_error(err);
    }
    return wait_connected(t, flags);
}

// ------------------------------------------------------------------ closing

static void tcp_free_socket(struct tcp_socket *t)
{
    tcp_uncorked(t);
    tcp_received_drop(t);
    tcp_chunks_free(t);
    free(t);
}

void tcp_orphan_free(struct tcp_socket *t)
{
    tcp_free_socket(t);
}

static void reset(struct tcp_socket *t)
{
    struct tcp_pcb *pcb = t->pcb;
    t->pcb = NULL;
    abandon(pcb);
    tcp_abort(pcb);
    tcp_free_socket(t);
}

static void close_listening(struct tcp_socket *l)
{
    struct tcp_socket *t, *next;
    l->s.listening = 0;
    tcp_arg(l->pcb, NULL);
    tcp_close(l->pcb);
    for (t = l->accept_first; t; t = next) {
        next = t->accept_next;
        if (t->pcb) {
            tcp_backlog_accepted(t->pcb);
            reset(t);
        } else {
            tcp_free_socket(t);
        }
    }
    free(l);
}

// SO_LINGER with a time: until all is received, or the time is over.
static void linger(struct tcp_socket *t)
{
    uint64_t deadline_ns =
        socket_deadline((uint64_t)t->s.linger.l_linger * 1000000000ul);
    tcp_shutdown(t->pcb, 0, 1);
    while (t->pcb && t->unacknowledged &&
           socket_wait(&t->s.writers, deadline_ns, 0) == 0)
        continue;
}

static void tcp_socket_close(struct socket *s)
{
    struct tcp_socket *t = tcp_of(s);
    if (s->listening) {
        close_listening(t);
        return;
    }
    if (t->pcb && s->linger.l_onoff && s->linger.l_linger > 0)
        linger(t);
    struct tcp_pcb *pcb = t->pcb;
    if (!pcb) {
        tcp_free_socket(t);
    } else if (t->received || (s->linger.l_onoff && !s->linger.l_linger)) {
        reset(t); // the peer learns that not all was read
    } else if (t->unacknowledged) {
        t->orphan = 1;
        tcp_close(pcb);
    } else {
        abandon(pcb);
        tcp_close(pcb);
        tcp_free_socket(t);
    }
}

static int shut_down(struct socket *s, int how)
{
    struct tcp_socket *t = tcp_of(s);
    if (s->listening) {
        if (how == SHUT_WR)
            return -ENOTCONN;
        t->ended = 1; // accept() gives up
        socket_changed(s);
        return 0;
    }
    if (!t->connected)
        return -ENOTCONN;
    if (how != SHUT_WR && !s->read_shut) {
        s->read_shut = 1;
        tcp_received_drop(t);
    }
    if (how != SHUT_RD && !s->write_shut) {
        s->write_shut = 1;
        if (t->pcb)
            tcp_shutdown(t->pcb, 0, 1);
    }
    socket_changed(s);
    return 0;
}

// ---------------------------------------------------------------- questions

static int tcp_socket_name(struct socket *s, struct name *out, int peer)
{
    struct tcp_socket *t = tcp_of(s);
    if (peer && (!t->pcb || !t->connected || s->listening))
        return -ENOTCONN;
    ip_addr_t none = *IP_ANY_TYPE;
    if (!t->pcb)
        address_put(s->family, &none, 0, out);
    else if (peer)
        address_put(s->family, &t->pcb->remote_ip, t->pcb->remote_port, out);
    else
        address_put(s->family, &t->pcb->local_ip, t->pcb->local_port, out);
    return 0;
}

static size_t tcp_socket_readable(struct socket *s)
{
    return tcp_of(s)->received_len;
}

static short tcp_socket_poll_now(struct socket *s)
{
    const struct tcp_socket *t = tcp_of(s);
    if (s->listening)
        return t->accept_first ? POLLIN : 0;
    short is = s->error ? POLLERR : 0;
    int never = !t->connecting && !t->connected && !s->error;
    if (never)
        return POLLOUT | POLLHUP;
    int end = t->ended || s->read_shut;
    if (t->received || end)
        is |= POLLIN;
    if (end)
        is |= POLLRDHUP;
    if (t->has_room || s->write_shut)
        is |= POLLOUT;
    if (!t->connecting && end && (s->write_shut || !t->pcb))
        is |= POLLHUP;
    return is;
}

const struct socket_ops tcp_ops = {.size = sizeof(struct tcp_socket),
                                   .room = TCP_WND,
                                   .extents = 1,
                                   .open = tcp_socket_open,
                                   .close = tcp_socket_close,
                                   .bind = tcp_bind_to,
                                   .listen = tcp_listen_on,
                                   .accept = tcp_accept_one,
                                   .connect = tcp_connect_to,
                                   .shutdown = shut_down,
                                   .send = tcp_send,
                                   .receive = tcp_receive_parts,
                                   .name = tcp_socket_name,
                                   .set = tcp_option_set,
                                   .get = tcp_option_get,
                                   .readable = tcp_socket_readable,
                                   .poll = tcp_socket_poll_now};
