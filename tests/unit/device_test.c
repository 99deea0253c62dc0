// SPDX-License-Identifier: ISC
// Devices on their way: whatever a peer may pass as the list, as one of its
// structs or as a descriptor, only what a monitor could serve is taken.

#include "node-agent/agent/device.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/sock.h"
#include "node-agent/agent/ticket.h"
#include "tests/unit/lib_check.h"

static struct dom_devices good, got;
static int disk_fd, fds[1 + HV_DEVICE_MAX];

static struct dom_device a_disk(void)
{
    return (struct dom_device){
        .m = {.head = {HVC_DEVICE, sizeof(struct hvc_device)},
              .type = HV_DEV_BLOCK,
              .window_kib = 2048,
              .block = {.capacity_bytes = 65536, .block_bytes = 512}},
        .target = "/srv/a.img"};
}

static struct dom_device a_vif(void)
{
    return (struct dom_device){
        .m = {.head = {HVC_DEVICE, sizeof(struct hvc_device)},
              .type = HV_DEV_NET,
              .window_kib = 512,
              .net = {.mac = {0, 0x16, 0x3e, 1, 2, 3}, .mtu = 1500}},
        .target = "tap0"};
}

static struct dom_device an_outside(void)
{
    return (struct dom_device){
        .m = {.head = {HVC_DEVICE, sizeof(struct hvc_device)},
              .type = HV_DEV_BLOCK,
              .flags = HVC_D_VHOST_USER,
              .window_kib = 2048},
        .target = "vhost-user:/run/a.sock"};
}

// Sealed, with this many bytes of `good`.
static int list_of(size_t bytes)
{
    int fd = memfd_create("list", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    CHECK(fd >= 0 && write_full(fd, good.at, bytes) == 0);
    CHECK(fcntl(fd, F_ADD_SEALS,
                F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0);
    return fd;
}

static void fds_set(int list)
{
    fds[0] = list;
    for (int i = 0; i < HV_DEVICE_MAX; i++)
        fds[1 + i] = disk_fd;
}

static void taken(uint32_t n)
{
    good.n = n;
    fds_set(-1);
    CHECK_WORKS(fds[0] = devices_pack(&good, e));
    CHECK_WORKS(devices_take(&got, n, fds, e));
    CHECK(!memcmp(&got, &good, sizeof(got.at[0]) * n + 8));
    close(fds[0]);
}

static void refused(const char *why)
{
    fds_set(-1);
    CHECK_WORKS(fds[0] = devices_pack(&good, e));
    CHECK_FAILS(devices_take(&got, good.n, fds, e), why);
    close(fds[0]);
}

static void test_lists(void)
{
    for (uint32_t i = 0; i < HV_DEVICE_MAX; i++)
        good.at[i] = a_disk();
    for (uint32_t n = 1; n <= HV_DEVICE_MAX; n++)
        taken(n);
    CHECK(devices_want_rings(&got));
    CHECK(devices_window_kib(&got) == 1024 + 16 * 2048);

    // None comes without a list.
    CHECK_WORKS(devices_take(&got, 0, NULL, e));
    CHECK(got.n == 0 && devices_window_kib(&got) == 0);
    CHECK(!devices_want_rings(&got));

    fds_set(list_of(2 * sizeof(good.at[0])));
    CHECK_WORKS(devices_take(&got, 2, fds, e));
    CHECK_FAILS(devices_take(&got, 1, fds, e), "is none");
    CHECK_FAILS(devices_take(&got, 3, fds, e), "is none");
    CHECK_FAILS(devices_take(&got, HV_DEVICE_MAX + 1, fds, e), "is none");
    CHECK_FAILS(devices_take(&got, UINT32_MAX, fds, e), "is none");
    close(fds[0]);
    fds_set(list_of(2 * sizeof(good.at[0]) - 1));
    CHECK_FAILS(devices_take(&got, 2, fds, e), "is none");
    close(fds[0]);

    // One that could still be changed.
    fds_set(memfd_create("list", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    CHECK(write_full(fds[0], good.at, sizeof(good.at[0])) == 0);
    CHECK_FAILS(devices_take(&got, 1, fds, e), "is none");
    CHECK(fcntl(fds[0], F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
    CHECK_FAILS(devices_take(&got, 1, fds, e), "is none");
    close(fds[0]);
    fds_set(disk_fd);
    CHECK_FAILS(devices_take(&got, 1, fds, e), "is none");
}

#define REFUSED(make, change, why)                                             \
    do {                                                                       \
        struct dom_device *d = &good.at[0];                                    \
                                                                               \
        *d = make();                                                           \
        good.n = 1;                                                            \
        change;                                                                \
        refused(why);                                                          \
    } while (0)
#define CANNOT_BE "described as it cannot be"

static void test_structs(void)
{
    REFUSED(a_disk, d->m.head.type = HVC_PREPARE, CANNOT_BE);
    REFUSED(a_disk, d->m.head.size--, CANNOT_BE);
    REFUSED(a_disk, d->m.type = HV_DEV_FS, CANNOT_BE);
    REFUSED(a_disk, d->m.type = UINT32_MAX, CANNOT_BE);
    REFUSED(a_disk, d->m.flags = HVC_D_VHOST_USER, CANNOT_BE);
    REFUSED(a_disk, d->m.flags = 4, CANNOT_BE);
    REFUSED(a_disk, d->m.window_kib = 0, CANNOT_BE);
    REFUSED(a_disk, d->m.window_kib = 2047, CANNOT_BE);
    REFUSED(a_disk, d->m.window_kib = UINT32_MAX & ~3u, CANNOT_BE);
    REFUSED(a_disk, d->m.block.block_bytes = 0, CANNOT_BE);
    REFUSED(a_disk, d->m.block.block_bytes = 256, CANNOT_BE);
    REFUSED(a_disk, d->m.block.block_bytes = 768, CANNOT_BE);
    REFUSED(a_disk, d->m.block.block_bytes = 8192, CANNOT_BE);
    REFUSED(a_disk, d->m.block.align_bytes = 3, CANNOT_BE);
    REFUSED(a_disk, d->m.block.align_bytes = 8192, CANNOT_BE);
    REFUSED(a_disk, d->m.block.capacity_bytes = 0, CANNOT_BE);
    REFUSED(a_disk, d->m.block.capacity_bytes = 1000, CANNOT_BE);
    REFUSED(a_disk, d->m.block.capacity_bytes = 1ull << 63, CANNOT_BE);
    REFUSED(a_disk, memset(d->m.block.id, 'x', sizeof(d->m.block.id)),
            CANNOT_BE);
    REFUSED(a_disk, memset(d->target, 'x', sizeof(d->target)), CANNOT_BE);
    REFUSED(a_disk, memset(d->bridge, 'x', sizeof(d->bridge)), CANNOT_BE);
    // Nothing is said of it here that its back end would not know of.
    REFUSED(an_outside, d->m.flags |= HVC_D_READ_ONLY, CANNOT_BE);
    REFUSED(an_outside, d->m.flags |= HVC_D_KEPT, CANNOT_BE);
    REFUSED(an_outside, d->m.type = HV_DEV_NET, CANNOT_BE);
    REFUSED(an_outside, d->m.type = HV_DEV_FS, CANNOT_BE);
    REFUSED(an_outside, d->m.rate[1].ops_burst = 1, CANNOT_BE);
    REFUSED(an_outside, d->m.block.capacity_bytes = 512, CANNOT_BE);
    REFUSED(an_outside, d->m.bytes[sizeof(d->m.bytes) - 1] = 1, CANNOT_BE);
    REFUSED(an_outside, d->m.window_kib = 0, CANNOT_BE);
    REFUSED(a_vif, d->m.flags = HVC_D_READ_ONLY, CANNOT_BE);
    REFUSED(a_vif, d->m.net.mtu = 575, CANNOT_BE);
    REFUSED(a_vif, d->m.net.mtu = 9001, CANNOT_BE);
    REFUSED(a_vif, d->m.net.mac[0] = 1, CANNOT_BE);
    REFUSED(a_vif, d->m.net.flags = 4, CANNOT_BE);
    REFUSED(a_vif, d->m.net.loss = 10001, CANNOT_BE);
    REFUSED(a_vif, d->m.net.config.prefix4 = 33, CANNOT_BE);
    REFUSED(a_vif, d->m.net.config.prefix6 = 129, CANNOT_BE);
    // Each would do, all together would not.
    for (int i = 0; i < HV_DEVICE_MAX; i++) {
        good.at[i] = a_disk();
        good.at[i].m.window_kib = HVC_WINDOW_MAX_KIB / HV_DEVICE_MAX;
    }
    good.n = HV_DEVICE_MAX;
    refused("windows are too large");
}

// A descriptor that is not what its struct says.
static void wrong_fd(struct dom_device d, int fd, const char *why)
{
    good.at[0] = d;
    good.n = 1;
    fds_set(-1);
    fds[1] = fd;
    CHECK(fd >= 0);
    CHECK_WORKS(fds[0] = devices_pack(&good, e));
    CHECK_FAILS(devices_take(&got, 1, fds, e), why);
    close(fds[0]);
    close(fd);
}

static void test_descriptors(void)
{
    char path[64];
    struct dom_device ro = a_disk(), large = a_disk();
    int pipes[2];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", disk_fd);
    ro.m.flags = HVC_D_READ_ONLY;
    large.m.block.capacity_bytes += 512;
    CHECK(pipe(pipes) == 0);
    wrong_fd(a_disk(), pipes[0], "no file and no block device");
    close(pipes[1]);
    wrong_fd(a_disk(), open("/dev/null", O_RDWR), "no file and no block");
    wrong_fd(a_disk(), open("/", O_RDONLY), "no file and no block");
    wrong_fd(a_disk(), open(path, O_RDONLY), "not open for writing");
    wrong_fd(a_disk(), open(path, O_WRONLY), "not open for writing");
    wrong_fd(ro, open(path, O_WRONLY), "not open for writing");
    wrong_fd(ro, open(path, O_PATH), "it is not open");
    wrong_fd(large, dup(disk_fd), "shorter than the disk");
    wrong_fd(a_vif(), dup(disk_fd), "it is no TAP");
    wrong_fd(a_vif(), open("/dev/null", O_RDWR), "it is no TAP");

    good.at[0] = ro;
    good.n = 1;
    fds_set(-1);
    fds[1] = open(path, O_RDONLY);
    CHECK_WORKS(fds[0] = devices_pack(&good, e));
    CHECK_WORKS(devices_take(&got, 1, fds, e));
    close(fds[0]);
    close(fds[1]);
}

// A disk from outside comes with leave to connect; nothing waits for it here.
static void test_outside(void)
{
    char dir[] = "/tmp/hostel-device-XXXXXX", path[64];
    int l, pair[2];

    CHECK(mkdtemp(dir) && sock_pair(pair) == 0);
    snprintf(path, sizeof(path), "%s/s", dir);
    CHECK_WORKS(l = sock_listen(path, SOCK_STREAM, 0600, e));
    good.at[0] = an_outside();
    good.n = 1;
    fds_set(-1);
    CHECK_WORKS(fds[1] = ticket_make(path, e));
    CHECK_WORKS(fds[0] = devices_pack(&good, e));
    CHECK_WORKS(devices_take(&got, 1, fds, e));
    CHECK(device_is_outside(&got.at[0]) && !devices_want_rings(&got));
    CHECK(devices_window_kib(&got) == 1024 + 2048);
    close(fds[0]);
    close(fds[1]);
    wrong_fd(an_outside(), dup(disk_fd), "no leave to connect");
    wrong_fd(an_outside(), dup(pair[0]), "no leave to connect");
    wrong_fd(an_outside(), dup(l), "no leave to connect");
    wrong_fd(an_outside(), open(dir, O_PATH), "no leave to connect");
    CHECK_WORKS(fds[1] = ticket_make(path, e));
    wrong_fd(a_disk(), fds[1], "no file and no block device");
    close(pair[0]);
    close(pair[1]);
    close(l);
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    int before;

    disk_fd = memfd_create("disk", MFD_CLOEXEC);
    CHECK(disk_fd >= 0 && ftruncate(disk_fd, 65536) == 0);
    before = fds_open();
    test_lists();
    test_structs();
    test_descriptors();
    test_outside();
    CHECK(fds_open() == before);
    return 0;
}
