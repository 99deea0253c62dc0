// SPDX-License-Identifier: ISC
// The guest's half of a virtqueue. Compiled without vector registers, since
// event handlers use it.
#include "unikernel-runtime/front/virtq.h"
#include "unikernel-runtime/front/window.h"
#include "unikernel-runtime/kernel/hypercall.h"

#include <errno.h>
#include <stdlib.h>

struct virtq_entry {
    void *cookie;   // of the request that begins here; NULL: none does
    uint16_t count; // its descriptors
    uint16_t next;  // in the request, or in the list of free ones
};

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static size_t avail_at(unsigned size)
{
    return size * sizeof(struct virtq_desc);
}

static size_t used_at(unsigned size)
{
    return round_up(avail_at(size) + (3 + size) * sizeof(uint16_t), 4);
}

static size_t queue_len(unsigned size)
{
    return used_at(size) + 6 + size * sizeof(struct virtq_used_elem);
}

static uint16_t *used_event(const struct virtq *q)
{
    return &q->avail->ring[q->size];
}

static const uint16_t *avail_event(const struct virtq *q)
{
    return (const uint16_t *)&q->used->ring[q->size];
}

int virtq_make(struct virtq *q, unsigned size)
{
    char *rings = window_alloc(queue_len(size));
    struct virtq_entry *entry = calloc(size, sizeof *entry);
    if (!rings || !entry) {
        window_free(rings, queue_len(size));
        free(entry);
        return -ENOMEM;
    }
    *q = (struct virtq){.size = size,
                        .entry = entry,
                        .desc = (void *)rings,
                        .avail = (void *)(rings + avail_at(size)),
                        .used = (void *)(rings + used_at(size))};
    virtq_clear(q);
    return 0;
}

void virtq_clear(struct virtq *q)
{
    volatile char *rings = (volatile char *)q->desc;
    for (size_t i = avail_at(q->size); i < queue_len(q->size); i++)
        rings[i] = 0;
    q->available = q->announced = q->seen = q->broken = 0;
    q->free_head = 0;
    q->nfree = q->size;
    for (unsigned i = 0; i < q->size; i++) {
        q->entry[i].cookie = NULL;
        q->entry[i].next = i + 1;
    }
}

int virtq_add(struct virtq *q, const struct virtq_piece *pieces, unsigned out,
              unsigned in, void *cookie)
{
    unsigned n = out + in;
    if (n > q->nfree)
        return -EAGAIN;
    uint16_t head = q->free_head, at = head;
    for (unsigned i = 0; i < n; i++) {
        uint16_t next = q->entry[at].next;
        q->desc[at].addr = (uintptr_t)pieces[i].data;
        q->desc[at].len = pieces[i].len;
        q->desc[at].flags = (i < out ? 0 : VIRTQ_DESC_WRITE) |
                            (i + 1 < n ? VIRTQ_DESC_NEXT : 0);
        q->desc[at].next = next;
        at = next;
    }
    q->free_head = at;
    q->nfree -= n;
    q->entry[head].cookie = cookie;
    q->entry[head].count = n;
    q->avail->ring[q->available & (q->size - 1)] = head;
    q->available++;
    __atomic_store_n(&q->avail->idx, q->available, __ATOMIC_RELEASE);
    return 0;
}

int virtq_wants_notify(struct virtq *q)
{
    uint16_t old = q->announced, new = q->available;
    // The new index must be there before we look what the host waits for.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint16_t event = __atomic_load_n(avail_event(q), __ATOMIC_ACQUIRE);
    q->announced = new;
    return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

int virtq_ready(const struct virtq *q)
{
    return __atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE) != q->seen;
}

void *virtq_take(struct virtq *q, uint32_t *len)
{
    if (q->broken || !virtq_ready(q))
        return NULL;
    const struct virtq_used_elem *e = &q->used->ring[q->seen & (q->size - 1)];
    uint32_t head = __atomic_load_n(&e->id, __ATOMIC_RELAXED);
    *len = __atomic_load_n(&e->len, __ATOMIC_RELAXED);
    if (head >= q->size || !q->entry[head].cookie) {
        q->broken = 1;
        return NULL;
    }
    q->seen++;
    void *cookie = q->entry[head].cookie;
    q->entry[head].cookie = NULL;
    unsigned last = head;
    for (unsigned i = 1; i < q->entry[head].count; i++)
        last = q->entry[last].next;
    q->entry[last].next = q->free_head;
    q->free_head = head;
    q->nfree += q->entry[head].count;
    return cookie;
}

int virtq_arm(struct virtq *q)
{
    __atomic_store_n(used_event(q), q->seen, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return virtq_ready(q);
}
