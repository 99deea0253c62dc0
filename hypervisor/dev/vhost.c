// SPDX-License-Identifier: ISC
// The front end of the vhost-user protocol; see vhost.h.

#include "hypervisor/dev/vhost.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/sock.h"

// Before the domain runs a back end answers at once, or on a machine that is
// thrashing; or when it has done with the domain's last run.
#define ANSWER_MS 10000
// At a reset: how long what is under way may take, and how often we look.
#define DRAIN_NS 5000000000u
#define LOOK_NS  1000000u

#define FD_SOCKET 0
#define FD_CALL   1
#define FD_KICK   2 // and following

// --------------------------------------------------------------- protocol

enum request {
    GET_FEATURES = 1,
    SET_FEATURES = 2,
    SET_OWNER = 3,
    SET_MEM_TABLE = 5,
    SET_VRING_NUM = 8,
    SET_VRING_ADDR = 9,
    SET_VRING_BASE = 10,
    GET_VRING_BASE = 11,
    SET_VRING_KICK = 12,
    SET_VRING_CALL = 13,
    GET_PROTOCOL_FEATURES = 15,
    SET_PROTOCOL_FEATURES = 16,
    SET_VRING_ENABLE = 18,
    GET_CONFIG = 24
};

#define FLAG_VERSION      1u
#define FLAG_REPLY        4u
#define F_PROTOCOL        (1ull << 30) // among the features
#define PROTOCOL_F_MQ     (1ull << 0)
#define PROTOCOL_F_CONFIG (1ull << 9)
#define CONFIG_LEN        60u // of virtio_blk_config, up to write zeroes

struct head {
    uint32_t request, flags, size;
};
struct vring_state {
    uint32_t index, num;
};
struct vring_addr {
    uint32_t index, flags;
    uint64_t desc, used, avail, log;
};
struct mem_table {
    uint32_t n, pad;
    uint64_t guest_addr, len, front_addr, file_offset;
};
struct config {
    uint32_t offset, size, flags;
    uint8_t bytes[CONFIG_LEN];
};
#define BODY_MAX sizeof(struct config)

enum vhost_state {
    VHOST_IDLE,
    VHOST_SERVING,
    VHOST_DRAINING,
    VHOST_STOPPING,
    VHOST_GONE
};

static struct vhost {
    struct device *device;
    enum vhost_state state;
    bool memory_sent;
    uint64_t protocol;                 // features that both sides know
    uint16_t kicked[VHOST_QUEUES_MAX]; // available index at the last kick
    uint64_t drain_until_ns;
    unsigned replies; // to GET_VRING_BASE, still to come
    size_t have;      // bytes of the reply that is coming in
    struct {
        struct head head;
        struct vring_state state;
    } in;
} vhosts[HV_DEVICE_MAX] DEVICE_MEMORY;

// ------------------------------------------------------------ the socket

static int tell(const struct device *d, enum request r, const void *body,
                size_t len, int fd)
{
    struct {
        struct head head;
        uint8_t body[BODY_MAX];
    } m = {.head = {r, FLAG_VERSION, len}};

    if (len)
        memcpy(m.body, body, len);
    return sock_send(d->fd[FD_SOCKET], &m, sizeof(m.head) + len, &fd, fd >= 0);
}

static int tell_number(const struct device *d, enum request r, uint64_t n,
                       int fd)
{
    return tell(d, r, &n, sizeof(n), fd);
}

static int tell_state(const struct device *d, enum request r, uint32_t index,
                      uint32_t num)
{
    const struct vring_state s = {index, num};

    return tell(d, r, &s, sizeof(s), -1);
}

// What has come, at most len bytes; 0: nothing; -EPIPE: the end.
static ssize_t receive(const struct device *d, void *to, size_t len)
{
    struct iovec iov = {to, len};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    // Descriptors are not taken: there is no room for them.
    ssize_t n = recvmsg(d->fd[FD_SOCKET], &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    return n == 0 ? -EPIPE : n;
}

// Before the domain runs: the whole of it, soon.
static int await(const struct device *d, void *to, size_t len)
{
    uint64_t end_ns = clock_mono_ns() + ANSWER_MS * 1000000ul;

    while (len) {
        struct pollfd p = {.fd = d->fd[FD_SOCKET], .events = POLLIN};
        uint64_t now_ns = clock_mono_ns();
        uint64_t left_ns = now_ns < end_ns ? end_ns - now_ns : 0;
        ssize_t n;

        if (poll(&p, 1, left_ns / 1000000) <= 0)
            return -ETIMEDOUT;
        n = receive(d, to, len);
        if (n < 0)
            return n;
        to = (uint8_t *)to + n;
        len -= n;
    }
    return 0;
}

static int reply(const struct device *d, enum request r, void *body, size_t len)
{
    struct head h;
    int e = await(d, &h, sizeof(h));

    if (e < 0)
        return e;
    if (h.request != r || h.flags != (FLAG_VERSION | FLAG_REPLY) ||
        h.size != len)
        return -EPROTO;
    return await(d, body, len);
}

static int ask_number(const struct device *d, enum request r, uint64_t *n)
{
    int e = tell(d, r, NULL, 0, -1);

    return e < 0 ? e : reply(d, r, n, sizeof(*n));
}

// ---------------------------------------------------------------- opening

// What the front ends know, of block devices.
#define BLOCK_FEATURES                                                         \
    (1ull << VIRTIO_BLK_F_SIZE_MAX | 1ull << VIRTIO_BLK_F_SEG_MAX |            \
     1ull << VIRTIO_BLK_F_RO | 1ull << VIRTIO_BLK_F_BLK_SIZE |                 \
     1ull << VIRTIO_BLK_F_FLUSH | 1ull << VIRTIO_BLK_F_DISCARD |               \
     1ull << VIRTIO_BLK_F_WRITE_ZEROES)

static int get_features(struct vhost *v)
{
    struct device *d = v->device;
    const uint64_t known = PROTOCOL_F_CONFIG | PROTOCOL_F_MQ;
    uint64_t features, protocol = 0;
    int e = ask_number(d, GET_FEATURES, &features);

    if (e == 0)
        e = tell(d, SET_OWNER, NULL, 0, -1);
    if (e == 0 && features & F_PROTOCOL)
        e = ask_number(d, GET_PROTOCOL_FEATURES, &protocol);
    v->protocol = protocol & known;
    if (e == 0 && features & F_PROTOCOL)
        e = tell_number(d, SET_PROTOCOL_FEATURES, v->protocol, -1);
    if (e < 0)
        return e;
    if ((features & d->offered) != d->offered || !(features & F_PROTOCOL))
        return -ENOTSUP; // VERSION_1, EVENT_IDX, INDIRECT_DESC: all have them
    if (d->type == HV_DEV_BLOCK)
        d->offered |= features & BLOCK_FEATURES;
    return 0;
}

static int get_config(struct vhost *v)
{
    struct config c = {.size = CONFIG_LEN};
    int e;

    if (!(v->protocol & PROTOCOL_F_CONFIG))
        return -ENOTSUP;
    e = tell(v->device, GET_CONFIG, &c, sizeof(c), -1);
    if (e == 0)
        e = reply(v->device, GET_CONFIG, &c, sizeof(c));
    if (e == 0)
        device_config(v->device, c.bytes, CONFIG_LEN);
    return e;
}

_Static_assert(offsetof(struct hvc_fs, config) == HV_FS_CONFIG, "config[]");

static int set_config(struct device *d, const struct hvc_fs *fs)
{
    // struct virtio_fs_config (tag, number of request queues), and ours.
    device_config(d, fs, sizeof(*fs));
    return 0;
}

static int vhost_open(struct device *d, const struct hvc_device *m,
                      struct err *e)
{
    struct vhost *v = &vhosts[d->index];
    int r;

    if ((m->flags & ~HVC_D_KEPT) != HVC_D_VHOST_USER ||
        (m->type != HV_DEV_BLOCK && m->type != HV_DEV_FS))
        return err_set(e, EINVAL,
                       "a vhost-user device described as it cannot "
                       "be");
    v->device = d;
    d->own = v;
    r = get_features(v);
    if (r == 0)
        r = d->type == HV_DEV_FS ? set_config(d, &m->fs) : get_config(v);
    if (r < 0)
        return err_set(e, -r, "the vhost-user back end %s",
                       r == -ETIMEDOUT ? "does not answer"
                       : r == -ENOTSUP ? "lacks features (virtio 1, event "
                                         "index, config)"
                       : r == -EPROTO  ? "answers something else"
                                       : "has hung up");
    device_watch(d, FD_SOCKET, EPOLLIN | EPOLLRDHUP);
    device_watch(d, FD_CALL, EPOLLIN | EPOLLET);
    return 0;
}

// --------------------------------------------------------------- serving

// The back end can no longer be relied on.
static void gone(struct vhost *v)
{
    device_unwatch(v->device, FD_SOCKET);
    v->state = VHOST_GONE;
    device_gone(v->device);
}

static uint64_t guest_addr(const struct virtq *q, const void *at)
{
    return HV_WINDOW_VA + ((const uint8_t *)at - q->window);
}

static int tell_memory(struct vhost *v)
{
    const struct domain *dom = v->device->all->domain;
    const struct mem_table m = {.n = 1,
                                .guest_addr = HV_WINDOW_VA,
                                .len = dom->window_len,
                                .front_addr = HV_WINDOW_VA};

    if (v->memory_sent)
        return 0;
    v->memory_sent = true;
    return tell(v->device, SET_MEM_TABLE, &m, sizeof(m), dom->window_fd);
}

static int tell_queue(const struct vhost *v, unsigned i)
{
    const struct device *d = v->device;
    const struct virtq *q = &d->queue[i];
    const struct vring_addr a = {.index = i,
                                 .desc = guest_addr(q, q->desc),
                                 .used = guest_addr(q, q->used),
                                 .avail = guest_addr(q, q->avail)};
    int e = 0;

    e |= tell_state(d, SET_VRING_NUM, i, q->size);
    e |= tell_state(d, SET_VRING_BASE, i, 0);
    e |= tell(d, SET_VRING_ADDR, &a, sizeof(a), -1);
    e |= tell_number(d, SET_VRING_CALL, i, d->fd[FD_CALL]);
    e |= tell_number(d, SET_VRING_KICK, i, d->fd[FD_KICK + i]);
    e |= tell_state(d, SET_VRING_ENABLE, i, 1);
    return e;
}

static int vhost_start(struct device *d)
{
    struct vhost *v = d->own;
    int e = v->state == VHOST_IDLE ? 0 : -EIO;

    for (unsigned i = 0; i < d->nqueues; i++)
        if (d->queue[i].size && d->fd[FD_KICK + i] < 0)
            return device_broke(d, "it has another number of queues");
    if (e == 0)
        e = tell_number(d, SET_FEATURES, d->features | F_PROTOCOL, -1);
    if (e == 0)
        e = tell_memory(v);
    for (unsigned i = 0; e == 0 && i < d->nqueues; i++)
        if (d->queue[i].size)
            e = tell_queue(v, i);
    if (e) {
        gone(v);
        return -1;
    }
    v->state = VHOST_SERVING;
    for (unsigned i = 0; i < d->nqueues; i++)
        v->kicked[i] = 0;
    return 0;
}

static uint16_t index_of(const uint16_t *shared)
{
    return __atomic_load_n(shared, __ATOMIC_ACQUIRE);
}

// Whether the back end wants to hear of it the guest has found out already.
static int vhost_kick(struct device *d)
{
    static uint64_t one = 1;
    const struct iovec iov = {&one, sizeof(one)};
    struct vhost *v = d->own;

    for (unsigned i = 0; v->state == VHOST_SERVING && i < d->nqueues; i++) {
        const struct virtq *q = &d->queue[i];
        uint16_t available = q->size ? index_of(&q->avail->idx) : v->kicked[i];

        if (available == v->kicked[i])
            continue;
        v->kicked[i] = available;
        if (writev(d->fd[FD_KICK + i], &iov, 1) < 0 && errno != EAGAIN) {
            gone(v);
            return 0;
        }
    }
    return 0;
}

// --------------------------------------------------------------- stopping

// GET_VRING_BASE stops a queue but waits for nothing, so that comes first. A
// guest that forges its indices here waits for its own reset.
static bool drained(const struct device *d)
{
    for (unsigned i = 0; i < d->nqueues; i++) {
        const struct virtq *q = &d->queue[i];

        if (q->size && index_of(&q->avail->idx) != index_of(&q->used->idx))
            return false;
    }
    return true;
}

static void stop_if_drained(struct vhost *v)
{
    struct device *d = v->device;

    if (v->state != VHOST_DRAINING)
        return;
    if (!drained(d)) {
        uint64_t now_ns = clock_mono_ns();

        if (now_ns >= v->drain_until_ns)
            gone(v);
        else
            d->due_ns = now_ns + LOOK_NS;
        return;
    }
    v->state = VHOST_STOPPING;
    v->replies = 0;
    v->have = 0;
    for (unsigned i = 0; i < d->nqueues; i++) {
        if (!d->queue[i].size)
            continue;
        if (tell_state(d, GET_VRING_BASE, i, 0) < 0)
            gone(v);
        else
            v->replies++;
    }
}

static void vhost_stop(struct device *d)
{
    struct vhost *v = d->own;

    if (v->state != VHOST_SERVING)
        return;
    v->state = VHOST_DRAINING;
    v->drain_until_ns = clock_mono_ns() + DRAIN_NS;
    stop_if_drained(v);
}

static int vhost_tick(struct device *d)
{
    stop_if_drained(d->own);
    return 0;
}

// One that is gone may still write where it was told to: the reset is never
// answered.
static bool vhost_idle(const struct device *d)
{
    return ((const struct vhost *)d->own)->state == VHOST_IDLE;
}

// Nothing is expected from the socket but the replies of a stop.
static void hear(struct vhost *v)
{
    ssize_t n = receive(v->device, (uint8_t *)&v->in + v->have,
                        sizeof(v->in) - v->have);

    if (n < 0 || (n > 0 && v->state != VHOST_STOPPING)) {
        gone(v);
        return;
    }
    v->have += n;
    if (v->have < sizeof(v->in))
        return;
    v->have = 0;
    if (v->in.head.request != GET_VRING_BASE ||
        v->in.head.flags != (FLAG_VERSION | FLAG_REPLY) ||
        v->in.head.size != sizeof(v->in.state))
        gone(v);
    else if (--v->replies == 0)
        v->state = VHOST_IDLE;
}

static int vhost_ready(struct device *d, unsigned which, uint32_t events)
{
    struct vhost *v = d->own;

    (void)events; // an end is seen by reading
    if (which == FD_SOCKET && v->state != VHOST_GONE)
        hear(v);
    if (which == FD_CALL && v->state == VHOST_SERVING)
        device_raise(d);
    if (which == FD_CALL)
        stop_if_drained(v);
    return 0;
}

const struct device_ops vhost_ops = {
    .name = "vhost-user",
    .queues_min = 1,
    .queues_max = VHOST_QUEUES_MAX,
    .fds_min = 3,
    .fds_max = HVC_DEVICE_FDS_MAX,
    .open = vhost_open,
    .start = vhost_start,
    .kick = vhost_kick,
    .ready = vhost_ready,
    .tick = vhost_tick,
    .stop = vhost_stop,
    .idle = vhost_idle,
};
