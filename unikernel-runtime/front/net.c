// SPDX-License-Identifier: ISC
// The front end of network devices.
#include "unikernel-runtime/front/net.h"
#include "unikernel-runtime/front/window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEADER sizeof(struct virtio_net_header)

// Descriptors: a slot's frame takes one and one for each piece.
#define QUEUE_OUT (4 * NET_SLOTS)
_Static_assert(QUEUE_OUT <= HV_QUEUE_SIZE_MAX, "fits");

unsigned net_count(void)
{
    unsigned n = 0;
    while (front_find(HV_DEV_NET, n))
        n++;
    return n;
}

// -------------------------------------------------------------------- in

void net_buffer_give(struct net_buffer *b)
{
    struct net_front *f = b->of;
    struct virtq_piece p = {b->data, NET_BUFFER_LEN};
    f->lent--;
    // The queue is as long as there are buffers.
    virtq_add(&f->in, &p, 0, 1, b);
    f->unkicked = 1;
}

static struct net_buffer *take(struct net_front *f)
{
    uint32_t len;
    struct net_buffer *b = virtq_take(&f->in, &len);
    if (!b)
        return NULL;
    f->lent++;
    b->next = NULL;
    b->len = len < NET_BUFFER_LEN ? len : NET_BUFFER_LEN;
    return b;
}

struct net_buffer *net_receive(struct net_front *f,
                               struct virtio_net_header *header)
{
    struct net_buffer *first = take(f), **link;
    if (!first)
        return NULL;
    memcpy(header, first->data, HEADER);
    link = &first->next;
    for (unsigned n = 1; n < header->num_buffers; n++) {
        *link = take(f);
        if (!*link)
            break; // it is broken; what is there is a cut frame
        link = &(*link)->next;
    }
    return first;
}

int net_arm(struct net_front *f)
{
    return virtq_arm(&f->in) && !f->in.broken;
}

// ------------------------------------------------------------------- out

struct net_slot *net_slot_get(struct net_front *f)
{
    // There are descriptors too, for it and for one that is being filled.
    if (!f->free_slots || f->out.nfree < 2 * (NET_PIECES_MAX + 1))
        return NULL;
    struct net_slot *s = f->free_slot[--f->free_slots];
    memset(s->header, 0, HEADER);
    s->len = s->n = 0;
    return s;
}

int net_has_room(const struct net_front *f)
{
    return f->free_slots >= NET_SLOTS / 2 && f->out.nfree >= QUEUE_OUT / 2;
}

void net_slot_put(struct net_front *f, struct net_slot *s)
{
    f->free_slot[f->free_slots++] = s;
}

int net_send(struct net_front *f, struct net_slot *s)
{
    struct virtq_piece p[NET_PIECES_MAX + 1];
    p[0] = (struct virtq_piece){s->header, HEADER + s->len};
    for (unsigned i = 0; i < s->n; i++)
        p[i + 1] = s->piece[i];
    if (virtq_add(&f->out, p, s->n + 1, 0, s) < 0)
        return -EAGAIN;
    f->unkicked = 1;
    return 0;
}

void net_reap(struct net_front *f, int arm)
{
    do {
        struct net_slot *s;
        uint32_t len;
        while ((s = virtq_take(&f->out, &len))) {
            f->sent(s);
            net_slot_put(f, s);
        }
    } while (arm && !f->out.broken && virtq_arm(&f->out));
}

int net_busy(struct net_front *f)
{
    net_reap(f, 0);
    if (f->free_slots + 1 >= NET_SLOTS) // but for the one that is being filled
        return 0;
    return !virtq_arm(&f->out) && !f->out.broken;
}

void net_flush(struct net_front *f)
{
    if (!f->unkicked)
        return;
    f->unkicked = 0;
    // One notification is for both queues.
    int in = virtq_wants_notify(&f->in), out = virtq_wants_notify(&f->out);
    if (in || out)
        front_notify(&f->front);
}

// ----------------------------------------------------------------- opening

static int make(struct net_front *f)
{
    uint8_t *data = window_alloc(NET_BUFFERS * NET_BUFFER_LEN);
    uint8_t *heads = window_alloc(NET_SLOTS * NET_SLOT_LEN);
    f->buffers = calloc(NET_BUFFERS, sizeof *f->buffers);
    f->slots = calloc(NET_SLOTS, sizeof *f->slots);
    if (!data || !heads || !f->buffers || !f->slots ||
        virtq_make(&f->in, NET_BUFFERS) < 0 ||
        virtq_make(&f->out, QUEUE_OUT) < 0)
        return -ENOMEM;
    f->lent = NET_BUFFERS;
    for (unsigned i = 0; i < NET_BUFFERS; i++) {
        f->buffers[i] =
            (struct net_buffer){.of = f, .data = data + i * NET_BUFFER_LEN};
        net_buffer_give(&f->buffers[i]);
    }
    for (unsigned i = 0; i < NET_SLOTS; i++) {
        uint8_t *head = heads + i * NET_SLOT_LEN;
        f->slots[i] =
            (struct net_slot){.header = (void *)head, .data = head + HEADER};
        net_slot_put(f, &f->slots[i]);
    }
    return 0;
}

int net_open(struct net_front *f, unsigned n, void (*kicked)(struct front *f),
             void (*sent)(struct net_slot *s))
{
    const uint64_t needed =
        1ull << VIRTIO_NET_F_CSUM | 1ull << VIRTIO_NET_F_GUEST_CSUM |
        1ull << VIRTIO_NET_F_MAC | 1ull << VIRTIO_NET_F_MTU |
        1ull << VIRTIO_NET_F_GUEST_TSO4 | 1ull << VIRTIO_NET_F_GUEST_TSO6 |
        1ull << VIRTIO_NET_F_HOST_TSO4 | 1ull << VIRTIO_NET_F_HOST_TSO6 |
        1ull << VIRTIO_NET_F_MRG_RXBUF;
    struct virtq *queues[] = {&f->in, &f->out};
    struct virtio_net_config c;
    f->sent = sent;
    front_open(&f->front, front_find(HV_DEV_NET, n), kicked);
    if (make(f) < 0)
        return -ENOMEM;
    int r = front_start(&f->front, needed, queues, 2);
    if (r < 0)
        return r;
    if ((f->front.features & needed) != needed)
        return -EIO;
    front_config(&f->front, &c, 0, sizeof c);
    front_config(&f->front, &f->config, HV_NET_CONFIG, sizeof f->config);
    memcpy(f->mac, c.mac, sizeof f->mac);
    f->mtu = c.mtu;
    return 0;
}
