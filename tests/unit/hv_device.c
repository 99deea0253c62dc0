// SPDX-License-Identifier: ISC
// The handshake of a device's control block: each status word a guest may
// write in each state, resets while requests are under way, queue tables where
// they should not be; with a back end that only counts.

#include "hypervisor/dev/device.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <sys/epoll.h>

#include "hypervisor/dev/backends.h"
#include "tests/unit/lib_check.h"

#define WINDOW_LEN (HVC_WINDOW_MIN_KIB * 1024u)
#define ACK        VIRTIO_CONFIG_S_ACKNOWLEDGE
#define DRIVER     VIRTIO_CONFIG_S_DRIVER
#define AGREE      VIRTIO_CONFIG_S_FEATURES_OK
#define RUN        VIRTIO_CONFIG_S_DRIVER_OK
#define FAILED     VIRTIO_CONFIG_S_FAILED
#define NEEDS      VIRTIO_CONFIG_S_NEEDS_RESET
#define BASIC      (1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_RING_F_EVENT_IDX)
#define TABLE      0x8000u

// --------------------------------------------------------- a back end

static struct {
    int started, kicked, stopped, ticked, refuse;
    unsigned busy;    // requests under way
    const char *lies; // what the guest broke, when kicked
} fake;

static int fake_open(struct device *d, const struct hvc_device *m,
                     struct err *e)
{
    (void)e;
    d->offered |= 1ull << 5;
    device_config(d, m->bytes, 8);
    return 0;
}

static int fake_start(struct device *d)
{
    fake.started++;
    if (fake.refuse) {
        device_fail(d);
        return -1;
    }
    return 0;
}

static int fake_kick(struct device *d)
{
    fake.kicked++;
    return fake.lies ? device_broke(d, fake.lies) : 0;
}

static int fake_tick(struct device *d)
{
    (void)d;
    fake.ticked++;
    return 0;
}

static void fake_stop(struct device *d)
{
    (void)d;
    fake.stopped++;
}

static bool fake_idle(const struct device *d)
{
    (void)d;
    return fake.busy == 0;
}

static const struct device_ops fake_ops = {.type = HV_DEV_NET,
                                           .name = "fake",
                                           .queues_min = 1,
                                           .queues_max = 3,
                                           .fds_min = 0,
                                           .fds_max = 1,
                                           .open = fake_open,
                                           .start = fake_start,
                                           .kick = fake_kick,
                                           .tick = fake_tick,
                                           .stop = fake_stop,
                                           .idle = fake_idle};
const struct device_ops *const backends[] = {&fake_ops};
const size_t backends_count = 1;
const struct device_ops *const backend_outside = &fake_ops;

// Not part of this test: the ring of the disks.
void block_completed(uint64_t user_data, int32_t result);
void block_completed(uint64_t user_data, int32_t result)
{
    (void)user_data, (void)result;
}

// ------------------------------------------------------------ a domain

static struct hv_shared_info shared;
static struct hvc_page page;
static struct hv_start_info start;
static struct domain domain;
static struct devices all;
static struct device *d;

static void nothing(struct domain *dom, unsigned vcpu)
{
    (void)dom, (void)vcpu;
}
static const struct engine engine = {.wake = nothing, .interrupt = nothing};

static struct hv_device_control *control(void)
{
    return (struct hv_device_control *)(domain.window + HV_CONTROL_OFFSET);
}

static struct hv_queue *queues(void)
{
    return (struct hv_queue *)(domain.window + TABLE);
}

static void fresh(void)
{
    const struct hvc_device m = {.type = HV_DEV_NET, .window_kib = 4};

    memset(domain.window, 0, WINDOW_LEN);
    memset(&fake, 0, sizeof(fake));
    memset(&shared, 0, sizeof(shared));
    domain.window_len = WINDOW_LEN;
    devices_init(&all, &domain, &page, -1);
    CHECK_WORKS(devices_add(&all, &m, NULL, 0, e));
    d = &all.device[0];
    control()->guest_features = BASIC;
    control()->nqueues = 1;
    control()->queue_table = TABLE;
    queues()[0] = (struct hv_queue){0x9000, 0xa000, 0xb000, 16, 1};
    queues()[1] = (struct hv_queue){0xc000, 0xd000, 0xe000, 8, 1};
}

#define PORT (1ull << HV_PORT_DEVICE)

static const char *ask(uint32_t status)
{
    control()->guest_status = status;
    return devices_notified(&all, PORT);
}

static bool raised(void)
{
    bool was = shared.vcpu[0].pending & PORT;

    shared.vcpu[0].pending = 0;
    return was;
}

static void answers(uint32_t asks, uint32_t status)
{
    CHECK(ask(asks) == NULL);
    CHECK(control()->host_status == status && raised());
}

// ------------------------------------------------------------------ tests

static void test_add(void)
{
    struct hvc_device m = {.type = HV_DEV_NET, .window_kib = 3};
    int fds[4] = {-1, -1, -1, -1};
    uint64_t len;

    fresh();
    CHECK(domain.window_len == WINDOW_LEN + 4096);
    devices_fill(&all, &start);
    CHECK(start.ndevices == 1 && start.device[0].type == HV_DEV_NET &&
          start.device[0].port == HV_PORT_DEVICE &&
          start.device[0].control == HV_CONTROL_OFFSET);
    CHECK(devices_kinds(&all) == (1u << HV_DEV_CONSOLE | 1u << HV_DEV_NET));
    CHECK_FAILS(devices_add(&all, &m, fds, 0, e), "whole pages");
    m.window_kib = HVC_WINDOW_MAX_KIB;
    CHECK_FAILS(devices_add(&all, &m, fds, 0, e), "I/O window");
    m.window_kib = 0xfffffffc;
    CHECK_FAILS(devices_add(&all, &m, fds, 0, e), "I/O window");
    m.window_kib = 4;
    CHECK_FAILS(devices_add(&all, &m, fds, 2, e), "descriptors");
    m.type = HV_DEV_FS;
    CHECK_FAILS(devices_add(&all, &m, fds, 0, e), "no such device");
    m.type = HV_DEV_CONSOLE;
    CHECK_FAILS(devices_add(&all, &m, fds, 0, e), "no such device");
    m.type = 0xffffffff;
    CHECK_FAILS(devices_add(&all, &m, fds, 0, e), "no such device");
    m.type = HV_DEV_NET;
    while (all.n < HV_DEVICE_MAX)
        CHECK_WORKS(devices_add(&all, &m, fds, 0, e));
    len = domain.window_len;
    CHECK_FAILS(devices_add(&all, &m, fds, 0, e), "no fake device");
    CHECK(domain.window_len == len && all.device[5].nth == 5);
}

static void test_steps(void)
{
    fresh();
    CHECK(control()->host_features == (BASIC | 1ull << 28 | 1ull << 5));
    CHECK(devices_notified(&all, PORT) == NULL && !raised());
    answers(ACK, ACK);
    answers(ACK | DRIVER, ACK | DRIVER);
    answers(ACK | DRIVER | AGREE, ACK | DRIVER | AGREE);
    CHECK(fake.started == 0 && fake.kicked == 0);
    answers(ACK | DRIVER | AGREE | RUN, ACK | DRIVER | AGREE | RUN);
    // What the guest had made available before is looked at.
    CHECK(fake.started == 1 && fake.kicked == 1);
    CHECK(devices_notified(&all, PORT) == NULL && fake.kicked == 2);
    // Others' ports are not ours.
    CHECK(devices_notified(&all, ~PORT) == NULL && fake.kicked == 2);
    answers(0, 0);
    CHECK(fake.stopped == 1 && devices_notified(&all, PORT) == NULL &&
          fake.kicked == 2);
    // All at once, another time.
    control()->nqueues = 2;
    answers(ACK | DRIVER | AGREE | RUN, ACK | DRIVER | AGREE | RUN);
    CHECK(d->nqueues == 2 && d->queue[1].size == 8);
}

// Every word of the eight bits after every legal one.
static void test_words(void)
{
    static const uint32_t legal[] = {0, ACK, ACK | DRIVER, ACK | DRIVER | AGREE,
                                     ACK | DRIVER | AGREE | RUN};

    for (unsigned from = 0; from < 5; from++) {
        for (uint32_t to = 0; to < 512; to++) {
            uint32_t plain = to & ~FAILED;
            bool good = to == 0, broke;

            fresh();
            if (from)
                answers(legal[from], legal[from]);
            for (unsigned i = 0; i < 5; i++)
                good |= i >= from && plain == legal[i];
            broke = ask(to) != NULL;
            if (broke == good) {
                fprintf(stderr, "from %#x to %#x: %d\n", legal[from], to,
                        broke);
                exit(1);
            }
            CHECK(broke || control()->host_status == to);
        }
    }
    fresh();
    CHECK(ask(0x80000001) != NULL);
    fresh();
    CHECK(ask(ACK | NEEDS) != NULL);
}

static void test_features(void)
{
    const uint32_t all_bits = ACK | DRIVER | AGREE | RUN;
    static const uint64_t bad[] = {0,
                                   1ull << VIRTIO_F_VERSION_1,
                                   1ull << VIRTIO_RING_F_EVENT_IDX,
                                   BASIC | 1ull << 6,
                                   BASIC | 1ull << 63,
                                   UINT64_MAX};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fresh();
        control()->guest_features = bad[i];
        answers(all_bits, all_bits | NEEDS);
        CHECK(fake.started == 0 && d->state == DEVICE_FAILED);
        // Nothing counts but a reset, and that makes it well.
        CHECK(devices_notified(&all, PORT) == NULL && fake.kicked == 0);
        answers(0, 0);
        control()->guest_features = BASIC | 1ull << 5;
        answers(all_bits, all_bits);
        CHECK(d->features == (BASIC | 1ull << 5));
    }
    fresh();
    fake.refuse = 1;
    answers(all_bits, all_bits | NEEDS);
    CHECK(fake.kicked == 0);
    answers(0, 0);
}

static void runs_not(const char *part)
{
    const char *why = ask(ACK | DRIVER | AGREE | RUN);

    CHECK(why && strstr(why, part) && fake.started == 0);
}

static void test_tables(void)
{
    static const uint32_t places[] = {
        1, 2, WINDOW_LEN + 4096 - 8, 0xfffffffc, 0xfffffff0, 0x80000000};
    static const uint32_t counts[] = {0, 4, 17, 0x10000001, 0xffffffff};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        fresh();
        control()->queue_table = places[i];
        runs_not("outside the window");
    }
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        fresh();
        control()->nqueues = counts[i];
        runs_not("number of queues");
    }
    fresh();
    queues()[0].size = 7;
    runs_not("power of 2");
    fresh();
    queues()[0].used = WINDOW_LEN + 4096;
    runs_not("outside the window");
    // The place before the last, and one that is not used.
    fresh();
    control()->nqueues = 2;
    queues()[1] = (struct hv_queue){~0u, ~0u, ~0u, 0xffff, 0};
    answers(ACK | DRIVER | AGREE | RUN, ACK | DRIVER | AGREE | RUN);
    CHECK(d->queue[1].size == 0);
}

static void test_reset_waits(void)
{
    const uint32_t run = ACK | DRIVER | AGREE | RUN;

    fresh();
    answers(run, run);
    fake.busy = 2;
    CHECK(ask(0) == NULL && control()->host_status == run && !raised());
    CHECK(fake.stopped == 1);
    // Notifications while it drains start nothing.
    CHECK(ask(run) == NULL && fake.kicked == 1 && fake.started == 1);
    CHECK(ask(0x33) == NULL);
    CHECK(ask(run) == NULL);
    fake.busy = 0;
    d->due_ns = 5;
    CHECK(devices_due_ns(&all) == 5 && devices_tick(&all, 5) == NULL);
    // Answered, and what was asked for meanwhile taken up.
    CHECK(fake.ticked == 1 && fake.started == 2 &&
          control()->host_status == run && raised());
    CHECK(devices_due_ns(&all) == UINT64_MAX);
}

static void test_ends(void)
{
    const uint32_t run = ACK | DRIVER | AGREE | RUN;

    fresh();
    answers(run | FAILED, run | FAILED);
    CHECK(devices_notified(&all, PORT) == NULL && fake.kicked == 0);
    answers(0, 0);
    answers(run, run);
    device_fail(d);
    CHECK(control()->host_status == (run | NEEDS) && raised());
    CHECK(devices_notified(&all, PORT) == NULL && fake.kicked == 1);
    answers(0, 0);
    answers(run, run);
    fake.lies = "this and that";
    CHECK(devices_notified(&all, PORT) == fake.lies);
}

static void test_config(void)
{
    const uint64_t word = 0x1122334455667788;

    fresh();
    CHECK(control()->config_seq == 2);
    control()->config_seq = 0x7fffffff; // a guest's scribbling
    device_config(d, &word, sizeof(word));
    CHECK(control()->config_seq % 2 == 0 &&
          memcmp(control()->config, &word, 8) == 0 && !raised());
    answers(ACK, ACK);
    device_config(d, &word, sizeof(word));
    CHECK(raised());
}

static void test_rates(void)
{
    struct hvc_device m = {.type = HV_DEV_NET,
                           .rate = {{1000, 1000, 0, 0}, {0, 0, 10, 2}}};
    struct device *r;

    fresh();
    CHECK_WORKS(devices_add(&all, &m, NULL, 0, e));
    r = &all.device[1];
    CHECK(device_may(r, 0, 1000000000) && r->due_ns == UINT64_MAX);
    device_spend(r, 0, 3000, 1000000000);
    CHECK(!device_may(r, 0, 1000000000));
    CHECK(r->due_ns > 2999999999u && r->due_ns < 3100000000u);
    CHECK(device_may(r, 0, r->due_ns));
    r->due_ns = UINT64_MAX;
    device_spend(r, 1, 1ull << 60, 5000000000);
    device_spend(r, 1, 1ull << 60, 5000000000);
    CHECK(!device_may(r, 1, 5000000000) && r->due_ns <= 5100000001u);
}

int main(void)
{
    domain.engine = &engine;
    domain.shared = &shared;
    domain.window_fd = memfd_create("window", 0);
    domain.window = guarded_new(WINDOW_LEN).map;
    test_add();
    test_steps();
    test_words();
    test_features();
    test_tables();
    test_reset_waits();
    test_ends();
    test_config();
    test_rates();
    return 0;
}
