// SPDX-License-Identifier: ISC
/*
 * TCP sockets: receiving. What comes in waits where the device has put it;
 * the program's copy of it is the only one.
 */
#include "unikernel-runtime/net/tcp.h"
#include "unikernel-runtime/net/address.h"

#include <errno.h>
#include <lwip/priv/tcp_priv.h>

// Opens the window again by what was taken out of it.
static void taken(struct tcp_socket *t, size_t len)
{
    t->received_len -= len;
    while (t->pcb && len) {
        u16_t n = len < 0xffff ? len : 0xffff;
        tcp_recved(t->pcb, n);
        len -= n;
    }
}

// Takes the first pbuf off the queue.
static void first_free(struct tcp_socket *t)
{
    struct pbuf *p = t->received;
    t->received = p->next;
    p->next = NULL;
    p->tot_len = p->len;
    pbuf_free(p);
}

void tcp_received_drop(struct tcp_socket *t)
{
    while (t->received)
        first_free(t);
    taken(t, t->received_len);
}

err_t tcp_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
    struct tcp_socket *t = arg;
    (void)err;
    if (!p) {
        t->ended = 1;
        if (!t->orphan)
            socket_changed(&t->s);
        return ERR_OK;
    }
    if (t->orphan || t->s.read_shut) {
        tcp_recved(pcb, p->tot_len);
        pbuf_free(p);
        return ERR_OK;
    }
    *(t->received ? &t->last_received->next : &t->received) = p;
    for (;; p = p->next) {
        t->received_len += p->len;
        if (!p->next)
            break;
    }
    t->last_received = p;
    socket_changed(&t->s);
    return ERR_OK;
}

// Copies what is there behind the first `skip` bytes, without taking it.
static size_t peek(struct tcp_socket *t, const struct parts *p)
{
    size_t done = 0;
    for (struct pbuf *q = t->received; q && done < p->len; q = q->next) {
        size_t n = q->len < p->len - done ? q->len : p->len - done;
        parts_put(p, done, q->payload, n);
        done += n;
    }
    return done;
}

static size_t take(struct tcp_socket *t, const struct parts *p, size_t done,
                   int discard)
{
    size_t before = done;
    while (t->received && done < p->len) {
        struct pbuf *q = t->received;
        size_t n = q->len < p->len - done ? q->len : p->len - done;
        if (!discard)
            parts_put(p, done, q->payload, n);
        done += n;
        if (n == q->len) {
            first_free(t);
        } else {
            q->payload = (char *)q->payload + n;
            q->len -= n;
        }
    }
    taken(t, done - before);
    return done;
}

ssize_t tcp_receive_parts(struct socket *s, const struct parts *p,
                          struct name *from, int *flags)
{
    struct tcp_socket *t = tcp_of(s);
    int f = *flags;
    *flags = 0;
    if (from)
        from->len = 0;
    if (s->listening || (!t->connected && !t->connecting && !s->error))
        return -ENOTCONN;
    if (f & MSG_OOB)
        return -EINVAL;
    uint64_t deadline_ns = socket_deadline(s->receive_timeout_ns);
    size_t done = 0;
    for (;;) {
        if (t->received && f & MSG_PEEK)
            return peek(t, p);
        done = take(t, p, done, f & MSG_TRUNC);
        if (done == p->len || (done && !(f & MSG_WAITALL)))
            return done;
        if (t->ended || s->read_shut || s->error)
            return done ? (ssize_t)done : socket_error_take(s);
        int r = socket_wait(&s->readers, deadline_ns, f);
        if (r < 0)
            return done ? (ssize_t)done : r;
    }
}
