// SPDX-License-Identifier: ISC
/*
 * How many frames go through a network device's rings: abi_frames out LEN MS
 * or abi_frames in MS. Prints how many did in that time. When a ring has
 * nothing for it, it sleeps until three quarters of it have. The rings are as
 * long as the runtime's.
 */
#include "tests/domain/abi.h"

#define CONTROL                                                                \
    ((volatile struct hv_device_control *)(HV_WINDOW_VA +                      \
                                           START->device[0].control))
#define PORT (START->device[0].port)

#define ALL 15u
#define FEATURES                                                               \
    (1ull << 32 | 1ull << 29 | 1ull << 1 | 1ull << 7 | 1ull << 8 | 1ull << 15)
#define SIZE   512u
#define HEADER 12u

#define TABLE    0x6000u
#define DESC(q)  (0x8000u + 0x8000u * (q))
#define AVAIL(q) (0xc000u + 0x8000u * (q))
#define USED(q)  (0xd000u + 0x8000u * (q))
#define BUFFERS  0x100000u
#define BUFFER   4096u // bytes; the largest frames take 17

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};
struct avail {
    uint16_t flags, idx, ring[SIZE + 1];
};
struct used {
    uint16_t flags, idx;
    struct {
        uint32_t id, len;
    } ring[SIZE];
    uint16_t event;
};
_Static_assert(SIZE * sizeof(struct desc) <= 0x4000, "below AVAIL");
_Static_assert(sizeof(struct used) <= 0x3000, "below the next DESC");

static void *at(uint32_t offset)
{
    return (void *)(HV_WINDOW_VA + (uint64_t)offset);
}

static unsigned queue;
static uint32_t buffer_len;

static void start(void)
{
    volatile struct hv_queue *q = at(TABLE);

    for (unsigned i = 0; i < 2; i++) {
        struct desc *d = at(DESC(i));

        q[i].desc = DESC(i);
        q[i].avail = AVAIL(i);
        q[i].used = USED(i);
        q[i].size = SIZE;
        q[i].enabled = 1;
        for (unsigned j = 0; j < SIZE; j++)
            d[j] = (struct desc){HV_WINDOW_VA + BUFFERS + j * BUFFER,
                                 buffer_len, i == 0 ? 2 : 0, 0};
    }
    CONTROL->guest_features = FEATURES;
    CONTROL->nqueues = 2;
    CONTROL->queue_table = TABLE;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    CONTROL->guest_status = ALL;
    abi_notify(PORT);
    while (CONTROL->host_status != ALL)
        __builtin_ia32_pause();
}

// An IPv4 packet to nobody, from us.
static void fill(uint8_t *f)
{
    static const uint8_t ip[] = {8,  0, 0x45, 0,  0, 46, 0, 0,  0, 0, 64,
                                 17, 0, 0,    10, 0, 0,  2, 10, 0, 0, 1};

    for (unsigned i = 0; i < HEADER; i++)
        f[i] = 0;
    f += HEADER;
    for (int i = 0; i < 6; i++) {
        f[i] = 2;
        f[6 + i] = CONTROL->config[i];
    }
    for (unsigned i = 0; i < sizeof(ip); i++)
        f[12 + i] = ip[i];
}

// Makes available all buffers that came back; how many did.
static unsigned turn(uint16_t *taken)
{
    struct avail *a = at(AVAIL(queue));
    struct used *u = at(USED(queue));
    uint16_t now = __atomic_load_n(&u->idx, __ATOMIC_ACQUIRE), old = a->idx;
    uint16_t n = now - *taken, new = old + n, event;

    for (uint16_t i = 0; i < n; i++)
        a->ring[(uint16_t)(old + i) % SIZE] =
            u->ring[(uint16_t)(*taken + i) % SIZE].id;
    *taken = now;
    __atomic_store_n(&a->idx, new, __ATOMIC_SEQ_CST);
    event = __atomic_load_n(&u->event, __ATOMIC_SEQ_CST);
    if ((uint16_t)(new - event - 1) < (uint16_t)(new - old))
        abi_notify(PORT);
    return n;
}

// Until three quarters of the ring are there, or the timer rings.
static void sleep_on(uint16_t taken)
{
    struct avail *a = at(AVAIL(queue));
    struct used *u = at(USED(queue));
    uint16_t wanted = SIZE / 4 * 3;

    __atomic_exchange_n(&VCPU->upcall_pending, 0, __ATOMIC_SEQ_CST);
    __atomic_exchange_n(&VCPU->pending, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&a->ring[SIZE], (uint16_t)(taken + wanted - 1),
                     __ATOMIC_SEQ_CST);
    if ((uint16_t)(__atomic_load_n(&u->idx, __ATOMIC_SEQ_CST) - taken) < wanted)
        abi_block();
}

void guest_main(void)
{
    bool out = abi_arg(1)[0] == 'o';
    uint64_t ms = abi_arg_number(out ? 3 : 2), end, count = 0;
    struct avail *a = at(AVAIL(out));
    uint16_t taken = 0;

    queue = out;
    buffer_len = out ? HEADER + abi_arg_number(2) : BUFFER;
    start();
    for (unsigned i = 0; i < SIZE; i++) {
        if (out)
            fill(at(BUFFERS + i * BUFFER));
        a->ring[i] = i;
    }
    __atomic_store_n(&a->idx, SIZE, __ATOMIC_SEQ_CST);
    abi_notify(PORT);
    end = abi_real_ns() + ms * 1000000;
    VCPU->mask = 0;
    abi_timer(end);
    while (abi_real_ns() < end) {
        unsigned n = turn(&taken);

        count += n;
        if (!n)
            sleep_on(taken);
    }
    abi_number(count);
    abi_print("\n");
    abi_exit(0);
}
