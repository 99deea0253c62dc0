// SPDX-License-Identifier: ISC
// A driver of the first device that lies: attack_device WHAT. Without a lie it
// reads a sector and says so.

#include "tests/domain/abi.h"

#define CONTROL                                                                \
    ((volatile struct hv_device_control *)(HV_WINDOW_VA +                      \
                                           START->device[0].control))
#define PORT (START->device[0].port)

#define ALL      15u // ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK
#define BASIC    (1ull << 32 | 1ull << 29 | 1ull << 28)
#define NEXT     1u
#define WRITE    2u
#define INDIRECT 4u
#define SIZE     16u

// Where things are, as window offsets.
#define TABLE 0x6000u
#define DESC  0x7000u
#define AVAIL 0x8000u
#define USED  0x9000u
#define HEAD  0xa000u
#define DATA  0xb000u
#define STATE 0xa800u // the request's status byte

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};
struct ring {
    uint16_t flags, idx, ring[SIZE + 1];
};

static volatile void *at(uint32_t offset)
{
    return (volatile void *)(HV_WINDOW_VA + (uint64_t)offset);
}

#define DESCS       ((volatile struct desc *)at(DESC))
#define RING_AVAIL  ((volatile struct ring *)at(AVAIL))
#define RING_USED   ((volatile struct ring *)at(USED))
#define QUEUE_ENTRY ((volatile struct hv_queue *)at(TABLE))

static bool is(const char *what)
{
    const char *s = abi_arg(1);

    while (*s && *s == *what)
        s++, what++;
    return *s == *what;
}

// A second for the host to end us.
static void linger(void)
{
    uint64_t end = abi_real_ns() + 1000000000;

    while (abi_real_ns() < end)
        __builtin_ia32_pause();
}

static void status_write(uint32_t status)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    CONTROL->guest_status = status;
    abi_notify(PORT);
}

// Waits for an answer; the host's word, or ~0.
static uint32_t status_await(uint32_t status)
{
    uint64_t end = abi_real_ns() + 2000000000;

    while (abi_real_ns() < end) {
        uint32_t says = CONTROL->host_status;

        if (says == status || (status && says & 64))
            return says;
        __builtin_ia32_pause();
    }
    return ~0u;
}

static void describe_queue(void)
{
    QUEUE_ENTRY->desc = DESC;
    QUEUE_ENTRY->avail = AVAIL;
    QUEUE_ENTRY->used = USED;
    QUEUE_ENTRY->size = SIZE;
    QUEUE_ENTRY->enabled = 1;
    CONTROL->guest_features = BASIC;
    CONTROL->nqueues = 1;
    CONTROL->queue_table = TABLE;
}

static void run(void)
{
    describe_queue();
    status_write(ALL);
    CHECK(status_await(ALL) == ALL);
}

static void descriptor(unsigned i, uint64_t addr, uint32_t len, uint16_t flags,
                       uint16_t next)
{
    DESCS[i].addr = addr;
    DESCS[i].len = len;
    DESCS[i].flags = flags;
    DESCS[i].next = next;
}

static void publish(uint16_t head)
{
    RING_AVAIL->ring[RING_AVAIL->idx % SIZE] = head;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    RING_AVAIL->idx++;
    abi_notify(PORT);
}

static void request_head(uint32_t type, uint64_t sector)
{
    *(volatile uint32_t *)at(HEAD) = type;
    *(volatile uint64_t *)at(HEAD + 8) = sector;
    *(volatile uint8_t *)at(STATE) = 0xee;
}

// A request for one sector, in three descriptors.
static void chain(uint64_t sector)
{
    request_head(0, sector);
    descriptor(0, HV_WINDOW_VA + HEAD, 16, NEXT, 1);
    descriptor(1, HV_WINDOW_VA + DATA, 512, NEXT | WRITE, 2);
    descriptor(2, HV_WINDOW_VA + STATE, 1, WRITE, 0);
}

// The status of the n-th request, or 255.
static uint8_t await(uint16_t n)
{
    uint64_t end = abi_real_ns() + 2000000000;

    while (RING_USED->idx != n && abi_real_ns() < end)
        __builtin_ia32_pause();
    return RING_USED->idx == n ? *(volatile uint8_t *)at(STATE) : 255;
}

// ----------------------------------------------------- the control block

static bool lie_of_control(void)
{
    describe_queue();
    if (is("status-unknown"))
        status_write(0x100);
    else if (is("status-order"))
        status_write(ALL & ~2u);
    else if (is("status-needs-reset"))
        status_write(64 | 1);
    else if (is("queues-none"))
        CONTROL->nqueues = 0, status_write(ALL);
    else if (is("queues-many"))
        CONTROL->nqueues = 0x10000001, status_write(ALL);
    else if (is("table-outside"))
        CONTROL->queue_table = START->window_len - 4, status_write(ALL);
    else if (is("table-far"))
        CONTROL->queue_table = 0xfffffffc, status_write(ALL);
    else if (is("table-odd"))
        CONTROL->queue_table = TABLE + 1, status_write(ALL);
    else if (is("ring-size"))
        QUEUE_ENTRY->size = 12, status_write(ALL);
    else if (is("ring-size-zero"))
        QUEUE_ENTRY->size = 0, status_write(ALL);
    else if (is("ring-size-large"))
        QUEUE_ENTRY->size = 2048, status_write(ALL);
    else if (is("ring-outside"))
        QUEUE_ENTRY->used = START->window_len - 8, status_write(ALL);
    else if (is("ring-far"))
        QUEUE_ENTRY->desc = 0xfffffff0, status_write(ALL);
    else if (is("ring-odd"))
        QUEUE_ENTRY->avail = AVAIL + 1, status_write(ALL);
    else
        return false;
    return true;
}

// Refused, but no reason to die.
static bool wish_of_control(void)
{
    describe_queue();
    if (is("features-many"))
        CONTROL->guest_features = ~0ull;
    else if (is("features-none"))
        CONTROL->guest_features = 0;
    else
        return false;
    status_write(ALL);
    CHECK(status_await(ALL) == (ALL | 64));
    publish(0); // heard by nobody
    status_write(0);
    CHECK(status_await(0) == 0);
    return true;
}

// The host's half is not believed by the host.
static void scribble_host_half(void)
{
    run();
    for (unsigned i = 0; i < 32; i++)
        ((volatile uint32_t *)&CONTROL->host_features)[i] = 0xffffffff;
    RING_USED->idx = 77;
    chain(0);
    publish(0);
    while (RING_USED->idx != 1)
        __builtin_ia32_pause();
    CHECK(*(volatile uint8_t *)at(STATE) == 0);
}

// Status words in a wild order, as fast as it goes.
static void storm(void)
{
    static const uint32_t words[] = {ALL, 0, 1, 0, 3, ALL, 0, 11, 0};

    describe_queue();
    for (unsigned i = 0; i < 20000; i++) {
        uint32_t w = words[i % 9];

        if (w == 0 || CONTROL->host_status == CONTROL->guest_status)
            status_write(w);
        else
            status_write(0);
        if (status_await(CONTROL->guest_status) == ~0u)
            CHECK(!"an answer");
    }
}

// -------------------------------------------------------------- the rings

static bool lie_of_ring(void)
{
    chain(0);
    if (is("index-jump")) {
        RING_AVAIL->idx = SIZE + 1;
    } else if (is("index-back")) {
        RING_AVAIL->idx = 0xffff;
    } else if (is("head-outside")) {
        publish(SIZE);
    } else if (is("loop-self")) {
        descriptor(0, HV_WINDOW_VA + HEAD, 16, NEXT, 0);
        publish(0);
    } else if (is("loop-two")) {
        descriptor(1, HV_WINDOW_VA + HEAD, 16, NEXT, 0);
        publish(0);
    } else if (is("next-outside")) {
        descriptor(0, HV_WINDOW_VA + HEAD, 16, NEXT, SIZE);
        publish(0);
    } else if (is("address-ram")) {
        descriptor(1, HV_RAM_VA, 512, NEXT | WRITE, 2);
        publish(0);
    } else if (is("address-null")) {
        descriptor(1, 0, 512, NEXT | WRITE, 2);
        publish(0);
    } else if (is("address-offset")) {
        descriptor(1, DATA, 512, NEXT | WRITE, 2);
        publish(0);
    } else if (is("address-beyond")) {
        descriptor(1, HV_WINDOW_VA + START->window_len - 511, 512, NEXT | WRITE,
                   2);
        publish(0);
    } else if (is("address-end")) {
        descriptor(1, HV_WINDOW_VA + 0x4000000, 512, NEXT | WRITE, 2);
        publish(0);
    } else if (is("length-wraps")) {
        descriptor(1, HV_WINDOW_VA + DATA, 0xffffffff, NEXT | WRITE, 2);
        publish(0);
    } else if (is("length-zero")) {
        descriptor(1, HV_WINDOW_VA + DATA, 0, NEXT | WRITE, 2);
        publish(0);
    } else if (is("order")) {
        descriptor(0, HV_WINDOW_VA + HEAD, 16, NEXT | WRITE, 1);
        descriptor(1, HV_WINDOW_VA + DATA, 512, NEXT, 2);
        publish(0);
    } else if (is("indirect-long")) {
        descriptor(0, HV_WINDOW_VA + DATA, 16 * 65, INDIRECT, 0);
        publish(0);
    } else if (is("indirect-odd")) {
        descriptor(0, HV_WINDOW_VA + DATA, 40, INDIRECT, 0);
        publish(0);
    } else if (is("indirect-outside")) {
        descriptor(0, HV_RAM_VA, 16, INDIRECT, 0);
        publish(0);
    } else if (is("indirect-self")) {
        descriptor(0, HV_WINDOW_VA + DESC, 16, INDIRECT, 0);
        publish(0);
    } else if (is("indirect-next")) {
        descriptor(0, HV_WINDOW_VA + DESC, 16, INDIRECT | NEXT, 1);
        publish(0);
    } else if (is("head-short")) {
        descriptor(0, HV_WINDOW_VA + HEAD, 15, NEXT, 1);
        publish(0);
    } else if (is("head-missing")) {
        publish(1);
    } else if (is("status-missing")) {
        descriptor(1, HV_WINDOW_VA + DATA, 512, 0, 0);
        publish(0);
    } else {
        return false;
    }
    abi_notify(PORT);
    return true;
}

// Odd, but answered: what the disk refuses by a status, not by death.
static bool odd_request(void)
{
    uint64_t sectors = *(volatile uint64_t *)CONTROL->config;

    chain(0);
    if (is("beyond-end"))
        request_head(0, sectors);
    else if (is("sector-wraps"))
        request_head(0, 0xffffffffffffffff);
    else if (is("half-sector"))
        descriptor(1, HV_WINDOW_VA + DATA, 100, NEXT | WRITE, 2);
    else if (is("too-much"))
        descriptor(1, HV_WINDOW_VA, 0x100200, NEXT | WRITE, 2);
    else if (is("no-data"))
        descriptor(0, HV_WINDOW_VA + HEAD, 16, NEXT, 2);
    else if (is("type-unknown"))
        request_head(77, 0);
    else if (is("discard-short"))
        request_head(11, 0);
    else
        return false;
    publish(0);
    CHECK(await(1) == (is("type-unknown") ? 2 : 1));
    return true;
}

// Buffers where a file opened with O_DIRECT cannot take them: written and read
// back, in odd pieces at odd places.
static void move_unaligned(uint32_t type, uint32_t data)
{
    static const uint32_t piece[] = {1, 100, 411};
    uint16_t dir = type == 0 ? WRITE : 0;

    request_head(type, 5);
    descriptor(0, HV_WINDOW_VA + HEAD, 16, NEXT, 1);
    for (unsigned i = 0; i < 3; data += piece[i++])
        descriptor(1 + i, HV_WINDOW_VA + data, piece[i], NEXT | dir, 2 + i);
    descriptor(4, HV_WINDOW_VA + STATE, 1, WRITE, 0);
    publish(0);
    CHECK(await(RING_AVAIL->idx) == 0);
}

static void test_unaligned(void)
{
    for (unsigned i = 0; i < 512; i++)
        ((volatile uint8_t *)at(DATA + 3))[i] = i * 7;
    move_unaligned(1, DATA + 3);
    move_unaligned(0, DATA + 1025);
    for (unsigned i = 0; i < 512; i++)
        CHECK(((volatile uint8_t *)at(DATA + 1025))[i] == (uint8_t)(i * 7));
}

// The host's own words as a buffer: it loses no more than the guest could
// have spoilt itself.
static void read_over(uint32_t offset)
{
    chain(0);
    descriptor(1, HV_WINDOW_VA + offset, 512, NEXT | WRITE, 2);
    publish(0);
    linger();
}

// Wherever a descriptor changes after it was published.
static void change_meanwhile(void)
{
    for (unsigned i = 0; i < 20000; i++) {
        uint16_t before = RING_USED->idx;

        chain(0);
        publish(0);
        for (unsigned n = 0; RING_USED->idx == before && n < 100000; n++) {
            DESCS[1].addr = n % 2 ? HV_WINDOW_VA + DATA : HV_RAM_VA;
            DESCS[1].addr = HV_WINDOW_VA + DATA;
        }
    }
}

void guest_main(void)
{
    if (START->ndevices == 0)
        abi_exit(98);
    if (lie_of_control()) {
        linger();
        abi_exit(99);
    }
    if (wish_of_control())
        abi_exit(3);
    if (is("host-half"))
        scribble_host_half(), abi_exit(3);
    if (is("storm"))
        storm(), abi_exit(3);
    run();
    if (is("status-lost")) {
        status_write(3);
        linger();
        abi_exit(99);
    }
    if (is("reset-busy")) { // gives back what it had, in the end
        for (unsigned i = 0; i < SIZE; i++) {
            chain(i);
            publish(0);
        }
        status_write(0);
        CHECK(status_await(0) == 0);
        abi_exit(3);
    }
    if (is("over-console"))
        read_over(0), abi_exit(99);
    if (is("over-rings"))
        read_over(AVAIL), abi_exit(99);
    if (is("over-control"))
        read_over(HV_CONTROL_OFFSET), abi_exit(99);
    if (is("change"))
        change_meanwhile(), abi_exit(99);
    if (is("unaligned"))
        test_unaligned(), abi_exit(3);
    if (lie_of_ring()) {
        linger();
        abi_exit(99);
    }
    if (odd_request())
        abi_exit(3);
    chain(0);
    publish(0);
    CHECK(await(1) == 0);
    abi_print("read a sector\n");
    abi_exit(3);
}
