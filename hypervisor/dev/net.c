// SPDX-License-Identifier: ISC
// The network back end; see net.h.

#include "hypervisor/dev/net.h"

#include <assert.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "hypervisor/dev/net_batch.h"
#include "hypervisor/dev/net_filter.h"
#include "hypervisor/monitor/event.h"
#include "lib/clock.h"

enum { QUEUE_IN, QUEUE_OUT };

#define HEADER       sizeof(struct virtio_net_hdr_v1)
#define READY_MAX    256 // buffers for frames into the domain, taken ahead
#define READY_ENOUGH NET_BATCH_LEN
#define READY_WANTED (NET_BATCH_IN * (READY_ENOUGH + HV_PAGE))
#define PIECES_MAX   64
#define LARGE        16  // after a large frame so many others are expected
#define TURN         256 // frames in one go each way: others want a turn too
// After so many the guest may see what came back, and is told if it waits: it
// works on the first of them while the rest is dealt with.
#define TELL 64
// After so many turns with a single frame one is expected; each so many turns
// that is put to the test.
#define SINGLES      4
#define SINGLES_LOOK 8
// A buffer of the guest that waits for a frame: one chain of one descriptor.
struct buffer {
    uint16_t head;
    struct iovec at;
};

static struct net {
    struct device *device;
    struct hvc_net is;
    bool in_waits;    // the TAP is watched for frames
    unsigned singles; // turns in a row in which one frame came
    unsigned large;   // so many frames yet may be longer than NET_WHOLE_MAX
    uint64_t dice;    // for the impairments
    // A ring of buffers taken and not used yet.
    unsigned first, count;
    size_t bytes;
    size_t longest; // of all so far
    struct buffer ready[READY_MAX];
    // A frame held back, to come after the next one.
    size_t held_len;
    uint8_t held[HEADER + NET_FRAME_MAX];
} nets[HV_DEVICE_MAX] DEVICE_MEMORY;

// The time, if anybody wants to know.
static uint64_t now_ns(const struct device *d, unsigned which)
{
    return d->rate[which].bytes.rate || d->rate[which].ops.rate
               ? clock_mono_ns()
               : 0;
}

static bool happens(struct net *n, unsigned in_10000)
{
    if (!in_10000)
        return false;
    n->dice = n->dice * 6364136223846793005u + 1442695040888963407u;
    return (n->dice >> 33) % 10000 < in_10000;
}

// The page is shared by all interfaces, and so is the budget.
static bool affords(const struct net *n, uint64_t budget, uint64_t used,
                    size_t len)
{
    return !(n->is.flags & HVC_NET_BUDGET) ||
           (used <= budget && len <= budget - used);
}

static void in_wait(struct net *n, bool wait)
{
    if (n->in_waits == wait)
        return;
    n->in_waits = wait;
    if (wait)
        device_watch(n->device, 0, EPOLLIN);
    else
        device_unwatch(n->device, 0);
}

// ---------------------------------------------------------- into the domain

static int broke(struct net *n, unsigned queue)
{
    return device_broke(n->device, n->device->queue[queue].broken);
}

// Takes what buffers there are: 1; 0: not enough for a frame of any size.
static int buffers_take(struct net *n)
{
    struct virtq *q = &n->device->queue[QUEUE_IN];
    struct virtq_chain c;

    while (n->bytes < READY_WANTED && n->count < READY_MAX) {
        int r = virtq_take(q, &c);

        if (r < 0)
            return broke(n, QUEUE_IN);
        if (r == 0) {
            if (n->bytes < READY_ENOUGH && virtq_arm(q))
                continue;
            break;
        }
        if (c.nout || c.nin != 1 || c.in->iov_len < HEADER)
            return device_broke(n->device,
                                "a receive buffer is not one writable piece");
        n->ready[(n->first + n->count++) % READY_MAX] =
            (struct buffer){c.head, *c.in};
        n->bytes += c.in->iov_len;
        if (c.in->iov_len > n->longest)
            n->longest = c.in->iov_len;
    }
    return n->bytes >= READY_ENOUGH;
}

static struct buffer *buffer_first(struct net *n)
{
    return &n->ready[n->first];
}

static void buffer_use(struct net *n, uint32_t written)
{
    struct buffer *b = buffer_first(n);

    virtq_return(&n->device->queue[QUEUE_IN], b->head, written);
    n->bytes -= b->at.iov_len;
    n->first = (n->first + 1) % READY_MAX;
    n->count--;
}

// The buffers for one frame of any size.
static unsigned buffers_list(const struct net *n, struct iovec *v)
{
    unsigned pieces = 0;
    size_t room = 0;

    while (pieces < n->count && pieces < PIECES_MAX && room < READY_ENOUGH) {
        v[pieces] = n->ready[(n->first + pieces) % READY_MAX].at;
        room += v[pieces++].iov_len;
    }
    return pieces;
}

// From the monitor's memory to where it belongs.
static void frame_place(const struct net *n, const uint8_t *from, size_t len)
{
    assert(len <= n->bytes);
    for (unsigned i = 0; len; i++) {
        const struct iovec *to = &n->ready[(n->first + i) % READY_MAX].at;
        size_t part = len < to->iov_len ? len : to->iov_len;

        memcpy(to->iov_base, from, part);
        from += part;
        len -= part;
    }
}

// A frame of `len` bytes lies in the first buffers: the guest's.
static void frame_deliver(struct net *n, size_t len)
{
    uint8_t *header = buffer_first(n)->at.iov_base;
    struct hvc_page *page = n->device->all->page;
    uint16_t used = 0;

    page->net_rx_packets++;
    page->net_rx_bytes += len - HEADER;
    for (size_t left = len; left; used++) {
        size_t room = n->ready[(n->first + used) % READY_MAX].at.iov_len;

        left -= left < room ? left : room;
    }
    memcpy(header + offsetof(struct virtio_net_hdr_v1, num_buffers), &used,
           sizeof(used));
    while (len) {
        size_t room = buffer_first(n)->at.iov_len;
        size_t part = len < room ? len : room;

        buffer_use(n, part);
        len -= part;
    }
}

// A frame has come, and lies at `from` (null: in the first buffers), if its
// domain may have it.
static void frame_in(struct net *n, const uint8_t *from, size_t len)
{
    const struct device *d = n->device;
    bool may =
        affords(n, n->is.in_bytes, d->all->page->net_rx_bytes, len - HEADER);

    if (event_frame_traced)
        event_frame_traced(d->index, false, len - HEADER,
                           may ? NULL : "more than its budget");
    if (!may)
        return;
    if (from)
        frame_place(n, from, len);
    frame_deliver(n, len);
}

// How many are to be read now. For each there is room, of whatever size and
// with part of a buffer left over; for one there always is. Those with a limit
// come singly, each when it may; so do large ones.
static unsigned frames_wanted(const struct net *n, unsigned most)
{
    size_t room = n->bytes / (READY_ENOUGH + n->longest);

    if (room == 0 || n->large || n->device->rate[1].bytes.rate ||
        n->device->rate[1].ops.rate)
        return 1;
    return room < most ? room : most;
}

// Reads so many frames and deals with them. How many came; or -errno. Small
// ones are read into memory of the monitor's: the kernel copies into one piece
// that the processor has at hand in less time than into a list of twenty in
// the guest's, and the second copy costs less than the difference.
static int frames_read(struct net *n, unsigned most, uint64_t now)
{
    struct device *d = n->device;
    const bool large = n->large > 0;
    uint32_t len[NET_BATCH_IN];
    struct iovec v[PIECES_MAX];
    int came;

    // A TAP cuts what does not fit; there is always room for the largest.
    if (large) {
        ssize_t r = readv(d->fd[0], v, buffers_list(n, v));

        len[0] = r;
        came = r >= 0 ? r > 0 : errno == EAGAIN || errno == EINTR ? 0 : -errno;
    } else {
        came = net_batch_read(&d->all->wire, d->fd[0], most, len);
    }
    for (int i = 0; i < came; i++) {
        if (len[i] <= HEADER)
            return i; // no frame at all
        n->large = len[i] > NET_WHOLE_MAX ? LARGE : n->large - (n->large > 0);
        device_spend(d, 1, len[i] - HEADER, now);
        if (!happens(n, n->is.loss))
            frame_in(n, large ? NULL : net_batch_in(i), len[i]);
    }
    return came;
}

// Frames from the TAP, while there are some and room for them: each time twice
// as many. Who sends one and waits for the answer sends no second one: while
// that is how it goes the TAP is read in vain only now and then, for the loop
// sees if there is more.
static int frames_in(struct net *n)
{
    struct device *d = n->device;
    const bool one = n->singles >= SINGLES && n->singles % SINGLES_LOOK;
    const unsigned most = one ? 1 : TURN;
    unsigned i = 0, batch = 1;

    for (;;) {
        uint64_t now = now_ns(d, 1);
        unsigned wanted;
        int r;

        if (i >= most) {
            in_wait(n, true); // and comes back at once if there are more
            break;
        }
        r = buffers_take(n);
        if (r < 0)
            return -1;
        if (r == 0 || !device_may(d, 1, now)) {
            in_wait(n, false); // kick or tick go on
            break;
        }
        wanted = frames_wanted(n, batch);
        r = frames_read(n, wanted, now);
        if (r < 0) {
            device_fail(d); // the TAP is gone
            break;
        }
        i += r;
        if ((unsigned)r < wanted) {
            in_wait(n, true);
            break;
        }
        if (i % TELL < wanted)
            device_tell(d);
        batch = batch * 2 < NET_BATCH_IN ? batch * 2 : NET_BATCH_IN;
    }
    if (i)
        n->singles = i == 1 ? n->singles + 1 : 0;
    device_tell(d);
    return 0;
}

// -------------------------------------------------------- out of the domain

// One that the kernel does not take is lost, as on any link.
static void tap_write(struct net *n, const struct iovec *v, unsigned pieces)
{
    ssize_t r = pieces == 1 ? write(n->device->fd[0], v->iov_base, v->iov_len)
                            : writev(n->device->fd[0], v, pieces);

    (void)r;
}

static void held_send(struct net *n)
{
    struct iovec v = {n->held, n->held_len};

    if (n->held_len)
        tap_write(n, &v, 1);
    n->held_len = 0;
}

// For tests: loses, doubles or delays a frame. True: it is dealt with.
static bool impair(struct net *n, const struct iovec *v, unsigned pieces)
{
    if (happens(n, n->is.loss))
        return true;
    if (happens(n, n->is.duplicate))
        tap_write(n, v, pieces);
    if (!n->held_len && happens(n, n->is.reorder)) {
        for (unsigned i = 0; i < pieces; i++) {
            memcpy(n->held + n->held_len, v[i].iov_base, v[i].iov_len);
            n->held_len += v[i].iov_len;
        }
        return true;
    }
    return false;
}

static void batch_send(struct net *n)
{
    net_batch_send(&n->device->all->wire, n->device->fd[0]);
}

// What was checked is sent from the copy, the rest from where it lies.
static void frame_send(struct net *n, const struct virtq_chain *c,
                       struct net_copy *copy, size_t head)
{
    struct iovec v[1 + HV_CHAIN_MAX];
    unsigned pieces = 1;

    if (c->nout == 0 && !(n->is.loss | n->is.duplicate | n->is.reorder)) {
        net_batch_add(&n->device->all->wire, n->device->fd[0], HEADER + head);
        return;
    }
    batch_send(n); // what came before
    v[0] = (struct iovec){copy, HEADER + head};
    for (unsigned i = 0; i < c->nout; i++)
        v[pieces++] = c->out[i];
    if (!impair(n, v, pieces)) {
        tap_write(n, v, pieces);
        held_send(n);
    }
}

// One frame of the guest.
static int frame_out(struct net *n, struct virtq_chain *c)
{
    struct device *d = n->device;
    struct hvc_page *page = d->all->page;
    struct net_copy *copy = net_batch_out();
    size_t len, head;
    const char *why;

    if (c->nin || !virtq_pull(c, &copy->header, HEADER))
        return device_broke(d, "a frame to send has no header, or writable "
                               "pieces");
    len = virtq_len(c->out, c->nout);
    head = len <= NET_WHOLE_MAX ? len : NET_HEAD;
    if (len > NET_FRAME_MAX || !virtq_pull(c, copy->head, head)) {
        page->net_tx_refused++;
        return 0;
    }
    copy->header.num_buffers = 0;
    copy->header.hdr_len = head < NET_HEAD ? head : NET_HEAD;
    why = affords(n, n->is.out_bytes, page->net_tx_bytes, len)
              ? net_filter(&n->is, copy->head, len)
              : "more than its budget";
    if (!why)
        why = net_header_check(&n->is, &copy->header, copy->head, len);
    if (event_frame_traced)
        event_frame_traced(d->index, true, len, why);
    if (why) {
        page->net_tx_refused++;
        return 0;
    }
    frame_send(n, c, copy, head);
    page->net_tx_packets++;
    page->net_tx_bytes += len;
    device_spend(d, 0, len, now_ns(d, 0));
    return 0;
}

// Frames of the guest, while there are some and they may go.
static int frames_out(struct net *n)
{
    struct device *d = n->device;
    struct virtq *q = &d->queue[QUEUE_OUT];
    struct virtq_chain c;

    for (unsigned i = 0; i < TURN;) {
        int r;

        if (!device_may(d, 0, now_ns(d, 0)))
            break;
        r = virtq_take(q, &c);
        if (r < 0)
            return broke(n, QUEUE_OUT);
        if (r == 0) {
            batch_send(n);
            if (virtq_arm(q))
                continue;
            held_send(n);
            break;
        }
        if (frame_out(n, &c) < 0)
            return -1;
        virtq_return(q, c.head, 0);
        if (++i == TURN)
            d->due_ns = 0; // more may be there: the loop comes back
        else if (i % TELL == 0)
            device_tell(d);
    }
    batch_send(n);
    device_tell(d);
    return 0;
}

// --------------------------------------------------------------- operations

static int net_kick(struct device *d)
{
    struct net *n = d->own;

    return frames_out(n) < 0 || (!n->in_waits && frames_in(n) < 0) ? -1 : 0;
}

static int net_ready(struct device *d, unsigned which, uint32_t events)
{
    (void)which, (void)events;
    return d->state == DEVICE_RUNNING ? frames_in(d->own) : 0;
}

static int net_tick(struct device *d)
{
    return d->state == DEVICE_RUNNING ? net_kick(d) : 0;
}

// How the TAP gives frames was settled when it was opened.
#define NEEDED                                                                 \
    (1ull << VIRTIO_NET_F_MRG_RXBUF | 1ull << VIRTIO_NET_F_GUEST_CSUM |        \
     1ull << VIRTIO_NET_F_GUEST_TSO4 | 1ull << VIRTIO_NET_F_GUEST_TSO6)

static int net_start(struct device *d)
{
    if ((d->features & NEEDED) == NEEDED)
        return frames_in(d->own);
    device_fail(d);
    return -1;
}

static void net_stop(struct device *d)
{
    struct net *n = d->own;

    in_wait(n, false);
    n->first = n->count = 0;
    n->bytes = n->longest = n->held_len = 0;
}

static bool net_idle(const struct device *d)
{
    (void)d;
    return true; // nothing is ever left under way
}

static int net_open(struct device *d, const struct hvc_device *m, struct err *e)
{
    struct net *n = &nets[d->index];
    uint8_t config[HV_NET_CONFIG + sizeof(struct hv_net_config)] = {0};
    struct virtio_net_config v = {.status = VIRTIO_NET_S_LINK_UP,
                                  .mtu = m->net.mtu};

    if (m->flags || m->net.mtu < 576 || m->net.mtu > 9000 ||
        m->net.mac[0] & 1 || m->net.flags & ~(HVC_NET_ANY_IP | HVC_NET_BUDGET))
        return err_set(e, EINVAL,
                       "a network interface described as it cannot "
                       "be");
    n->device = d;
    n->is = m->net;
    n->dice = clock_mono_ns();
    n->first = n->count = 0;
    n->bytes = n->longest = n->held_len = 0;
    n->in_waits = false;
    n->singles = n->large = 0;
    d->own = n;
    d->offered |= NEEDED | 1ull << VIRTIO_NET_F_CSUM |
                  1ull << VIRTIO_NET_F_MTU | 1ull << VIRTIO_NET_F_MAC |
                  1ull << VIRTIO_NET_F_HOST_TSO4 |
                  1ull << VIRTIO_NET_F_HOST_TSO6 | 1ull << VIRTIO_NET_F_STATUS;
    memcpy(v.mac, m->net.mac, sizeof(v.mac));
    memcpy(config, &v, sizeof(v));
    memcpy(config + HV_NET_CONFIG, &m->net.config, sizeof(m->net.config));
    device_config(d, config, sizeof(config));
    return 0;
}

const struct device_ops net_ops = {
    .type = HV_DEV_NET,
    .name = "network",
    .queues_min = 2,
    .queues_max = 2,
    .fds_min = 1,
    .fds_max = 1,
    .open = net_open,
    .start = net_start,
    .kick = net_kick,
    .ready = net_ready,
    .tick = net_tick,
    .stop = net_stop,
    .idle = net_idle,
};
