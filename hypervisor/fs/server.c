// SPDX-License-Identifier: ISC
// vhost-user, and the loop; see server.h.

#include "hypervisor/fs/server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hypervisor/fs/job.h"
#include "hypervisor/fs/message.h"
#include "hypervisor/monitor/control.h"
#include "lib/clock.h"

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
};

#define FLAG_VERSION 1u
#define FLAG_REPLY   4u
#define F_PROTOCOL   (1ull << 30)
#define INDIRECT     (1ull << 28)
#define FEATURES                                                               \
    (1ull << VIRTIO_F_VERSION_1 | 1ull << 29 | INDIRECT | F_PROTOCOL)
#define NO_FD      0x100u // in a vring's number
#define BODY_MAX   64u
#define WINDOW_MAX (HVC_WINDOW_MAX_KIB * 1024ul)

struct head {
    uint32_t request, flags, size;
};
union body {
    uint64_t number;
    struct {
        uint32_t index, num;
    } state;
    struct {
        uint32_t index, flags;
        uint64_t desc, used, avail, log;
    } addr;
    struct {
        uint32_t n, pad;
        uint64_t guest_addr, len, front_addr, file_offset;
    } memory;
    uint8_t bytes[BODY_MAX];
};

struct ring {
    struct virtq q;
    struct hv_queue place;
    int kick_fd, call_fd;
    bool running;
};

static struct server {
    struct fs *fs;
    int socket_fd, jobs_fd;
    uint8_t *window;
    uint64_t window_len, features;
    struct ring ring[FS_QUEUES];
    unsigned jobs; // under way
    int credit;    // of looking out for requests: below 0 it did not pay
    const char *why;
} server;

static struct message message;
static uint8_t message_bytes[FS_LIST_MAX];

static int broke(const char *why)
{
    server.why = why;
    return -EPROTO;
}

// ------------------------------------------------------------------ rings

static void call(const struct ring *r)
{
    const uint64_t one = 1;

    if (r->call_fd >= 0 && write(r->call_fd, &one, sizeof(one)) < 0)
        return; // it is full: the front end has yet to look
}

static void put(struct message *m, int64_t len)
{
    struct ring *r = &server.ring[m->ring];

    if (!r->running)
        return;
    virtq_put(&r->q, m->chain.head, (uint32_t)len);
    if (virtq_wants_event(&r->q))
        call(r);
}

static void put_job(struct message *m, int64_t len)
{
    server.jobs--;
    put(m, len);
}

// Serves what there is: 1 if there was something.
static int serve_ring(unsigned i)
{
    struct ring *r = &server.ring[i];
    int any = 0, n = 0;

    while (r->running && (n = virtq_take(&r->q, &message.chain)) == 1) {
        int64_t len;

        message.ring = i;
        len = message_serve(server.fs, &message);
        any = 1;
        if (len < 0)
            server.jobs++;
        else
            put(&message, len);
    }
    return n < 0 ? broke(r->q.broken) : any;
}

static bool waiting(void)
{
    for (unsigned i = 0; i < FS_QUEUES; i++) {
        const struct ring *r = &server.ring[i];

        if (r->running &&
            __atomic_load_n(&r->q.avail->idx, __ATOMIC_ACQUIRE) != r->q.taken)
            return true;
    }
    return false;
}

static int serve(void)
{
    int any = 0;

    for (unsigned i = 0; i < FS_QUEUES; i++) {
        int n = serve_ring(i);

        if (n < 0)
            return n;
        any |= n;
    }
    return any;
}

// Looks out for the next request, for as long as that paid lately.
static bool look_out(void)
{
    uint64_t end_ns;

    if (server.credit < 0)
        return false;
    end_ns = clock_mono_ns() + FS_SPIN_NS;
    do {
        for (unsigned i = 0; i < 32; i++) {
            if (waiting())
                return true;
            __builtin_ia32_pause();
        }
    } while (clock_mono_ns() < end_ns);
    return false;
}

static bool arm(void)
{
    bool more = false;

    for (unsigned i = 0; i < FS_QUEUES; i++)
        more |= server.ring[i].running && virtq_arm(&server.ring[i].q);
    return more;
}

// ---------------------------------------------------------------- messages

static int reply(const struct head *h, const void *body, uint32_t len)
{
    struct head out = {h->request, FLAG_VERSION | FLAG_REPLY, len};
    struct iovec v[2] = {{&out, sizeof(out)}, {(void *)body, len}};
    const struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};

    if (sendmsg(server.socket_fd, &m, MSG_NOSIGNAL) !=
        (ssize_t)(sizeof(out) + len))
        return -EPIPE;
    return 0;
}

static int set_memory(const union body *b, int *fd)
{
    void *at;

    if (*fd < 0 || server.window)
        return broke("memory that is not there, or is told twice");
    if (b->memory.n != 1 || b->memory.guest_addr != HV_WINDOW_VA ||
        b->memory.file_offset != 0 || b->memory.len == 0 ||
        b->memory.len > WINDOW_MAX)
        return broke("memory that is no window");
    at = mmap(NULL, b->memory.len, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    if (at == MAP_FAILED)
        return broke("a window that cannot be mapped");
    server.window = at;
    server.window_len = b->memory.len;
    return 0;
}

static uint32_t window_offset(uint64_t addr)
{
    uint64_t o = addr - HV_WINDOW_VA;

    return addr >= HV_WINDOW_VA && o < UINT32_MAX ? (uint32_t)o : UINT32_MAX;
}

static int set_fd(int *to, uint64_t number, int *fd)
{
    if (*to >= 0)
        close(*to);
    *to = *fd;
    *fd = -1;
    if ((number & NO_FD) == 0 && *to < 0)
        return broke("a descriptor that did not come");
    return 0;
}

// Requests under way are finished first.
static int stop_ring(const struct head *h, union body *b)
{
    struct ring *r = &server.ring[b->state.index];

    while (server.jobs) {
        struct pollfd p = {.fd = server.jobs_fd, .events = POLLIN};

        poll(&p, 1, -1);
        jobs_reap(server.fs, put_job);
    }
    b->state.num = r->running ? r->q.taken : 0;
    r->running = false;
    return reply(h, b, sizeof(b->state));
}

static int enable(unsigned i, bool on)
{
    struct ring *r = &server.ring[i];

    if (!on || r->running)
        return on ? 0 : (r->running = false, 0);
    if (!server.window || r->kick_fd < 0)
        return broke("a ring that was not described");
    if (virtq_open(&r->q, server.window, server.window_len, &r->place,
                   server.features & INDIRECT) < 0)
        return broke(r->q.broken);
    r->running = true;
    return 0;
}

static int handle(const struct head *h, union body *b, int *fd)
{
    const uint64_t number = b->number;
    const bool of_ring = h->request >= SET_VRING_NUM &&
                         h->request <= SET_VRING_ENABLE &&
                         h->request != GET_PROTOCOL_FEATURES &&
                         h->request != SET_PROTOCOL_FEATURES;
    const unsigned i = number & 0xff;

    if (of_ring && i >= FS_QUEUES)
        return broke("a ring that there is not");
    switch ((enum request)h->request) {
    case GET_FEATURES:
        return reply(h, &(uint64_t){FEATURES}, sizeof(uint64_t));
    case SET_FEATURES:
        if (number & ~FEATURES)
            return broke("features that were not offered");
        server.features = number;
        return 0;
    case SET_OWNER:
        return 0;
    case GET_PROTOCOL_FEATURES:
        return reply(h, &(uint64_t){0}, sizeof(uint64_t));
    case SET_PROTOCOL_FEATURES:
        return number ? broke("protocol features that were not offered") : 0;
    case SET_MEM_TABLE:
        return set_memory(b, fd);
    case SET_VRING_NUM:
        server.ring[i].place.size =
            b->state.num <= HV_QUEUE_SIZE_MAX ? (uint16_t)b->state.num : 0;
        return 0;
    case SET_VRING_BASE:
        return b->state.num ? broke("a ring that does not begin at 0") : 0;
    case SET_VRING_ADDR:
        server.ring[i].place.desc = window_offset(b->addr.desc);
        server.ring[i].place.avail = window_offset(b->addr.avail);
        server.ring[i].place.used = window_offset(b->addr.used);
        return 0;
    case SET_VRING_KICK:
        return set_fd(&server.ring[i].kick_fd, number, fd);
    case SET_VRING_CALL:
        return set_fd(&server.ring[i].call_fd, number, fd);
    case SET_VRING_ENABLE:
        return enable(i, b->state.num);
    case GET_VRING_BASE:
        return stop_ring(h, b);
    }
    return broke("a request that is not known");
}

static uint32_t size_of(uint32_t request)
{
    switch ((enum request)request) {
    case GET_FEATURES:
    case SET_OWNER:
    case GET_PROTOCOL_FEATURES:
        return 0;
    case SET_MEM_TABLE:
        return sizeof(((union body *)0)->memory);
    case SET_VRING_ADDR:
        return sizeof(((union body *)0)->addr);
    default:
        return sizeof(uint64_t);
    }
}

static int take_fd(struct msghdr *m)
{
    int fd = -1;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            memcpy(&fd, CMSG_DATA(c), sizeof(fd)); // there is room for one
    return fd;
}

// 1: heard; 0: the end.
static int hear(void)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct head h;
    union body b = {0};
    struct iovec v = {&h, sizeof(h)};
    struct msghdr m = {.msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(server.socket_fd, &m, MSG_WAITALL | MSG_CMSG_CLOEXEC);
    int fd, r;

    if (n <= 0)
        return 0;
    fd = take_fd(&m);
    if (n != sizeof(h) || h.flags != FLAG_VERSION ||
        h.size != size_of(h.request) || h.size > sizeof(b)) {
        r = broke("a message that is malformed");
    } else {
        v = (struct iovec){&b, h.size};
        m = (struct msghdr){.msg_iov = &v, .msg_iovlen = 1};
        r = h.size && recvmsg(server.socket_fd, &m, MSG_WAITALL) !=
                          (ssize_t)h.size
                ? broke("half a message")
                : handle(&h, &b, &fd);
    }
    if (fd >= 0)
        close(fd);
    return r < 0 ? r : 1;
}

// ------------------------------------------------------------------ the loop

static void clear(int fd)
{
    uint64_t n;

    if (read(fd, &n, sizeof(n)) < 0)
        return; // somebody was here before
}

// Sleeps; 0: the front end is gone.
static int wait_for_work(void)
{
    struct pollfd p[2 + FS_QUEUES] = {
        {.fd = server.socket_fd, .events = POLLIN},
        {.fd = server.jobs_fd, .events = POLLIN},
    };
    uint64_t start_ns = clock_mono_ns();
    int r = 1;

    for (unsigned i = 0; i < FS_QUEUES; i++)
        p[2 + i] = (struct pollfd){
            .fd = server.ring[i].running ? server.ring[i].kick_fd : -1,
            .events = POLLIN};
    if (poll(p, 2 + FS_QUEUES, -1) < 0)
        return errno == EINTR ? 1 : -errno;
    for (unsigned i = 0; i < FS_QUEUES; i++)
        if (p[2 + i].revents) {
            clear(p[2 + i].fd);
            // Had it paid to look out a little longer?
            if (clock_mono_ns() - start_ns > FS_SPIN_NS)
                server.credit = server.credit > 0 ? server.credit - 4 : -8;
            else if (server.credit < 8)
                server.credit++;
        }
    if (p[1].revents)
        jobs_reap(server.fs, put_job);
    if (p[0].revents)
        r = hear();
    return r;
}

int server_run(struct fs *fs, int socket_fd, int jobs_fd, const char **why)
{
    int r = 1;

    server =
        (struct server){.fs = fs, .socket_fd = socket_fd, .jobs_fd = jobs_fd};
    for (unsigned i = 0; i < FS_QUEUES; i++)
        server.ring[i].kick_fd = server.ring[i].call_fd = -1;
    message.body = message_bytes;
    while (r > 0) {
        r = serve();
        if (r > 0 && server.jobs) {
            jobs_reap(fs, put_job);
            continue;
        }
        if (r > 0 && look_out()) {
            if (server.credit < 8)
                server.credit++;
            continue;
        }
        if (r >= 0)
            r = arm() ? 1 : wait_for_work();
    }
    *why = server.why ? server.why : "the front end has hung up";
    return r;
}
