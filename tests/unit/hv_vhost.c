// SPDX-License-Identifier: ISC
// The front end of vhost-user against back ends that answer something else,
// hang up, or speak unasked.

#include "hypervisor/dev/vhost.c"

#include <pthread.h>
#include <sys/eventfd.h>

#include "hypervisor/dev/backends.h"
#include "tests/unit/lib_check.h"

#define WINDOW_LEN (HVC_WINDOW_MIN_KIB * 1024u)
#define TABLE      0x8000u
#define DESC       0x9000u
#define AVAIL      0xa000u
#define USED       0xb000u
#define RUN        15u
#define BASIC      (1ull << 32 | 1ull << 29 | 1ull << 28)

const struct device_ops *const backends[] = {&vhost_ops};
const size_t backends_count = 0;
const struct device_ops *const backend_outside = &vhost_ops;
void block_completed(uint64_t user_data, int32_t result);
void block_completed(uint64_t user_data, int32_t result)
{
    (void)user_data, (void)result;
}

static struct hv_shared_info shared;
static struct hvc_page page;
static struct domain domain;
static struct devices all;
static struct device *d;
static int back;      // the back end's end of the socket
static int kept = -1; // passed to be kept

static void nothing(struct domain *dom, unsigned vcpu)
{
    (void)dom, (void)vcpu;
}
static const struct engine engine = {.wake = nothing, .interrupt = nothing};

// ------------------------------------------------------------- a back end

// How it deviates.
enum lie {
    HONEST,
    NO_FEATURES,
    NO_PROTOCOL,
    NO_CONFIG,
    WRONG_REQUEST,
    WRONG_FLAGS,
    SHORT_SIZE,
    LONG_SIZE,
    HUGE_SIZE,
    CONFIG_SHORT,
    HANGS_UP_AT_ONCE,
    HANGS_UP_LATER,
    LIES
};

static void say(enum request r, uint32_t flags, const void *body, uint32_t len,
                uint32_t size)
{
    struct head h = {r, flags, size};

    CHECK(send(back, &h, sizeof(h), MSG_NOSIGNAL) == sizeof(h));
    if (len)
        send(back, body, len, MSG_NOSIGNAL);
}

static bool hear_one(struct head *h, uint8_t *body)
{
    if (recv(back, h, sizeof(*h), MSG_WAITALL) != sizeof(*h))
        return false;
    CHECK(h->size <= BODY_MAX && h->flags == FLAG_VERSION);
    return h->size == 0 ||
           recv(back, body, h->size, MSG_WAITALL) == (ssize_t)h->size;
}

static void answer_features(enum lie lie)
{
    uint64_t f = BASIC | F_PROTOCOL | 1ull << VIRTIO_BLK_F_FLUSH | 1ull << 60;

    if (lie == NO_FEATURES)
        f &= ~(1ull << 29);
    if (lie == NO_PROTOCOL)
        f &= ~F_PROTOCOL;
    say(lie == WRONG_REQUEST ? GET_CONFIG : GET_FEATURES,
        lie == WRONG_FLAGS ? FLAG_VERSION : FLAG_VERSION | FLAG_REPLY, &f, 8,
        lie == SHORT_SIZE  ? 4
        : lie == LONG_SIZE ? 16
        : lie == HUGE_SIZE ? 0xffffffff
                           : 8);
}

static void *back_end(void *argument)
{
    enum lie lie = *(enum lie *)argument;
    uint8_t body[BODY_MAX];
    struct head h;

    while (lie != HANGS_UP_AT_ONCE && hear_one(&h, body)) {
        uint64_t n = lie == NO_CONFIG ? 0 : PROTOCOL_F_CONFIG | 1ull << 40;

        if (h.request == GET_FEATURES)
            answer_features(lie);
        if (h.request == GET_PROTOCOL_FEATURES && lie == HANGS_UP_LATER)
            break;
        if (h.request == GET_PROTOCOL_FEATURES)
            say(h.request, FLAG_VERSION | FLAG_REPLY, &n, 8, 8);
        if (h.request == SET_PROTOCOL_FEATURES)
            CHECK((memcpy(&n, body, 8),
                   n & ~(PROTOCOL_F_CONFIG | PROTOCOL_F_MQ)) == 0);
        if (h.request != GET_CONFIG)
            continue;
        memset(body + 12, 0x5a, CONFIG_LEN);
        say(h.request, FLAG_VERSION | FLAG_REPLY, body, h.size,
            lie == CONFIG_SHORT ? 12 : h.size);
        return NULL; // what follows is the test's to say
    }
    shutdown(back, SHUT_RDWR);
    return NULL;
}

static int open_device(enum lie lie, struct err *e)
{
    const struct hvc_device m = {.type = HV_DEV_BLOCK,
                                 .flags = HVC_D_VHOST_USER |
                                          (kept >= 0 ? HVC_D_KEPT : 0)};
    pthread_t t;
    int pair[2], fds[4], r;

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    back = pair[1];
    fds[0] = pair[0];
    fds[1] = eventfd(0, EFD_NONBLOCK);
    fds[2] = eventfd(0, EFD_NONBLOCK);
    fds[3] = kept;
    memset(domain.window, 0, WINDOW_LEN);
    memset(vhosts, 0, sizeof(vhosts));
    memset(&shared, 0, sizeof(shared));
    domain.window_len = WINDOW_LEN;
    devices_init(&all, &domain, &page, -1);
    CHECK(pthread_create(&t, NULL, back_end, &lie) == 0);
    r = devices_add(&all, &m, fds, kept >= 0 ? 4 : 3, e);
    d = &all.device[0];
    if (r < 0) // else one that goes on waiting is answered
        shutdown(pair[0], SHUT_RDWR);
    CHECK(pthread_join(t, NULL) == 0);
    return r;
}

static void close_device(void)
{
    for (int i = 0; i < 3; i++)
        close(d->fd[i]);
    close(back);
}

static struct hv_device_control *control(void)
{
    return (struct hv_device_control *)(domain.window + HV_CONTROL_OFFSET);
}

static const char *ask(uint32_t status)
{
    control()->guest_status = status;
    return devices_notified(&all, 1ull << HV_PORT_DEVICE);
}

static uint16_t *index_at(uint32_t ring)
{
    return (uint16_t *)(domain.window + ring) + 1;
}

static uint64_t kicks(void)
{
    uint64_t n = 0;

    return read(d->fd[FD_KICK], &n, 8) == 8 ? n : 0;
}

static void ready(unsigned which)
{
    CHECK(devices_ready(&all, which, EPOLLIN) == NULL);
}

// Running, and everything told.
static void run(void)
{
    const struct hv_queue q = {DESC, AVAIL, USED, 16, 1};
    uint8_t body[BODY_MAX];
    unsigned told = 0;
    struct head h;

    CHECK_WORKS(open_device(HONEST, e));
    memcpy(domain.window + TABLE, &q, sizeof(q));
    control()->guest_features = BASIC;
    control()->nqueues = 1;
    control()->queue_table = TABLE;
    CHECK(ask(RUN) == NULL && control()->host_status == RUN);
    do {
        CHECK(hear_one(&h, body));
        told |= 1u << h.request;
        if (h.request == SET_MEM_TABLE) {
            struct mem_table t;

            memcpy(&t, body, sizeof(t));
            CHECK(t.n == 1 && t.guest_addr == HV_WINDOW_VA &&
                  t.len == WINDOW_LEN && t.file_offset == 0);
        }
        if (h.request == SET_VRING_ADDR) {
            struct vring_addr a;

            memcpy(&a, body, sizeof(a));
            CHECK(a.index == 0 && a.desc == HV_WINDOW_VA + DESC &&
                  a.avail == HV_WINDOW_VA + AVAIL &&
                  a.used == HV_WINDOW_VA + USED);
        }
    } while (h.request != SET_VRING_ENABLE);
    CHECK(told & 1u << SET_FEATURES && told & 1u << SET_VRING_KICK &&
          told & 1u << SET_VRING_CALL);
}

// ------------------------------------------------------------------ tests

static void test_open(void)
{
    static const char *const says[LIES] = {
        [NO_FEATURES] = "lacks features",  [NO_PROTOCOL] = "lacks features",
        [NO_CONFIG] = "lacks features",    [WRONG_REQUEST] = "something else",
        [WRONG_FLAGS] = "something else",  [SHORT_SIZE] = "something else",
        [LONG_SIZE] = "something else",    [HUGE_SIZE] = "something else",
        [CONFIG_SHORT] = "something else", [HANGS_UP_AT_ONCE] = "hung up",
        [HANGS_UP_LATER] = "hung up"};

    for (enum lie l = HONEST + 1; l < LIES; l++) {
        CHECK_FAILS(open_device(l, e), says[l]);
        close_device();
    }
    CHECK_WORKS(open_device(HONEST, e));
    // Of what it offers, only what front ends know.
    CHECK(d->offered == (BASIC | 1ull << VIRTIO_BLK_F_FLUSH));
    CHECK(control()->config[0] == 0x5a && control()->config[59] == 0x5a &&
          control()->config[60] == 0);
    close_device();
}

static void test_kicks(void)
{
    run();
    CHECK(devices_next_gone(&all) == -1);
    CHECK(kicks() == 0);
    *index_at(AVAIL) = 1;
    CHECK(devices_notified(&all, 1ull << HV_PORT_DEVICE) == NULL);
    CHECK(kicks() == 1);
    CHECK(devices_notified(&all, 1ull << HV_PORT_DEVICE) == NULL);
    CHECK(kicks() == 0); // nothing new
    shared.vcpu[0].pending = 0;
    ready(FD_CALL);
    CHECK(shared.vcpu[0].pending == 1ull << HV_PORT_DEVICE);
    close_device();
}

static void failed(void)
{
    CHECK(devices_next_gone(&all) == 0 && devices_next_gone(&all) == -1);
    CHECK(control()->host_status == (RUN | 64));
    *index_at(AVAIL) += 1;
    CHECK(devices_notified(&all, 1ull << HV_PORT_DEVICE) == NULL);
    CHECK(kicks() == 0);
    // It may still write: no reset is ever done.
    CHECK(ask(0) == NULL && control()->host_status == (RUN | 64));
    CHECK(devices_tick(&all, UINT64_MAX - 1) == NULL);
    CHECK(control()->host_status == (RUN | 64));
    close_device();
}

static void test_gone(void)
{
    uint64_t word = 5;

    run();
    close(back);
    ready(FD_SOCKET);
    failed();
    run(); // speaks unasked
    say(GET_VRING_BASE, FLAG_VERSION | FLAG_REPLY, &word, 8, 8);
    ready(FD_SOCKET);
    failed();
    run();
    CHECK(send(back, &word, 1, 0) == 1);
    ready(FD_SOCKET);
    failed();
}

// Asks for a reset while two requests are under way, and lets them end.
static void stop(void)
{
    uint8_t body[BODY_MAX];
    struct head h;

    run();
    *index_at(AVAIL) = 2;
    CHECK(ask(0) == NULL && control()->host_status == RUN);
    *index_at(USED) = 1;
    ready(FD_CALL);
    CHECK(control()->host_status == RUN && devices_due_ns(&all) != UINT64_MAX);
    CHECK(recv(back, body, 1, MSG_DONTWAIT) == -1);
    *index_at(USED) = 2;
    CHECK(devices_tick(&all, UINT64_MAX - 1) == NULL);
    CHECK(hear_one(&h, body) && h.request == GET_VRING_BASE);
    CHECK(control()->host_status == RUN);
}

static void test_reset(void)
{
    const struct vring_state s = {0, 2};
    const struct head good = {GET_VRING_BASE, FLAG_VERSION | FLAG_REPLY, 8};

    stop();
    say(good.request, good.flags, &s, 8, 8);
    ready(FD_SOCKET);
    CHECK(control()->host_status == 0);
    close_device();
    stop(); // byte by byte
    for (size_t i = 0; i < sizeof(good); i++) {
        CHECK(send(back, (const uint8_t *)&good + i, 1, 0) == 1);
        ready(FD_SOCKET);
    }
    CHECK(send(back, &s, 7, 0) == 7);
    ready(FD_SOCKET);
    CHECK(control()->host_status == RUN);
    CHECK(send(back, &s, 1, 0) == 1);
    ready(FD_SOCKET);
    CHECK(control()->host_status == 0);
    close_device();
    for (int lie = 0; lie < 3; lie++) {
        stop();
        say(lie == 0 ? GET_FEATURES : good.request,
            lie == 1 ? FLAG_VERSION : good.flags, &s, 8, lie == 2 ? 4 : 8);
        ready(FD_SOCKET);
        CHECK(d->state == DEVICE_DRAINING &&
              ((struct vhost *)d->own)->state == VHOST_GONE);
        close_device();
    }
}

// What is to be kept is nobody's to kick, though a guest makes a queue for it.
static void test_kept(void)
{
    const struct hv_queue q = {DESC, AVAIL, USED, 16, 1};
    uint64_t n;

    kept = eventfd(0, EFD_NONBLOCK);
    CHECK_WORKS(open_device(HONEST, e));
    CHECK(d->kept_fd == kept && d->fd[FD_KICK + 1] == -1);
    for (int i = 0; i < 2; i++)
        memcpy(domain.window + TABLE + i * sizeof(q), &q, sizeof(q));
    control()->guest_features = BASIC;
    control()->nqueues = 2;
    control()->queue_table = TABLE;
    CHECK(strstr(ask(RUN), "another number of queues"));
    CHECK(read(kept, &n, sizeof(n)) < 0);
    close_device();
    close(kept);
    kept = -1;
    CHECK_WORKS(open_device(HONEST, e));
    CHECK(d->kept_fd == -1);
    close_device();
}

// The other type, with its config from the controller.
static void test_fs(void)
{
    struct hvc_device m = {.type = HV_DEV_FS,
                           .flags = HVC_D_VHOST_USER,
                           .fs = {.tag = "data", .request_queues = 1}};
    enum lie honest = NO_CONFIG; // and it needs none
    pthread_t t;
    int pair[2], fds[4];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    back = pair[1];
    fds[0] = pair[0];
    for (int i = 1; i < 4; i++)
        fds[i] = eventfd(0, EFD_NONBLOCK);
    domain.window_len = WINDOW_LEN;
    memset(vhosts, 0, sizeof(vhosts));
    devices_init(&all, &domain, &page, -1);
    CHECK(pthread_create(&t, NULL, back_end, &honest) == 0);
    CHECK_WORKS(devices_add(&all, &m, fds, 4, e));
    d = &all.device[0];
    CHECK(d->type == HV_DEV_FS &&
          strcmp((char *)control()->config, "data") == 0);
    CHECK(devices_kinds(&all) & 1u << HV_DEV_FS);
    close(d->fd[0]);
    CHECK(pthread_join(t, NULL) == 0);
    m.type = HV_DEV_NET;
    CHECK_FAILS(devices_add(&all, &m, fds, 2, e), "descriptors");
    fds[0] = fds[1] = fds[2] = fds[3] = back;
    CHECK_FAILS(devices_add(&all, &m, fds, 4, e), "cannot be");
}

int main(void)
{
    domain.engine = &engine;
    domain.shared = &shared;
    domain.window_fd = memfd_create("window", 0);
    domain.window = guarded_new(WINDOW_LEN).map;
    test_open();
    test_kicks();
    test_gone();
    test_reset();
    test_kept();
    test_fs();
    return 0;
}
