// SPDX-License-Identifier: ISC
// Frames through the network back end: none lost, doubled, torn or out of
// order, whatever buffers the guest gives, with a ring of the kernel's and
// without. A pair of sockets that keeps messages apart is the TAP.

#include "hypervisor/dev/net.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "hypervisor/dev/backends.h"
#include "hypervisor/dev/net_batch.h"
#include "tests/unit/lib_check.h"

const struct device_ops *const backends[] = {&net_ops};
const size_t backends_count = 1;
const struct device_ops *const backend_outside = &net_ops;

// Not part of this test: the ring of the disks.
void block_completed(uint64_t user_data, int32_t result);
void block_completed(uint64_t user_data, int32_t result)
{
    (void)user_data, (void)result;
}

#define HEADER   sizeof(struct virtio_net_hdr_v1)
#define SIZE     256u
#define TABLE    0x8000u
#define DESC(q)  (0x9000u + 0x4000u * (q))
#define AVAIL(q) (0xb000u + 0x4000u * (q))
#define USED(q)  (0xc000u + 0x4000u * (q))
#define DATA     0x100000u
#define PORT     (1ull << HV_PORT_DEVICE)
#define LARGEST  (HEADER + NET_FRAME_MAX)

static const uint8_t mac[6] = {0, 22, 62, 0, 0, 1};

static struct hv_shared_info shared;
static struct hvc_page page;
static struct domain domain;
static struct devices all;
static int wire; // the other end of the TAP

static void nothing(struct domain *dom, unsigned vcpu)
{
    (void)dom, (void)vcpu;
}
static const struct engine engine = {.wake = nothing, .interrupt = nothing};

// ------------------------------------------------------------- the guest

static uint32_t at[2][SIZE], room[2][SIZE]; // of each descriptor
static uint16_t seen[2];                    // of the used ring

static struct vring_avail *avail(unsigned q)
{
    return (struct vring_avail *)(domain.window + AVAIL(q));
}

static struct vring_used *used(unsigned q)
{
    return (struct vring_used *)(domain.window + USED(q));
}

static void give(unsigned q, uint16_t i, uint32_t len)
{
    struct vring_desc *d = (struct vring_desc *)(domain.window + DESC(q)) + i;

    CHECK(len <= room[q][i]);
    *d = (struct vring_desc){HV_WINDOW_VA + at[q][i], len,
                             q ? 0 : VRING_DESC_F_WRITE, 0};
    avail(q)->ring[avail(q)->idx++ % SIZE] = i;
}

// Places n buffers behind each other with a gap between them, `len(i)` each.
static void place(unsigned q, unsigned n, uint32_t from,
                  uint32_t (*len)(unsigned))
{
    for (unsigned i = 0; i < n; i++) {
        at[q][i] = from;
        room[q][i] = len(i);
        from += room[q][i] + 64;
        CHECK(from <= domain.window_len);
    }
}

static void fresh(bool ring, uint16_t loss)
{
    struct hvc_device m = {
        .type = HV_DEV_NET,
        .window_kib = HVC_NET_WINDOW_KIB,
        .net = {.mtu = 1500, .loss = loss, .flags = HVC_NET_ANY_IP}};
    struct hv_device_control *c =
        (struct hv_device_control *)(domain.window + HV_CONTROL_OFFSET);
    struct hv_queue *q = (struct hv_queue *)(domain.window + TABLE);
    const uint32_t run = 15;
    int pair[2], big = 1 << 20;

    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) == 0);
    for (int i = 0; i < 2; i++)
        setsockopt(pair[i], SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof(big));
    wire = pair[1];
    memcpy(m.net.mac, mac, sizeof(mac));
    memset(domain.window, 0, DATA);
    memset(seen, 0, sizeof(seen));
    memset(&page, 0, sizeof(page));
    domain.window_len = HVC_WINDOW_MIN_KIB * 1024u;
    devices_init(&all, &domain, &page, epoll_create1(EPOLL_CLOEXEC));
    if (ring)
        CHECK_WORKS(uring_make(&all.wire, URING_FRAMES, e));
    CHECK_WORKS(devices_add(&all, &m, pair, 1, e));
    for (unsigned i = 0; i < 2; i++)
        q[i] = (struct hv_queue){DESC(i), AVAIL(i), USED(i), SIZE, 1};
    c->nqueues = 2;
    c->queue_table = TABLE;
    c->guest_features = c->host_features;
    c->guest_status = run;
    CHECK(devices_notified(&all, PORT) == NULL && c->host_status == run);
}

static void stale(void)
{
    close(wire);
    close(all.device[0].fd[0]);
    close(all.epoll_fd);
    if (all.wire.fd >= 0)
        close(all.wire.fd);
}

// The loop's part: what the guest has notified, what the TAP has.
static void turn(void)
{
    for (int i = 0; i < 8; i++) {
        CHECK(devices_notified(&all, PORT) == NULL);
        CHECK(devices_ready(&all, 0, EPOLLIN) == NULL);
        CHECK(devices_tick(&all, UINT64_MAX - 1) == NULL);
    }
}

// ------------------------------------------------------------- frames

// The nth frame of any length: an IPv4 frame of the domain's, all bytes told
// apart.
static size_t frame(uint8_t *f, unsigned n, size_t len)
{
    const struct virtio_net_hdr_v1 h = {0};

    memcpy(f, &h, HEADER);
    f += HEADER;
    for (size_t i = 0; i < len; i++)
        f[i] = (n * 31 + i * 7 + i / 251) & 0xff;
    memset(f, 2, 6);
    memcpy(f + 6, mac, sizeof(mac));
    f[12] = 8, f[13] = 0, f[14] = 0x45;
    memcpy(f + 26, (uint8_t[]){10, 0, 0, 2}, 4);
    return HEADER + len;
}

static size_t mixed(unsigned n)
{
    static const uint32_t lens[] = {60,   1514, 64,    60, 300,  1514,
                                    9000, 60,   65549, 60, 2036, 2037};

    return lens[n * 5 / 3 % (sizeof(lens) / sizeof(lens[0]))];
}

static size_t small(unsigned n)
{
    return 60 + n * 97 % 1455;
}

// Takes the next frame that came in, if one did, and gives its buffers back.
static bool comes(uint8_t *f, size_t *len, uint16_t *last)
{
    struct virtio_net_hdr_v1 h;
    unsigned pieces = 1;

    if (seen[0] == used(0)->idx)
        return false;
    *len = 0;
    for (unsigned i = 0; i < pieces; i++) {
        const struct vring_used_elem *e = &used(0)->ring[seen[0]++ % SIZE];

        CHECK((uint16_t)(used(0)->idx - seen[0]) < SIZE && e->id < SIZE);
        CHECK(e->len <= room[0][e->id] && *len + e->len <= LARGEST);
        memcpy(f + *len, domain.window + at[0][e->id], e->len);
        *len += e->len;
        if (i == 0) {
            memcpy(&h, f, HEADER);
            pieces = h.num_buffers;
            CHECK(pieces);
        }
        *last = e->id;
        give(0, e->id, room[0][e->id]);
    }
    return true;
}

static void check_in(bool ring, unsigned buffers, uint32_t (*size)(unsigned),
                     size_t (*length)(unsigned), unsigned count)
{
    static uint8_t sent[LARGEST], got[LARGEST];
    unsigned in = 0, out = 0;
    uint16_t last;
    size_t len;

    fresh(ring, 0);
    place(0, buffers, DATA, size);
    memset(domain.window + DATA, 0xa5, domain.window_len - DATA);
    for (unsigned i = 0; i < buffers; i++)
        give(0, i, room[0][i]);
    while (out < count) {
        // As many as the TAP keeps.
        while (in < count && write(wire, sent, frame(sent, in, length(in))) > 0)
            in++;
        turn();
        while (comes(got, &len, &last)) {
            CHECK(len == frame(sent, out, length(out)));
            CHECK(!memcmp(sent + HEADER, got + HEADER, len - HEADER));
            out++;
        }
    }
    CHECK(page.net_rx_packets == count);
    // Nothing was written past any buffer.
    for (unsigned i = 0; i < buffers; i++)
        for (unsigned k = 0; k < 64; k++)
            CHECK(domain.window[at[0][i] + room[0][i] + k] == 0xa5);
    stale();
}

static uint32_t size_4096(unsigned i)
{
    (void)i;
    return 4096;
}

static uint32_t size_odd(unsigned i)
{
    return i % 7 == 3 ? 60000 : 12 + i * 331 % 3000;
}

static uint32_t size_largest(unsigned i)
{
    (void)i;
    return LARGEST;
}

static void test_in(bool ring)
{
    check_in(ring, 256, size_4096, mixed, 2000);
    check_in(ring, 256, size_4096, small, 2000);
    check_in(ring, 137, size_4096, mixed, 500); // room for some at a time
    check_in(ring, 17, size_4096, mixed, 500);  // for one
    check_in(ring, 90, size_odd, mixed, 1000);
    check_in(ring, 3, size_largest, small, 500);
}

// ------------------------------------------------------------- out

static uint32_t size_slot(unsigned i)
{
    (void)i;
    return LARGEST;
}

// Every fifth is not the domain's to send; it is dropped, no other is.
static void test_out(bool ring)
{
    enum { SLOTS = 100, COUNT = 1000 };
    static uint8_t sent[LARGEST], got[LARGEST];
    unsigned in = 0, out = 0, refused = 0;

    fresh(ring, 0);
    place(1, SLOTS, DATA, size_slot);
    while (out < COUNT) {
        unsigned n;

        // No more than the socket keeps.
        for (n = 0; n < 50 && in < COUNT; n++, in++) {
            uint8_t *f = domain.window + at[1][in % SLOTS];
            size_t len = frame(f, in, in % 9 == 4 ? 1514 : small(in));

            if (in % 5 == 3)
                f[HEADER + 6] ^= 1, refused++;
            give(1, in % SLOTS, len);
        }
        CHECK(devices_notified(&all, PORT) == NULL);
        CHECK(devices_tick(&all, UINT64_MAX - 1) == NULL);
        CHECK(used(1)->idx == (uint16_t)in);
        // All that was given is out before the loop has its turn.
        for (; out < in; out++) {
            size_t len = frame(sent, out, out % 9 == 4 ? 1514 : small(out));

            if (out % 5 == 3)
                continue;
            CHECK(read(wire, got, sizeof(got)) == (ssize_t)len);
            CHECK(!memcmp(sent + HEADER, got + HEADER, len - HEADER));
        }
        CHECK(read(wire, got, sizeof(got)) < 0 && errno == EAGAIN);
    }
    CHECK(page.net_tx_packets == COUNT - refused);
    CHECK(page.net_tx_refused == refused);
    stale();
}

// The guest changes a frame after it has given it: what was checked is sent.
static void test_copied(bool ring)
{
    static uint8_t got[LARGEST];

    fresh(ring, 0);
    place(1, 2, DATA, size_slot);
    for (unsigned i = 0; i < 2; i++)
        give(1, i, frame(domain.window + at[1][i], i, 60));
    CHECK(devices_notified(&all, PORT) == NULL);
    memset(domain.window + DATA, 0xee, 2 * LARGEST);
    for (unsigned i = 0; i < 2; i++) {
        CHECK(read(wire, got, sizeof(got)) == (ssize_t)HEADER + 60);
        CHECK(!memcmp(got + HEADER + 6, mac, sizeof(mac)));
    }
    stale();
}

// A TAP that is gone is told, in whatever way it was read.
static void test_gone(bool ring)
{
    const struct hv_device_control *c =
        (struct hv_device_control *)(domain.window + HV_CONTROL_OFFSET);

    fresh(ring, 0);
    place(0, 200, DATA, size_4096);
    for (unsigned i = 0; i < 200; i++)
        give(0, i, 4096);
    dup2(open("/", O_RDONLY | O_CLOEXEC), all.device[0].fd[0]);
    turn();
    CHECK(c->host_status & VIRTIO_CONFIG_S_NEEDS_RESET);
    stale();
}

// A kernel that does not know such requests for a file: they go singly, all of
// them and once each. (This one may know them: then nothing is to be seen.)
static void test_unknown(void)
{
    static uint8_t want[64], got[64];
    struct uring u;
    int fd = memfd_create("frames", MFD_CLOEXEC);

    CHECK_WORKS(uring_make(&u, URING_FRAMES, e));
    for (unsigned i = 0; i < 4; i++) {
        struct net_copy *c = net_batch_out();

        memset(c, i + 1, 16);
        memset(want + 16 * i, i + 1, 16);
        net_batch_add(&u, fd, 16);
    }
    net_batch_send(&u, fd);
    if (u.fd < 0) {
        CHECK(pread(fd, got, sizeof(got), 0) == sizeof(got));
        CHECK(!memcmp(got, want, sizeof(want)) &&
              lseek(fd, 0, SEEK_END) == sizeof(want));
    }
    close(fd);
}

// The ring reads and writes, and can be made to do nothing else.
static void test_restricted(void)
{
    static int32_t result;
    static const uint8_t others[] = {IORING_OP_READV,  IORING_OP_OPENAT,
                                     IORING_OP_SOCKET, IORING_OP_FALLOCATE,
                                     IORING_OP_CLOSE,  IORING_OP_SENDMSG};
    struct uring u;

    CHECK_WORKS(uring_make(&u, URING_FRAMES, e));
    for (size_t i = 0; i < sizeof(others); i++) {
        uring_sqe(&u)->opcode = others[i];
        uring_submit(&u);
        CHECK(uring_ready(&u));
        result = u.cqes[*u.cq_head & u.cq_mask].res;
        CHECK(result == -EACCES);
        __atomic_store_n(u.cq_head, *u.cq_head + 1, __ATOMIC_RELEASE);
    }
    close(u.fd);
}

int main(void)
{
    struct uring u;
    struct err e = {0};
    bool ring = uring_make(&u, URING_FRAMES, &e) == 0;

    domain.engine = &engine;
    domain.shared = &shared;
    domain.window_fd = memfd_create("window", MFD_CLOEXEC);
    domain.window =
        mmap(NULL, HVC_WINDOW_MAX_KIB * 1024ul, PROT_READ | PROT_WRITE,
             MAP_SHARED, domain.window_fd, 0);
    CHECK(domain.window != MAP_FAILED);
    CHECK(ftruncate(domain.window_fd, HVC_WINDOW_MIN_KIB * 1024u) == 0);
    if (!ring)
        printf("without io_uring: %s\n", e.text);
    for (int with = 0; with <= ring; with++) {
        test_in(with);
        test_copied(with);
        test_out(with);
        test_gone(with);
    }
    if (ring) {
        test_unknown();
        test_restricted();
    }
    return 0;
}
