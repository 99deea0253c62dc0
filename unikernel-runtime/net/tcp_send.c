// SPDX-License-Identifier: ISC
/*
 * TCP sockets: sending. What the program writes is copied once, into chunks of
 * memory that a device can send from; lwIP refers to it there until it is
 * acknowledged. A chunk is filled from its start and freed when the last of it
 * is acknowledged.
 */
#include "unikernel-runtime/net/address.h"
#include "unikernel-runtime/net/buffer.h"
#include "unikernel-runtime/net/tcp.h"

#include <errno.h>
#include <lwip/priv/tcp_priv.h>
#include <stdlib.h>

struct chunk {
    struct chunk *next;
    size_t size, filled, acknowledged;
    char *data;
};

static void chunk_free(struct chunk *c)
{
    buffer_free(c->data, c->size);
    free(c);
}

void tcp_chunks_free(struct tcp_socket *t)
{
    struct chunk *c = t->first, *next;
    for (; c; c = next) {
        next = c->next;
        chunk_free(c);
    }
    t->first = t->last = NULL;
    t->unacknowledged = 0;
}

// A connection that has so much under way waits for room in the window.
#define URGENT_MAX 32768

// The last chunk, with room for something; large for those who write much.
static struct chunk *chunk_get(struct tcp_socket *t, size_t len)
{
    struct chunk *c = t->last;
    if (c && c->filled < c->size)
        return c;
    size_t size = BUFFER_MIN;
    while (size < len && size < BUFFER_MAX)
        size *= 2;
    c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->size = size;
    c->data = buffer_alloc(size, t->unacknowledged < URGENT_MAX);
    if (!c->data) {
        free(c);
        return NULL;
    }
    *(t->first ? &t->last->next : &t->first) = c;
    t->last = c;
    return c;
}

err_t tcp_acknowledged(void *arg, struct tcp_pcb *pcb, u16_t len)
{
    struct tcp_socket *t = arg;
    size_t left = len < t->unacknowledged ? len : t->unacknowledged;
    t->unacknowledged -= left;
    while (left) {
        struct chunk *c = t->first;
        size_t n = c->filled - c->acknowledged;
        n = n < left ? n : left;
        c->acknowledged += n;
        left -= n;
        if (c->acknowledged < c->filled)
            break;
        t->first = c->next;
        if (c == t->last)
            t->last = NULL;
        chunk_free(c);
    }
    if (t->orphan) {
        if (!t->unacknowledged) {
            tcp_arg(pcb, NULL);
            tcp_sent(pcb, NULL);
            tcp_err(pcb, NULL);
            tcp_recv(pcb, NULL);
            tcp_orphan_free(t);
        }
        return ERR_OK;
    }
    if (!t->has_room && t->unacknowledged <= t->s.send_room / 4 * 3 &&
        tcp_sndqueuelen(pcb) <= TCP_SND_QUEUELEN / 4 * 3) {
        t->has_room = 1;
        socket_changed(&t->s);
    } else if (!t->unacknowledged && t->s.writers.first) {
        socket_changed(&t->s); // whoever lingers
    }
    return ERR_OK;
}

// RFC 6928: ten segments may be under way at first.
#define CWND_FIRST 10

void tcp_tune(struct tcp_socket *t)
{
    struct tcp_pcb *pcb = t->pcb;
    if (t->opened)
        return;
    t->opened = 1;
    // RFC 6298: a second until the first measurement; lwIP has three.
    if (!pcb->sa && !pcb->nrtx)
        pcb->rto = 1000 / TCP_SLOW_INTERVAL;
    if (pcb->cwnd < CWND_FIRST * pcb->mss && !pcb->nrtx)
        pcb->cwnd = CWND_FIRST * pcb->mss;
}

// Queues as much as fits of what is left; how much that was, or an error.
static ssize_t queue_some(struct tcp_socket *t, const struct parts *p,
                          size_t at, int flags)
{
    struct tcp_pcb *pcb = t->pcb;
    size_t left = p->len - at, room = tcp_sndbuf(pcb);
    if (t->unacknowledged >= t->s.send_room)
        room = 0;
    else if (room > t->s.send_room - t->unacknowledged)
        room = t->s.send_room - t->unacknowledged;
    if (!room || tcp_sndqueuelen(pcb) >= TCP_SND_QUEUELEN - 64)
        return 0;
    struct chunk *c = chunk_get(t, left);
    if (!c)
        return t->unacknowledged ? 0 : -ENOBUFS;
    size_t n = c->size - c->filled;
    n = n < left ? n : left;
    n = n < room ? n : room;
    n = n < 0xffff ? n : 0xffff;
    int more = n < left || flags & MSG_MORE;
    parts_get(p, at, c->data + c->filled, n);
    err_t err =
        tcp_write(pcb, c->data + c->filled, n, more ? TCP_WRITE_FLAG_MORE : 0);
    if (err == ERR_MEM)
        return 0;
    if (err != ERR_OK)
        return address_error(err);
    c->filled += n;
    t->unacknowledged += n;
    return n;
}

// Sends what may be sent now.
static void push(struct tcp_socket *t, int flags)
{
    struct tcp_pcb *pcb = t->pcb;
    int held = flags & MSG_MORE && pcb->flags & TF_NODELAY;
    if (held)
        tcp_nagle_enable(pcb); // a small rest waits for what follows
    tcp_output(pcb);
    if (held)
        tcp_nagle_disable(pcb);
}

// How long to wait when lwIP is out of memory and nothing under way that
// could bring some back.
#define MEMORY_WAIT_NS 10000000ul

static int may_send(struct tcp_socket *t)
{
    if (t->s.error)
        return socket_error_take(&t->s);
    if (t->s.write_shut || (t->connected && !t->pcb))
        return -EPIPE;
    return t->connected ? 0 : t->connecting ? 1 : -ENOTCONN;
}

ssize_t tcp_send(struct socket *s, const struct parts *p, const struct name *to,
                 int flags)
{
    struct tcp_socket *t = tcp_of(s);
    uint64_t deadline_ns = socket_deadline(s->send_timeout_ns);
    size_t done = 0;
    (void)to; // of a connected socket it means nothing
    if (s->listening)
        return -ENOTCONN;
    for (;;) {
        int state = may_send(t);
        if (state < 0)
            return done ? (ssize_t)done : state;
        ssize_t n = 0;
        if (state == 0) {
            tcp_tune(t);
            while (done < p->len && (n = queue_some(t, p, done, flags)) > 0)
                done += n;
            push(t, flags);
            if (done == p->len)
                return done;
        }
        if (!t->pcb)
            continue; // pushing failed it
        t->has_room = 0;
        uint64_t until_ns = deadline_ns;
        if (state == 0 && !t->unacknowledged &&
            (n == -ENOBUFS || !tcp_sndqueuelen(t->pcb)))
            until_ns = socket_deadline(MEMORY_WAIT_NS);
        int r = socket_wait(&s->writers, until_ns, flags);
        if (r == -EAGAIN && until_ns != deadline_ns && !(flags & MSG_DONTWAIT))
            continue;
        if (r < 0)
            return done ? (ssize_t)done : r;
    }
}
