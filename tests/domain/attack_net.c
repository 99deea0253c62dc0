// SPDX-License-Identifier: ISC
// A network driver that lies: attack_net WHAT. "spoof" sends frames that are
// not the domain's to send, then an honest ARP question.

#include "tests/domain/abi.h"

#define CONTROL                                                                \
    ((volatile struct hv_device_control *)(HV_WINDOW_VA +                      \
                                           START->device[0].control))
#define PORT (START->device[0].port)

#define ALL   15u // ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK
#define NEXT  1u
#define WRITE 2u
#define SIZE  64u

// VERSION_1 and EVENT_IDX; checksums, segmentation, MAC, mergeable buffers.
#define BASIC  (1ull << 32 | 1ull << 29)
#define NEEDED (1ull << 1 | 1ull << 7 | 1ull << 8 | 1ull << 15)

// Where things are, as window offsets: for each queue a page each.
#define TABLE    0x6000u
#define DESC(q)  (0x7000u + 0x4000u * (q))
#define AVAIL(q) (0x8000u + 0x4000u * (q))
#define USED(q)  (0x9000u + 0x4000u * (q))
#define FRAME    0x20000u
#define FRAME_LEN 0x20000u

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};
struct ring {
    uint16_t flags, idx, ring[SIZE + 1];
};
struct header {
    uint8_t flags, gso_type;
    uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};

static volatile void *at(uint32_t offset)
{
    return (volatile void *)(HV_WINDOW_VA + (uint64_t)offset);
}

static bool is(const char *what)
{
    const char *s = abi_arg(1);

    while (*s && *s == *what)
        s++, what++;
    return *s == *what;
}

static void linger(void)
{
    uint64_t end = abi_real_ns() + 1000000000;

    while (abi_real_ns() < end)
        __builtin_ia32_pause();
}

static uint32_t start(uint64_t features)
{
    volatile struct hv_queue *q = at(TABLE);
    uint64_t end = abi_real_ns() + 2000000000;

    for (unsigned i = 0; i < 2; i++) {
        q[i].desc = DESC(i);
        q[i].avail = AVAIL(i);
        q[i].used = USED(i);
        q[i].size = SIZE;
        q[i].enabled = 1;
    }
    CONTROL->guest_features = features;
    CONTROL->nqueues = 2;
    CONTROL->queue_table = TABLE;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    CONTROL->guest_status = ALL;
    abi_notify(PORT);
    while (abi_real_ns() < end) {
        uint32_t says = CONTROL->host_status;

        if (says == ALL || says & 64)
            return says;
        __builtin_ia32_pause();
    }
    return ~0u;
}

static void descriptor(unsigned q, unsigned i, uint32_t offset, uint32_t len,
                       uint16_t flags)
{
    volatile struct desc *d = (volatile struct desc *)at(DESC(q)) + i;

    d->addr = HV_WINDOW_VA + offset;
    d->len = len;
    d->flags = flags;
    d->next = i + 1;
}

static void publish(unsigned q)
{
    volatile struct ring *r = at(AVAIL(q));

    r->ring[r->idx % SIZE] = 0;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    r->idx++;
    abi_notify(PORT);
}

static void await_sent(void)
{
    volatile struct ring *a = at(AVAIL(1)), *u = at(USED(1));
    uint64_t end = abi_real_ns() + 2000000000;

    while (u->idx != a->idx && abi_real_ns() < end)
        __builtin_ia32_pause();
    CHECK(u->idx == a->idx);
}

// ------------------------------------------------------------------ frames

static void own_mac(volatile uint8_t *to)
{
    for (int i = 0; i < 6; i++)
        to[i] = CONTROL->config[i];
}

// An ARP question from us, in the buffer behind an empty header.
static volatile uint8_t *question(void)
{
    static const uint8_t fixed[] = {8, 6, 0, 1, 8, 0, 6, 4, 0, 1};
    static const uint8_t from[] = {10, 77, 0, 2}, to[] = {10, 77, 0, 1};
    volatile uint8_t *h = at(FRAME), *f = h + sizeof(struct header);

    for (unsigned i = 0; i < sizeof(struct header); i++)
        h[i] = 0;
    for (int i = 0; i < 6; i++)
        f[i] = 0xff, f[32 + i] = 0;
    own_mac(f + 6);
    own_mac(f + 22);
    for (unsigned i = 0; i < sizeof(fixed); i++)
        f[12 + i] = fixed[i];
    for (int i = 0; i < 4; i++)
        f[28 + i] = from[i], f[38 + i] = to[i];
    return f;
}

static void send(uint32_t len)
{
    descriptor(1, 0, FRAME, sizeof(struct header) + len, 0);
    publish(1);
    await_sent();
}

static void spoof(void)
{
    volatile struct header *h = at(FRAME);
    volatile uint8_t *f;

    question()[11] ^= 1; // another's MAC address
    send(42);
    question()[27] ^= 1; // the same within ARP
    send(42);
    question()[31] = 9; // another's IPv4 address
    send(42);
    f = question(); // an IPv4 packet of somebody else's
    f[13] = 0, f[14] = 0x45, f[26] = 10, f[27] = 77, f[28] = 0, f[29] = 9;
    send(42);
    f = question(); // a router's words
    f[12] = 0x86, f[13] = 0xdd, f[14] = 0x60, f[20] = 58, f[54] = 134;
    f[22] = 0xfe, f[23] = 0x80;
    for (int i = 24; i < 30; i++)
        f[i] = 0;
    f[30] = CONTROL->config[0] ^ 2, f[31] = CONTROL->config[1];
    f[32] = CONTROL->config[2], f[33] = 0xff, f[34] = 0xfe;
    for (int i = 3; i < 6; i++)
        f[32 + i] = CONTROL->config[i];
    send(70);
    question()[13] = 0x35; // neither ARP nor IP
    send(42);
    question(); // too short, too long for the link, too long for anything
    send(0);
    send(13);
    send(1515);
    send(FRAME_LEN - sizeof(struct header));
    // Headers that ask for too much.
    question(), h->flags = 1, h->csum_start = 0xffff, h->csum_offset = 16;
    send(42);
    question(), h->gso_type = 1, h->gso_size = 100;
    send(42);
    question(), h->flags = 1, h->gso_type = 5, h->gso_size = 100;
    send(42);
    question(), h->flags = 0x80;
    send(42);

    question();
    send(42);
}

void guest_main(void)
{
    if (is("features")) { // without what the TAP was told
        CHECK(start(BASIC) & 64);
        abi_exit(0);
    }
    CHECK(start(BASIC | NEEDED) == ALL);
    question();
    if (is("spoof")) {
        spoof();
        abi_exit(0);
    } else if (is("in-chain")) {
        descriptor(0, 0, FRAME, 2048, WRITE | NEXT);
        descriptor(0, 1, FRAME + 2048, 2048, WRITE);
        publish(0);
    } else if (is("in-readable")) {
        descriptor(0, 0, FRAME, 2048, 0);
        publish(0);
    } else if (is("in-small")) {
        descriptor(0, 0, FRAME, 11, WRITE);
        publish(0);
    } else if (is("out-writable")) {
        descriptor(1, 0, FRAME, 54, NEXT);
        descriptor(1, 1, FRAME, 54, WRITE);
        publish(1);
    } else if (is("out-short")) {
        descriptor(1, 0, FRAME, 11, 0);
        publish(1);
    } else if (is("out-outside")) {
        descriptor(1, 0, START->window_len - 4, 64, 0);
        publish(1);
    } else if (is("out-jump")) {
        ((volatile struct ring *)at(AVAIL(1)))->idx = SIZE + 1;
        abi_notify(PORT);
    } else {
        abi_exit(2);
    }
    linger();
    abi_exit(0);
}
