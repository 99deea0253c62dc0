// SPDX-License-Identifier: ISC
// The host's half of a virtqueue against a guest that keeps the rules, and
// against each way of breaking them.

#include "hypervisor/dev/virtq.h"

#include <errno.h>

#include "tests/unit/lib_check.h"

#define WINDOW_LEN 0x20000u
#define DESC       0x1000u
#define AVAIL      0x2000u
#define USED       0x3000u
#define DATA       0x4000u
#define SIZE       8u

static uint8_t *window; // ends at a guard page
static struct virtq q;
static struct virtq_chain c;

static struct vring_desc *desc(void)
{
    return (struct vring_desc *)(window + DESC);
}

static struct vring_avail *avail(void)
{
    return (struct vring_avail *)(window + AVAIL);
}

static struct vring_used *used(void)
{
    return (struct vring_used *)(window + USED);
}

static uint64_t at(uint64_t offset)
{
    return HV_WINDOW_VA + offset;
}

static const struct hv_queue good = {
    .desc = DESC, .avail = AVAIL, .used = USED, .size = SIZE, .enabled = 1};

static void fresh(void)
{
    memset(window, 0, WINDOW_LEN);
    CHECK(virtq_open(&q, window, WINDOW_LEN, &good, true) == 0);
}

static void set(unsigned i, uint64_t addr, uint32_t len, uint16_t flags,
                uint16_t next)
{
    desc()[i] = (struct vring_desc){addr, len, flags, next};
}

static void publish(uint16_t head)
{
    avail()->ring[avail()->idx % SIZE] = head;
    avail()->idx++;
}

static void breaks(const char *part)
{
    CHECK(virtq_take(&q, &c) == -EPROTO);
    CHECK(q.broken && strstr(q.broken, part));
    // It stays where it was: nothing was taken.
    CHECK(virtq_in_flight(&q) == 0 || q.taken == 1);
}

// ---------------------------------------------------------------- geometry

static void opens_not(struct hv_queue h)
{
    CHECK(virtq_open(&q, window, WINDOW_LEN, &h, true) == -EPROTO);
    CHECK(q.broken != NULL && q.size == 0);
    CHECK(virtq_take(&q, &c) == 0 && !virtq_arm(&q) && !virtq_wants_event(&q));
}

static void test_geometry(void)
{
    static const uint16_t sizes[] = {0, 3, 5, 1025, 2048, 0x8000, 0xffff};
    struct hv_queue h = good;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        h.size = sizes[i];
        opens_not(h);
    }
    h = good;
    // Each part's last place, and one beyond it.
    h.desc = WINDOW_LEN - SIZE * 16;
    CHECK(virtq_open(&q, window, WINDOW_LEN, &h, true) == 0);
    h.desc += 16;
    opens_not(h);
    h = good;
    h.avail = WINDOW_LEN - (3 + SIZE) * 2;
    CHECK(virtq_open(&q, window, WINDOW_LEN, &h, true) == 0);
    virtq_wants_event(&q); // reads the last word there is
    h.avail += 2;
    opens_not(h);
    h = good;
    h.used = WINDOW_LEN - 4 - SIZE * 8 - 4;
    CHECK(virtq_open(&q, window, WINDOW_LEN, &h, true) == 0);
    virtq_arm(&q);
    h.used += 4;
    opens_not(h);
    for (uint32_t i = 1; i < 16; i++) {
        h = good;
        h.desc += i;
        opens_not(h);
    }
    h = good;
    h.avail += 1;
    opens_not(h);
    h = good;
    h.used += 2;
    opens_not(h);
    h = good;
    h.desc = h.avail = h.used = 0xfffffff0;
    opens_not(h);
}

// ----------------------------------------------------------------- the rules

static void test_honest(void)
{
    fresh();
    CHECK(virtq_take(&q, &c) == 0);
    set(0, at(DATA), 16, VRING_DESC_F_NEXT, 3);
    set(3, at(DATA + 100), 10, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
    set(1, at(WINDOW_LEN - 1), 1, VRING_DESC_F_WRITE, 77);
    publish(0);
    CHECK(virtq_take(&q, &c) == 1);
    CHECK(c.head == 0 && c.nout == 1 && c.nin == 2);
    CHECK(c.out[0].iov_base == window + DATA && c.out[0].iov_len == 16);
    CHECK(c.in[1].iov_base == window + WINDOW_LEN - 1 && c.in[1].iov_len == 1);
    CHECK(virtq_len(c.in, c.nin) == 11);
    CHECK(virtq_in_flight(&q) == 1 && virtq_take(&q, &c) == 0);
    virtq_return(&q, 0, 11);
    CHECK(used()->idx == 0 && virtq_in_flight(&q) == 0); // not to be seen yet
    virtq_publish(&q);
    CHECK(used()->idx == 1 && used()->ring[0].id == 0 &&
          used()->ring[0].len == 11 && virtq_in_flight(&q) == 0);
}

// Indices go round many times, out of order.
static void test_wraps(void)
{
    fresh();
    for (unsigned i = 0; i < SIZE; i++)
        set(i, at(DATA + i), 1, 0, 0);
    for (unsigned round = 0; round < 70000; round += SIZE) {
        for (unsigned i = 0; i < SIZE; i++)
            publish((i * 3 + round) % SIZE);
        for (unsigned i = 0; i < SIZE; i++)
            CHECK(virtq_take(&q, &c) == 1 && c.head == (i * 3 + round) % SIZE);
        CHECK(virtq_take(&q, &c) == 0 && virtq_in_flight(&q) == SIZE);
        for (unsigned i = 0; i < SIZE; i++)
            virtq_put(&q, SIZE - 1 - i, i);
        CHECK(used()->idx == q.returned && used()->idx == q.taken);
    }
}

static void test_indices(void)
{
    fresh();
    set(0, at(DATA), 1, 0, 0);
    avail()->idx = SIZE + 1;
    breaks("jumped");
    fresh();
    avail()->idx = 0xffff; // back
    breaks("jumped");
    fresh();
    avail()->idx = 0x8000;
    breaks("jumped");
    // As much as there may be, and one that was taken and not given back.
    fresh();
    for (unsigned i = 0; i < SIZE; i++)
        set(i, at(DATA), 1, 0, 0);
    for (unsigned i = 0; i < SIZE; i++)
        publish(i);
    CHECK(virtq_take(&q, &c) == 1);
    publish(0);
    // Noticed at the next look, which is when those seen at the last are taken.
    for (unsigned i = 1; i < SIZE; i++)
        CHECK(virtq_take(&q, &c) == 1);
    CHECK(virtq_take(&q, &c) == -EPROTO && strstr(q.broken, "jumped"));
    CHECK(virtq_in_flight(&q) == SIZE);
    // Back behind what was taken.
    fresh();
    set(0, at(DATA), 1, 0, 0);
    publish(0);
    CHECK(virtq_take(&q, &c) == 1);
    avail()->idx = 0;
    breaks("jumped");
    fresh();
    avail()->ring[0] = SIZE;
    avail()->idx = 1;
    breaks("number is outside");
    fresh();
    avail()->ring[0] = 0xffff;
    avail()->idx = 1;
    breaks("number is outside");
}

static void one_breaks(uint64_t addr, uint32_t len, uint16_t flags,
                       uint16_t next, const char *part)
{
    fresh();
    set(0, addr, len, flags, next);
    publish(0);
    breaks(part);
}

static void test_descriptors(void)
{
    static const uint64_t addrs[] = {0,
                                     DATA,
                                     HV_WINDOW_VA - 1,
                                     HV_WINDOW_VA - 4096,
                                     HV_WINDOW_VA + WINDOW_LEN,
                                     HV_WINDOW_VA + WINDOW_LEN + 4096,
                                     HV_RAM_VA,
                                     0x7fffffffffffffff,
                                     0x8000000000000000,
                                     0xffffffffffffffff};

    for (size_t i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++) {
        one_breaks(addrs[i], 1, 0, 0, "outside the window");
        one_breaks(addrs[i], 0xffffffff, 0, 0, "outside the window");
    }
    one_breaks(at(0), WINDOW_LEN + 1, 0, 0, "outside the window");
    one_breaks(at(WINDOW_LEN - 8), 9, 0, 0, "outside the window");
    one_breaks(at(8), 0xfffffff8, 0, 0, "outside the window");
    one_breaks(at(DATA), 0, 0, 0, "empty");
    one_breaks(at(DATA), 1, VRING_DESC_F_NEXT, 0, "too long"); // to itself
    one_breaks(at(DATA), 1, VRING_DESC_F_NEXT, SIZE, "number is outside");
    // A loop of two, and one that comes back into the middle.
    fresh();
    set(0, at(DATA), 1, VRING_DESC_F_NEXT, 1);
    set(1, at(DATA), 1, VRING_DESC_F_NEXT, 0);
    publish(0);
    breaks("too long");
    fresh();
    set(0, at(DATA), 1, VRING_DESC_F_NEXT, 1);
    set(1, at(DATA), 1, VRING_DESC_F_NEXT, 2);
    set(2, at(DATA), 1, VRING_DESC_F_NEXT, 1);
    publish(0);
    breaks("too long");
    fresh();
    set(0, at(DATA), 1, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
    set(1, at(DATA), 1, 0, 0);
    publish(0);
    breaks("behind a writable");
}

static struct vring_desc *table(uint32_t offset, unsigned n)
{
    struct vring_desc *t = (struct vring_desc *)(window + offset);

    for (unsigned i = 0; i < n; i++)
        t[i] = (struct vring_desc){at(DATA), 1,
                                   i + 1 < n ? VRING_DESC_F_NEXT : 0, i + 1};
    return t;
}

static void indirect_breaks(uint64_t addr, uint32_t len, uint16_t flags,
                            const char *part)
{
    fresh();
    table(0x8000, HV_CHAIN_MAX + 1);
    set(0, addr, len, flags | VRING_DESC_F_INDIRECT, 1);
    set(1, at(DATA), 1, 0, 0);
    publish(0);
    breaks(part);
}

static void test_indirect(void)
{
    struct vring_desc *t;

    fresh();
    table(0x8000, HV_CHAIN_MAX);
    set(5, at(0x8000), HV_CHAIN_MAX * 16, VRING_DESC_F_INDIRECT, 0);
    publish(5);
    CHECK(virtq_take(&q, &c) == 1 && c.head == 5 && c.nout == HV_CHAIN_MAX);

    indirect_breaks(at(0x8000), 16 * (HV_CHAIN_MAX + 1), 0, "malformed");
    indirect_breaks(at(0x8000), 0, 0, "malformed");
    indirect_breaks(at(0x8000), 15, 0, "malformed");
    indirect_breaks(at(0x8000), 17, 0, "malformed");
    indirect_breaks(at(0x8000), 0xfffffff0, 0, "malformed");
    indirect_breaks(at(0x8001), 16, 0, "malformed");
    indirect_breaks(at(0x8008), 16, 0, "malformed");
    indirect_breaks(at(WINDOW_LEN - 8), 16, 0, "malformed");
    indirect_breaks(0x8000, 16, 0, "malformed");
    indirect_breaks(at(0x8000), 16, VRING_DESC_F_NEXT, "malformed");
    // One inside another, one behind a buffer, numbers outside the table.
    fresh();
    t = table(0x8000, 2);
    t[1].flags = VRING_DESC_F_INDIRECT;
    t[1].addr = at(0x9000);
    t[1].len = 16;
    set(0, at(0x8000), 32, VRING_DESC_F_INDIRECT, 0);
    publish(0);
    breaks("malformed");
    fresh();
    table(0x8000, 1);
    set(0, at(DATA), 1, VRING_DESC_F_NEXT, 1);
    set(1, at(0x8000), 16, VRING_DESC_F_INDIRECT, 0);
    publish(0);
    breaks("malformed");
    fresh();
    t = table(0x8000, 2);
    t[0].next = 2;
    set(0, at(0x8000), 32, VRING_DESC_F_INDIRECT, 0);
    publish(0);
    breaks("number is outside");
    fresh();
    t = table(0x8000, 2);
    t[1].flags = VRING_DESC_F_NEXT;
    t[1].next = 0;
    set(0, at(0x8000), 32, VRING_DESC_F_INDIRECT, 0);
    publish(0);
    breaks("too long");
    // Not agreed on.
    fresh();
    q.indirect = false;
    table(0x8000, 1);
    set(0, at(0x8000), 16, VRING_DESC_F_INDIRECT, 0);
    publish(0);
    breaks("malformed");
}

// ---------------------------------------------------------- notifications

static void test_events(void)
{
    uint16_t *used_event = &avail()->ring[SIZE];
    const uint16_t *avail_event = (const uint16_t *)&used()->ring[SIZE];

    fresh();
    for (unsigned i = 0; i < SIZE; i++)
        set(i, at(DATA), 1, 0, 0);
    CHECK(!virtq_arm(&q) && *avail_event == 0);
    publish(0);
    CHECK(virtq_arm(&q));
    CHECK(virtq_take(&q, &c) == 1 && !virtq_arm(&q) && *avail_event == 1);
    CHECK(!virtq_wants_event(&q)); // nothing given back
    *used_event = 0;
    virtq_put(&q, 0, 0);
    CHECK(virtq_wants_event(&q));
    CHECK(!virtq_wants_event(&q)); // said once
    // It wants to hear of the third only.
    *used_event = 3;
    for (unsigned i = 1; i < 5; i++) {
        publish(i);
        CHECK(virtq_take(&q, &c) == 1);
        virtq_put(&q, i, 0);
        CHECK(virtq_wants_event(&q) == (i == 3));
    }
    // In a batch across it.
    *used_event = 6;
    for (unsigned i = 0; i < 3; i++) {
        publish(i);
        CHECK(virtq_take(&q, &c) == 1);
        virtq_put(&q, i, 0);
    }
    CHECK(virtq_wants_event(&q));
}

// ----------------------------------------------------------------- vectors

static void test_vectors(void)
{
    uint8_t head[20];

    fresh();
    for (unsigned i = 0; i < 64; i++)
        window[DATA + i] = i;
    set(0, at(DATA), 5, VRING_DESC_F_NEXT, 1);
    set(1, at(DATA + 5), 1, VRING_DESC_F_NEXT, 2);
    set(2, at(DATA + 6), 14, VRING_DESC_F_NEXT, 3);
    set(3, at(DATA + 40), 1, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 4);
    set(4, at(DATA + 41), 1, VRING_DESC_F_WRITE, 0);
    publish(0);
    CHECK(virtq_take(&q, &c) == 1 && c.nout == 3);
    CHECK(virtq_pull(&c, head, 16));
    for (unsigned i = 0; i < 16; i++)
        CHECK(head[i] == i);
    CHECK(c.nout == 1 && c.out[0].iov_len == 4);
    CHECK(!virtq_pull(&c, head, 5));
    CHECK(virtq_last_byte(&c) == window + DATA + 41 && c.nin == 1);
    CHECK(virtq_last_byte(&c) == window + DATA + 40 && c.nin == 0);
    CHECK(virtq_last_byte(&c) == NULL);
}

int main(void)
{
    window = guarded_new(WINDOW_LEN).map;
    test_geometry();
    test_honest();
    test_wraps();
    test_indices();
    test_descriptors();
    test_indirect();
    test_events();
    test_vectors();
    return 0;
}
