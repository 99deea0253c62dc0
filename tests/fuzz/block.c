// SPDX-License-Identifier: ISC
// The block back end, from the control block on: the input is written into the
// window piece by piece, and the device notified in between. Whatever it says,
// requests stay inside window and disk, and a reset gives everything back.

#include "hypervisor/dev/block.c"

#include <stdlib.h>
#include <sys/mman.h>

#define WINDOW_LEN 0xc000u
#define DISK_LEN   65536

static struct hv_shared_info shared;
static struct hvc_page page;
static struct domain domain;
static struct devices all;

static void nothing(struct domain *d, unsigned vcpu)
{
    (void)d, (void)vcpu;
}
static const struct engine engine = {.wake = nothing, .interrupt = nothing};

static void start(void)
{
    const struct hvc_device m = {
        .type = HV_DEV_BLOCK,
        .block = {.capacity_bytes = DISK_LEN, .block_bytes = 512}};
    static int disk_fd = -1;
    int fds[HVC_DEVICE_FDS_MAX];
    struct err e;

    if (disk_fd < 0) {
        disk_fd = memfd_create("disk", 0);
        domain.engine = &engine;
        domain.shared = &shared;
        domain.window_fd = memfd_create("window", 0);
        domain.window = aligned_alloc(4096, WINDOW_LEN);
        if (ftruncate(disk_fd, DISK_LEN) < 0)
            abort();
    }
    fds[0] = disk_fd;
    memset(domain.window, 0, WINDOW_LEN);
    domain.window_len = WINDOW_LEN;
    devices_init(&all, &domain, &page, -1);
    if (devices_add(&all, &m, fds, 1, &e) < 0)
        abort();
}

// An honest beginning, so that not all depends on the fuzzer's luck.
static void begin_well(void)
{
    struct hv_device_control *c =
        (struct hv_device_control *)(domain.window + HV_CONTROL_OFFSET);
    const struct hv_queue q = {0x7000, 0x7200, 0x7400, 16, 1};

    c->guest_features = all.device[0].offered;
    c->nqueues = 1;
    c->queue_table = 0x6000;
    memcpy(domain.window + 0x6000, &q, sizeof(q));
    c->guest_status = 15;
    if (devices_notified(&all, 1ull << HV_PORT_DEVICE))
        abort();
}

// Pieces of three bytes (where, how long) and their contents.
static const char *feed(const uint8_t *data, size_t len)
{
    const char *broken = NULL;

    while (len >= 3 && !broken) {
        size_t at = (data[0] | data[1] << 8) % (WINDOW_LEN - 256);
        size_t n = data[2] < len - 3 ? data[2] : len - 3;

        memcpy(domain.window + at, data + 3, n);
        data += 3 + n;
        len -= 3 + n;
        broken = devices_notified(&all, 1ull << HV_PORT_DEVICE);
    }
    return broken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct stat st;
    struct block *b;

    if (len < 1 || len > 4096)
        return 0;
    start();
    b = all.device[0].own;
    if (data[0] & 1)
        begin_well();
    if (!feed(data + 1, len - 1) && all.device[0].state == DEVICE_RUNNING &&
        b->nfree != REQUESTS_MAX)
        abort(); // without a ring nothing stays under way
    if (fstat(all.device[0].fd[0], &st) < 0 || st.st_size != DISK_LEN)
        abort();
    return 0;
}
