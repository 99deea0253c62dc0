// SPDX-License-Identifier: ISC
/*
 * TCP sockets: sending. What the program writes is copied once, into chunks of
 * memory that a device can send from; lwIP refers to it there until it is
 * acknowledged. A chunk is filled from its start and freed when the last of it
 * is acknowledged.
 */
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/net/address.h"
#include "unikernel-runtime/net/buffer.h"
#include "unikernel-runtime/net/extent.h"
#include "unikernel-runtime/net/net.h"
#include "unikernel-runtime/net/tcp.h"

#include <errno.h>
#include <lwip/priv/tcp_priv.h>
#include <stdlib.h>

struct chunk {
    struct chunk *next;
    size_t size, filled, acknowledged;
    char *data;
    struct extent *extent; // that the data lie in; NULL: the chunk has its own
};

// A connection that has so much under way waits for room in the window.
#define URGENT_MAX 32768

// Connections that have anything under way. They share half of the window, or
// the first ones would have all of it and the others wait.
static unsigned senders;

static void under_way_add(struct tcp_socket *t, size_t len)
{
    senders += !t->unacknowledged;
    t->unacknowledged += len;
}

static void under_way_drop(struct tcp_socket *t, size_t len)
{
    senders -= len && len == t->unacknowledged;
    t->unacknowledged -= len;
}

// How much the connection may have under way.
static size_t send_limit(const struct tcp_socket *t)
{
    size_t share = start_info->window_len / 2 / (senders + !senders);
    if (share < URGENT_MAX)
        share = URGENT_MAX;
    return share < t->s.send_room ? share : t->s.send_room;
}

static void chunk_free(struct chunk *c)
{
    if (c->extent)
        extent_put(c->extent);
    else
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
    under_way_drop(t, t->unacknowledged);
}

static struct chunk *chunk_add(struct tcp_socket *t, struct chunk *c)
{
    *(t->first ? &t->last->next : &t->first) = c;
    t->last = c;
    return c;
}

static err_t write_chunk(struct tcp_socket *t, struct chunk *c,
                         const char *data, size_t len, int more)
{
    err_t err = tcp_write(t->pcb, data, len, more ? TCP_WRITE_FLAG_MORE : 0);
    if (err != ERR_OK)
        return err;
    c->filled += len;
    under_way_add(t, len);
    t->queued += len;
    return ERR_OK;
}

// Queues bytes where they lie.
static err_t write_extent(struct tcp_socket *t, struct extent *e, char *data,
                          size_t len, int more)
{
    struct chunk *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_MEM;
    c->size = len;
    c->data = data;
    c->extent = e;
    err_t err = write_chunk(t, c, data, len, more);
    if (err != ERR_OK) {
        free(c);
        return err;
    }
    extent_hold(e);
    chunk_add(t, c);
    return ERR_OK;
}

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
    c->data = buffer_alloc(size, 0);
    if (!c->data && extents_shrink())
        c->data = buffer_alloc(size, 0);
    if (!c->data && t->unacknowledged < URGENT_MAX)
        c->data = buffer_alloc(size, 1);
    if (!c->data) {
        free(c);
        return NULL;
    }
    return chunk_add(t, c);
}

/*
 * Nagle's rule lets a small segment wait while anything is not acknowledged.
 * lwIP has it like that, and then the rest of an answer whose beginning was
 * written before waits for a peer that acknowledges every second segment at
 * once and a last one after 40 ms. Minshall's reading of the rule, which is
 * Linux's too, is that it waits only for another small segment. So the rule is
 * on in lwIP while there is one.
 *
 * Called before something is queued and after lwIP may have sent: what has
 * been queued since the last time all was sent left in full segments but for
 * the last.
 */
void tcp_nagle(struct tcp_socket *t)
{
    struct tcp_pcb *pcb = t->pcb;
    if (t->queued && !pcb->unsent) {
        if (t->queued % pcb->mss) {
            t->small = 1;
            t->small_end = pcb->snd_nxt;
        }
        t->queued = 0;
    }
    if (t->small && TCP_SEQ_GEQ(pcb->lastack, t->small_end))
        t->small = 0;
    if (t->small && !t->no_delay)
        tcp_nagle_enable(pcb);
    else
        tcp_nagle_disable(pcb);
}

err_t tcp_acknowledged(void *arg, struct tcp_pcb *pcb, u16_t len)
{
    struct tcp_socket *t = arg;
    size_t left = len < t->unacknowledged ? len : t->unacknowledged;
    tcp_nagle(t);
    under_way_drop(t, left);
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
    if (!t->has_room && t->unacknowledged <= send_limit(t) / 4 * 3 &&
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
    size_t left = p->len - at, room = tcp_sndbuf(pcb), most = send_limit(t);
    if (t->unacknowledged >= most)
        room = 0;
    else if (room > most - t->unacknowledged)
        room = most - t->unacknowledged;
    if (!room || tcp_sndqueuelen(pcb) >= TCP_SND_QUEUELEN - 64)
        return 0;
    size_t n = left < room ? left : room;
    n = n < 0xffff ? n : 0xffff;
    err_t err;
    if (p->extent) {
        err = write_extent(t, p->extent, (char *)p->part->iov_base + at, n,
                           n < left || flags & MSG_MORE);
    } else {
        struct chunk *c = chunk_get(t, left);
        if (!c)
            return t->unacknowledged ? 0 : -ENOBUFS;
        char *to = c->data + c->filled;
        n = n < c->size - c->filled ? n : c->size - c->filled;
        parts_get(p, at, to, n);
        err = write_chunk(t, c, to, n, n < left || flags & MSG_MORE);
    }
    if (err == ERR_MEM)
        return 0;
    return err == ERR_OK ? (ssize_t)n : address_error(err);
}

/*
 * A program that writes a file in pieces leaves a small segment at the end of
 * each, which nothing can be put behind. While the device has frames of the
 * connection to send yet there is no hurry: the next piece joins it, or it goes
 * when the device is done or an acknowledgement comes, whichever is first.
 */
static struct tcp_socket *corked;

static int may_wait(struct tcp_socket *t)
{
    const struct tcp_pcb *pcb = t->pcb;
    return pcb->unacked && t->queued > pcb->mss && t->queued % pcb->mss &&
           net_devices && net_devices->busy();
}

// Less than this is not worth lwIP's walk along all that is not acknowledged.
#define WORTHWHILE 65536

static void cork(struct tcp_socket *t)
{
    if (t->corked || !t->pcb || !t->pcb->unsent)
        return;
    t->corked = 1;
    t->corked_next = corked;
    corked = t;
}

void tcp_uncorked(struct tcp_socket *t)
{
    if (!t->corked)
        return;
    struct tcp_socket **link = &corked;
    while (*link != t)
        link = &(*link)->corked_next;
    *link = t->corked_next;
    t->corked = 0;
}

void tcp_uncork(void)
{
    struct tcp_socket *t;
    while ((t = corked)) {
        corked = t->corked_next;
        t->corked = 0;
        if (!t->pcb)
            continue;
        tcp_nagle(t);
        tcp_output(t->pcb);
    }
}

// Sends what may be sent now.
static void push(struct tcp_socket *t, int flags)
{
    struct tcp_pcb *pcb = t->pcb;
    int waits = !(flags & MSG_MORE) && may_wait(t);
    if (waits && pcb->snd_lbb - pcb->snd_nxt < WORTHWHILE) {
        cork(t);
        return;
    }
    if (flags & MSG_MORE || waits)
        tcp_nagle_enable(pcb); // a small rest waits for what follows
    tcp_output(pcb);
    if (waits)
        cork(t);
    if (t->pcb)
        tcp_nagle(t);
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
            tcp_nagle(t);
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
