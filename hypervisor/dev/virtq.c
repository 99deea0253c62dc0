// SPDX-License-Identifier: ISC
// The host's half of a virtqueue; see virtq.h.

#include "hypervisor/dev/virtq.h"

#include <errno.h>
#include <string.h>

static int broken(struct virtq *q, const char *why)
{
    q->broken = why;
    return -EPROTO;
}

// ---------------------------------------------------------------- geometry

static void *part(const struct virtq *q, uint32_t offset, uint64_t len,
                  uint32_t align)
{
    if (offset % align || offset > q->window_len ||
        len > q->window_len - offset)
        return NULL;
    return q->window + offset;
}

int virtq_open(struct virtq *q, uint8_t *window, uint64_t window_len,
               const struct hv_queue *copy, bool indirect)
{
    const uint64_t n = copy->size;

    *q = (struct virtq){
        .window = window, .window_len = window_len, .indirect = indirect};
    if (n == 0 || n > HV_QUEUE_SIZE_MAX || (n & (n - 1)))
        return broken(q, "the size of a queue is no power of 2 it may have");
    // With the event index behind each ring.
    q->desc = part(q, copy->desc, n * sizeof(struct vring_desc), 16);
    q->avail = part(q, copy->avail, (3 + n) * sizeof(uint16_t), 2);
    q->used = part(q, copy->used,
                   2 * sizeof(uint16_t) + n * sizeof(struct vring_used_elem) +
                       sizeof(uint16_t),
                   4);
    if (!q->desc || !q->avail || !q->used)
        return broken(q, "a queue lies outside the window or is not aligned");
    q->size = n;
    return 0;
}

static uint16_t load16(const uint16_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

// Where the guest says which used index it waits for, and we which available.
static uint16_t *used_event(const struct virtq *q)
{
    return &q->avail->ring[q->size];
}

static uint16_t *avail_event(const struct virtq *q)
{
    return (uint16_t *)&q->used->ring[q->size];
}

// ------------------------------------------------------------------- chains

// The one look at a descriptor.
static struct vring_desc desc_copy(const struct vring_desc *shared)
{
    return (struct vring_desc){
        .addr = __atomic_load_n(&shared->addr, __ATOMIC_RELAXED),
        .len = __atomic_load_n(&shared->len, __ATOMIC_RELAXED),
        .flags = __atomic_load_n(&shared->flags, __ATOMIC_RELAXED),
        .next = __atomic_load_n(&shared->next, __ATOMIC_RELAXED)};
}

static void *buffer(const struct virtq *q, uint64_t addr, uint64_t len)
{
    const uint64_t offset = addr - HV_WINDOW_VA;

    if (addr < HV_WINDOW_VA || offset >= q->window_len ||
        len > q->window_len - offset)
        return NULL;
    return q->window + offset;
}

static int add(struct virtq *q, struct virtq_chain *c,
               const struct vring_desc *d)
{
    void *at = buffer(q, d->addr, d->len);

    if (!at || d->len == 0)
        return broken(q, "a buffer lies outside the window or is empty");
    if (c->nout + c->nin == HV_CHAIN_MAX)
        return broken(q, "a chain of descriptors is too long");
    if (!(d->flags & VRING_DESC_F_WRITE) && c->nin)
        return broken(q, "a readable descriptor comes behind a writable one");
    c->iov[c->nout + c->nin] = (struct iovec){at, d->len};
    if (d->flags & VRING_DESC_F_WRITE)
        c->nin++;
    else
        c->nout++;
    return 0;
}

// Walks a table of n descriptors; that of an indirect one if `inner`.
static int walk(struct virtq *q, struct virtq_chain *c,
                const struct vring_desc *table, uint32_t n, uint16_t at,
                bool inner)
{
    for (;;) {
        struct vring_desc d;

        if (at >= n)
            return broken(q, "a descriptor's number is outside its table");
        d = desc_copy(&table[at]);
        if (d.flags & VRING_DESC_F_INDIRECT) {
            const void *to = buffer(q, d.addr, d.len);

            if (!q->indirect || inner || d.flags & VRING_DESC_F_NEXT ||
                c->nout + c->nin || !to || d.addr % sizeof(d) || d.len == 0 ||
                d.len % sizeof(d) || d.len / sizeof(d) > HV_CHAIN_MAX)
                return broken(q, "an indirect descriptor is malformed");
            return walk(q, c, to, d.len / sizeof(d), 0, true);
        }
        if (add(q, c, &d) < 0)
            return -EPROTO;
        if (!(d.flags & VRING_DESC_F_NEXT))
            return 0;
        at = d.next;
    }
}

// The one look at how many there are: 1 if there are more than were taken.
static int look(struct virtq *q)
{
    uint16_t available;

    if (q->size == 0)
        return 0;
    available = load16(&q->avail->idx);
    if (available == q->taken)
        return 0;
    if ((uint16_t)(available - q->taken) > q->size ||
        (uint16_t)(available - q->returned) > q->size)
        return broken(q, "the available index has jumped");
    q->seen = available;
    return 1;
}

int virtq_take(struct virtq *q, struct virtq_chain *c)
{
    uint16_t head;
    int r;

    if (q->seen == q->taken && (r = look(q)) <= 0)
        return r;
    head = load16(&q->avail->ring[q->taken & (q->size - 1)]);
    c->head = head;
    c->nout = c->nin = 0;
    if (walk(q, c, q->desc, q->size, head, false) < 0)
        return -EPROTO;
    c->out = c->iov;
    c->in = c->iov + c->nout;
    q->taken++;
    return 1;
}

void virtq_return(struct virtq *q, uint16_t head, uint32_t written)
{
    struct vring_used_elem *e = &q->used->ring[q->returned & (q->size - 1)];

    e->id = head;
    e->len = written;
    q->returned++;
}

void virtq_publish(struct virtq *q)
{
    __atomic_store_n(&q->used->idx, q->returned, __ATOMIC_RELEASE);
}

void virtq_put(struct virtq *q, uint16_t head, uint32_t written)
{
    virtq_return(q, head, written);
    virtq_publish(q);
}

bool virtq_wants_event(struct virtq *q)
{
    uint16_t old = q->told;

    if (q->size == 0 || q->returned == old)
        return false;
    virtq_publish(q);
    q->told = q->returned;
    // The used index must be there before we look what the guest waits for.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return vring_need_event(load16(used_event(q)), q->returned, old);
}

bool virtq_arm(struct virtq *q)
{
    if (q->size == 0)
        return false;
    __atomic_store_n(avail_event(q), q->taken, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return load16(&q->avail->idx) != q->taken;
}

// ------------------------------------------------------------------ vectors

size_t virtq_len(const struct iovec *v, unsigned n)
{
    size_t len = 0;

    for (unsigned i = 0; i < n; i++)
        len += v[i].iov_len;
    return len;
}

bool virtq_pull(struct virtq_chain *c, void *to, size_t len)
{
    uint8_t *at = to;

    while (len) {
        size_t n;

        if (c->nout == 0)
            return false;
        n = c->out->iov_len < len ? c->out->iov_len : len;
        memcpy(at, c->out->iov_base, n);
        at += n;
        len -= n;
        c->out->iov_base = (uint8_t *)c->out->iov_base + n;
        c->out->iov_len -= n;
        if (c->out->iov_len == 0) {
            c->out++;
            c->nout--;
        }
    }
    return true;
}

uint8_t *virtq_last_byte(struct virtq_chain *c)
{
    struct iovec *last;

    if (c->nin == 0)
        return NULL;
    last = &c->in[c->nin - 1];
    last->iov_len--;
    if (last->iov_len == 0)
        c->nin--;
    return (uint8_t *)last->iov_base + last->iov_len;
}
