// SPDX-License-Identifier: ISC
// What all back ends have in common; see device.h.

#include "hypervisor/dev/device.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "hypervisor/dev/backends.h"
#include "hypervisor/dev/block_io.h"
#include "hypervisor/monitor/event.h"
#include "hypervisor/monitor/watch.h"

// What the loop calls the ring: no device has this number.
#define RING_TOKEN (HVC_DEVICE_FDS_MAX * HV_DEVICE_MAX)

#define MANDATORY (1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_RING_F_EVENT_IDX)

static struct hv_device_control *control_of(const struct device *d)
{
    return (struct hv_device_control *)(d->all->domain->window +
                                        HV_CONTROL_OFFSET) +
           d->index;
}

int device_broke(struct device *d, const char *why)
{
    if (!d->broken)
        d->broken = why;
    return -1;
}

// ------------------------------------------------------------------- events

void device_raise(struct device *d)
{
    event_raise(d->all->domain, 0, HV_PORT_DEVICE + d->index);
}

void device_tell(struct device *d)
{
    bool wanted = false;

    for (unsigned i = 0; i < d->nqueues; i++)
        wanted |= virtq_wants_event(&d->queue[i]);
    if (wanted)
        device_raise(d);
}

bool device_watch(struct device *d, unsigned which, uint32_t events)
{
    return watch(d->all->epoll_fd, d->fd[which],
                 WATCH_DEVICE + HVC_DEVICE_FDS_MAX * d->index + which, events);
}

void device_unwatch(struct device *d, unsigned which)
{
    unwatch(d->all->epoll_fd, d->fd[which]);
}

void device_config(struct device *d, const void *config, size_t len)
{
    struct hv_device_control *c = control_of(d);
    uint32_t seq = c->config_seq | 1; // the guest's scribbles do not matter

    __atomic_store_n(&c->config_seq, seq, __ATOMIC_SEQ_CST);
    memcpy(c->config, config, len);
    __atomic_store_n(&c->config_seq, seq + 1, __ATOMIC_SEQ_CST);
    if (d->state != DEVICE_RESET)
        device_raise(d);
}

// -------------------------------------------------------------------- rates

bool device_may(struct device *d, unsigned which, uint64_t now_ns)
{
    const struct bucket *bytes = &d->rate[which].bytes;
    const struct bucket *ops = &d->rate[which].ops;
    uint64_t at = bucket_opens_ns(bytes), other = bucket_opens_ns(ops);

    if (bucket_open(bytes, now_ns) && bucket_open(ops, now_ns))
        return true;
    at = at > other ? at : other;
    if (at < d->due_ns)
        d->due_ns = at;
    return false;
}

void device_spend(struct device *d, unsigned which, uint64_t bytes,
                  uint64_t now_ns)
{
    bucket_take(&d->rate[which].bytes, bytes, now_ns);
    bucket_take(&d->rate[which].ops, 1, now_ns);
}

// ---------------------------------------------------------------- handshake

static void answer(struct device *d, uint32_t status)
{
    __atomic_store_n(&control_of(d)->host_status, status, __ATOMIC_RELEASE);
    device_raise(d);
}

void device_fail(struct device *d)
{
    if (d->state == DEVICE_DRAINING)
        return;
    d->state = DEVICE_FAILED;
    answer(d, d->asked | VIRTIO_CONFIG_S_NEEDS_RESET);
}

void device_gone(struct device *d)
{
    d->gone = true;
    d->all->any_gone = true;
    device_fail(d);
}

int devices_next_gone(struct devices *all)
{
    for (unsigned i = 0; all->any_gone && i < all->n; i++) {
        struct device *d = &all->device[i];

        if (!d->gone || d->gone_told)
            continue;
        d->gone_told = true;
        return (int)i;
    }
    all->any_gone = false;
    return -1;
}

// What a step of the handshake does beside changing the state: 1 done, 0 not
// now or refused (the state stays as `act` has left it), -1 broken.
static int act_agree(struct device *d)
{
    uint64_t f =
        __atomic_load_n(&control_of(d)->guest_features, __ATOMIC_ACQUIRE);

    if (f & ~d->offered || (f & MANDATORY) != MANDATORY) {
        device_fail(d);
        return 0;
    }
    d->features = f;
    return 1;
}

static int queue_open(struct device *d, unsigned n, const struct hv_queue *from)
{
    const struct hv_queue copy = {
        .desc = __atomic_load_n(&from->desc, __ATOMIC_RELAXED),
        .avail = __atomic_load_n(&from->avail, __ATOMIC_RELAXED),
        .used = __atomic_load_n(&from->used, __ATOMIC_RELAXED),
        .size = __atomic_load_n(&from->size, __ATOMIC_RELAXED),
        .enabled = __atomic_load_n(&from->enabled, __ATOMIC_RELAXED)};
    const struct domain *dom = d->all->domain;

    d->queue[n].size = 0;
    if (!copy.enabled)
        return 0;
    if (virtq_open(&d->queue[n], dom->window, dom->window_len, &copy,
                   d->features & 1ull << VIRTIO_RING_F_INDIRECT_DESC) < 0)
        return device_broke(d, d->queue[n].broken);
    return 0;
}

static int act_run(struct device *d)
{
    const struct hv_device_control *c = control_of(d);
    const uint64_t window_len = d->all->domain->window_len;
    uint32_t n = __atomic_load_n(&c->nqueues, __ATOMIC_RELAXED);
    uint32_t table = __atomic_load_n(&c->queue_table, __ATOMIC_RELAXED);

    if (n < d->ops->queues_min || n > d->ops->queues_max)
        return device_broke(d, "it has another number of queues");
    if (table % sizeof(uint32_t) || table > window_len ||
        n * sizeof(struct hv_queue) > window_len - table)
        return device_broke(d, "its table of queues lies outside the window");
    for (unsigned i = 0; i < n; i++)
        if (queue_open(
                d, i,
                (const struct hv_queue *)(d->all->domain->window + table) + i) <
            0)
            return -1;
    d->nqueues = n;
    if (d->ops->start && d->ops->start(d) < 0)
        return d->broken ? -1 : 0;
    return 1;
}

static void reset_finish(struct device *d)
{
    if (d->state != DEVICE_DRAINING || (d->ops->idle && !d->ops->idle(d)))
        return;
    d->nqueues = 0;
    d->features = 0;
    d->due_ns = UINT64_MAX;
    d->state = DEVICE_RESET;
    answer(d, 0);
}

static int act_reset(struct device *d)
{
    if (d->nqueues && d->ops->stop)
        d->ops->stop(d);
    d->state = DEVICE_DRAINING;
    reset_finish(d);
    return 0; // it has set the state and answered
}

enum event {
    ASKS_ACKNOWLEDGE,
    ASKS_DRIVER,
    ASKS_AGREE,
    ASKS_RUN,
    ASKS_RESET,
    ASKS_FAIL,
    EVENTS
};

// What the guest may ask for in which state. DEVICE_STATES: a broken rule.
static const struct step {
    enum device_state next;
    int (*act)(struct device *);
} steps[DEVICE_STATES][EVENTS] = {
#define NO                                                                     \
    {                                                                          \
        DEVICE_STATES, NULL                                                    \
    }
#define RESETS                                                                 \
    {                                                                          \
        DEVICE_DRAINING, act_reset                                             \
    }
#define FAILS                                                                  \
    {                                                                          \
        DEVICE_FAILED, NULL                                                    \
    }
    [DEVICE_RESET] = {{DEVICE_ACKNOWLEDGED, NULL}, NO, NO, NO, RESETS, FAILS},
    [DEVICE_ACKNOWLEDGED] = {NO, {DEVICE_DRIVER, NULL}, NO, NO, RESETS, FAILS},
    [DEVICE_DRIVER] = {NO, NO, {DEVICE_AGREED, act_agree}, NO, RESETS, FAILS},
    [DEVICE_AGREED] = {NO, NO, NO, {DEVICE_RUNNING, act_run}, RESETS, FAILS},
    [DEVICE_RUNNING] = {NO, NO, NO, NO, RESETS, FAILS},
    [DEVICE_DRAINING] = {NO, NO, NO, NO, NO, NO}, // not asked: see handshake
    [DEVICE_FAILED] = {NO, NO, NO, NO, RESETS, FAILS},
#undef NO
#undef RESETS
#undef FAILS
};

// 1: go on with the next event; 0: the rest of the word does not count.
static int step(struct device *d, enum event ev)
{
    const struct step *s = &steps[d->state][ev];
    int r = 1;

    if (s->next == DEVICE_STATES)
        return device_broke(d, "its status has bits out of order");
    if (s->act)
        r = s->act(d);
    if (r == 1)
        d->state = s->next;
    return r;
}

// The guest's status word has changed to `asks`.
static int handshake(struct device *d, uint32_t asks)
{
    static const uint32_t bits[] = {
        [ASKS_ACKNOWLEDGE] = VIRTIO_CONFIG_S_ACKNOWLEDGE,
        [ASKS_DRIVER] = VIRTIO_CONFIG_S_DRIVER,
        [ASKS_AGREE] = VIRTIO_CONFIG_S_FEATURES_OK,
        [ASKS_RUN] = VIRTIO_CONFIG_S_DRIVER_OK,
    };
    const uint32_t all = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
                         VIRTIO_CONFIG_S_FEATURES_OK |
                         VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FAILED;
    uint32_t had = d->asked;
    int r = 1;

    d->asked = asks;
    if (asks == 0)
        return step(d, ASKS_RESET) < 0 ? -1 : 0;
    if (asks & ~all || had & ~asks)
        return device_broke(d, "its status has unknown bits or lost some");
    if (d->state == DEVICE_FAILED)
        return 0; // nothing but a reset counts
    for (unsigned ev = 0; ev < sizeof(bits) / sizeof(bits[0]) && r == 1; ev++)
        if (asks & ~had & bits[ev])
            r = step(d, ev);
    if (r == 1 && asks & ~had & VIRTIO_CONFIG_S_FAILED)
        r = step(d, ASKS_FAIL);
    if (r == 1)
        answer(d, asks);
    return r < 0 ? -1 : 0;
}

// The one look at the guest's status.
static int look(struct device *d)
{
    uint32_t asks;

    if (d->state == DEVICE_DRAINING)
        return 0; // until the reset is answered
    asks = __atomic_load_n(&control_of(d)->guest_status, __ATOMIC_ACQUIRE);
    return asks == d->asked ? 0 : handshake(d, asks);
}

// ------------------------------------------------------------- for the loop

static const char *result(struct device *d)
{
    if (d->state == DEVICE_DRAINING) {
        reset_finish(d);
        // What the guest has asked for meanwhile.
        if (d->state == DEVICE_RESET)
            look(d);
    }
    return d->broken;
}

static void notified(struct device *d)
{
    if (look(d) == 0 && d->state == DEVICE_RUNNING)
        d->ops->kick(d);
}

const char *devices_notified(struct devices *all, uint64_t ports)
{
    for (unsigned i = 0; i < all->n; i++) {
        struct device *d = &all->device[i];

        if (!(ports >> (HV_PORT_DEVICE + i) & 1))
            continue;
        all->busy = true;
        notified(d);
        if (result(d))
            return d->broken;
    }
    return NULL;
}

// Requests of any device have come back.
const char *devices_reap(struct devices *all)
{
    all->busy = true;
    uring_reap(&all->ring, block_completed);
    for (unsigned i = 0; i < all->n; i++) {
        struct device *d = &all->device[i];

        if (!d->stirred)
            continue;
        d->stirred = false;
        d->ops->kick(d);
        if (result(d))
            return d->broken;
    }
    return NULL;
}

const char *devices_ready(struct devices *all, unsigned token, uint32_t events)
{
    struct device *d;

    if (token == RING_TOKEN) // the loop looks at the ring in each turn
        return NULL;
    all->busy = true;
    d = &all->device[token / HVC_DEVICE_FDS_MAX];
    if (d->ops->ready)
        d->ops->ready(d, token % HVC_DEVICE_FDS_MAX, events);
    return result(d);
}

const char *devices_tick(struct devices *all, uint64_t now_ns)
{
    for (unsigned i = 0; i < all->n; i++) {
        struct device *d = &all->device[i];

        if (d->due_ns > now_ns)
            continue;
        d->due_ns = UINT64_MAX;
        if (d->ops->tick)
            d->ops->tick(d);
        if (result(d))
            return d->broken;
    }
    return NULL;
}

bool devices_ready_now(const struct devices *all)
{
    return all->ring.fd >= 0 && uring_ready(&all->ring);
}

bool devices_in_flight(const struct devices *all)
{
    return all->ring.in_flight != 0;
}

bool devices_were_busy(struct devices *all)
{
    bool were = all->busy;

    all->busy = false;
    return were;
}

void devices_sleep(struct devices *all, bool asleep)
{
    if (all->ring.fd >= 0)
        uring_announce(&all->ring, asleep);
}

uint64_t devices_due_ns(const struct devices *all)
{
    uint64_t due = UINT64_MAX;

    for (unsigned i = 0; i < all->n; i++)
        if (all->device[i].due_ns < due)
            due = all->device[i].due_ns;
    return due;
}

// ----------------------------------------------------------------- the table

static struct device memory[HV_DEVICE_MAX] DEVICE_MEMORY;

void devices_init(struct devices *all, struct domain *domain,
                  struct hvc_page *page, int epoll_fd)
{
    all->domain = domain;
    all->page = page;
    all->epoll_fd = epoll_fd;
    all->ring.fd = all->wire.fd = -1;
    all->n = 0;
    all->any_gone = false;
    all->device = memory;
}

int devices_make_rings(struct devices *all, struct err *e)
{
    if (uring_make(&all->wire, URING_FRAMES, e) < 0 ||
        uring_make(&all->ring, URING_DISKS, e) < 0)
        return -e->code;
    if (!watch(all->epoll_fd, all->ring.event_fd, WATCH_DEVICE + RING_TOKEN,
               EPOLLIN | EPOLLET))
        return err_errno(e, "watching the ring of disks");
    return 0;
}

uint32_t devices_kinds(const struct devices *all)
{
    uint32_t kinds = 1u << HV_DEV_CONSOLE;

    for (unsigned i = 0; i < all->n; i++)
        kinds |= 1u << all->device[i].type;
    return kinds;
}

void devices_fill(const struct devices *all, struct hv_start_info *s)
{
    s->ndevices = all->n;
    for (unsigned i = 0; i < all->n; i++)
        s->device[i] = (struct hv_device){
            .type = all->device[i].type,
            .index = all->device[i].nth,
            .port = HV_PORT_DEVICE + i,
            .control = HV_CONTROL_OFFSET + i * sizeof(struct hv_device_control),
        };
}

// The window is mapped at its largest; the file says how much of it is there.
static int window_grow(struct domain *d, uint32_t kib, struct err *e)
{
    uint64_t len = d->window_len + (uint64_t)kib * 1024;

    if (kib % (HV_PAGE / 1024) || len > HVC_WINDOW_MAX_KIB * 1024ul)
        return err_set(e, ENOMEM,
                       "the devices want more than %u KiB of I/O window, or "
                       "no whole pages",
                       HVC_WINDOW_MAX_KIB);
    if (ftruncate(d->window_fd, len) < 0)
        return err_errno(e, "making room in the I/O window");
    d->window_len = len;
    return 0;
}

static const struct device_ops *find(const struct hvc_device *m)
{
    if (m->flags & HVC_D_VHOST_USER)
        return backend_outside;
    for (size_t i = 0; i < backends_count; i++)
        if (backends[i]->type == (enum hv_device_type)m->type)
            return backends[i];
    return NULL;
}

static void set_rates(struct device *d, const struct hvc_device *m)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct hvc_rate *r = &m->rate[i];

        bucket_init(&d->rate[i].bytes, r->bytes_per_s, r->bytes_burst);
        bucket_init(&d->rate[i].ops, r->ops_per_s, r->ops_burst);
    }
}

int devices_add(struct devices *all, const struct hvc_device *m, int *fds,
                size_t nfds, struct err *e)
{
    const struct device_ops *ops = find(m);
    struct device *d = &all->device[all->n];
    const bool kept = m->flags & HVC_D_KEPT && nfds;
    struct hv_device_control *c;

    nfds -= kept;
    if (!ops || all->n == HV_DEVICE_MAX)
        return err_set(e, ENODEV, "no %s device can be had",
                       ops ? ops->name : "such");
    if (nfds < ops->fds_min || nfds > ops->fds_max)
        return err_set(e, EINVAL, "a %s device comes with %zu descriptors",
                       ops->name, ops->fds_min);
    *d = (struct device){.ops = ops,
                         .type = m->type,
                         .all = all,
                         .index = all->n,
                         .offered =
                             MANDATORY | 1ull << VIRTIO_RING_F_INDIRECT_DESC,
                         .due_ns = UINT64_MAX};
    for (unsigned i = 0; i < all->n; i++)
        d->nth += all->device[i].type == d->type;
    for (size_t i = 0; i < HVC_DEVICE_FDS_MAX; i++)
        d->fd[i] = i < nfds ? fds[i] : -1;
    d->kept_fd = kept ? fds[nfds] : -1;
    set_rates(d, m);
    if (window_grow(all->domain, m->window_kib, e) < 0 ||
        ops->open(d, m, e) < 0)
        return -e->code;
    c = control_of(d);
    c->host_features = d->offered;
    for (size_t i = 0; i < nfds + kept; i++)
        fds[i] = -1;
    all->n++;
    return 0;
}
