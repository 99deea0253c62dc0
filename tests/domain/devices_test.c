// SPDX-License-Identifier: ISC
/*
 * Devices as a controller gives them to a monitor: messages that describe what
 * cannot be, descriptors that are something else, slots with and without a
 * ring; and the balloon. One line a case; run by tests/domain/devices.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/sock.h"
#include "tests/domain/drive.h"

#define DISK_BYTES (1ul << 20)

static const char *name; // of the case
static bool failed;
static int null_fd, disk_fd, other_fd;

#define CHECK(x)                                                               \
    do {                                                                       \
        if (failed)                                                            \
            return;                                                            \
        if (!(x)) {                                                            \
            printf("FAILED devices/%s: line %d: %s\n", name, __LINE__, #x);    \
            failed = true;                                                     \
            return;                                                            \
        }                                                                      \
    } while (0)

static const struct hvc_device good = {
    .head = {HVC_DEVICE, sizeof(struct hvc_device)},
    .type = HV_DEV_BLOCK,
    .window_kib = 64,
    .block = {.capacity_bytes = DISK_BYTES, .block_bytes = 512}};

static void give(struct driven *d, const struct hvc_device *m, const int *fds,
                 size_t n)
{
    if (sock_send(d->conn_fd, m, m->head.size, fds, n) < 0)
        errx(1, "the monitor is gone");
}

static void start_guest(struct driven *d, const char *guest,
                        const char *argument, bool go)
{
    const struct hvc_prepare p = {.flags = go ? HVC_F_GO : 0,
                                  .lease_ns = UINT64_MAX};
    const char *build = getenv("HOSTEL_BUILD");
    char *const argv[] = {(char *)guest, (char *)argument, NULL};
    char path[4096];
    int fd;

    snprintf(path, sizeof(path), "%s/guests/%s", build ? build : "build",
             guest);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        err(1, "%s", path);
    drive_prepare(d, &p, argv, fd, null_fd);
    close(fd);
}

static void start(struct driven *d, const char *argument, bool go)
{
    start_guest(d, "attack_device", argument, go);
}

// The guest has read its sector.
static void served(struct driven *d)
{
    struct hvc_exited x;

    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_POWEROFF && x.status == 3);
    CHECK(d->page->disk_reads == 1 && d->page->disk_read_bytes == 512 &&
          d->page->disk_writes == 0);
}

static void test_served(struct driven *d)
{
    give(d, &good, &disk_fd, 1);
    start(d, "honest", true);
    served(d);
}

static void test_prepared(struct driven *d)
{
    give(d, &good, &disk_fd, 1);
    start(d, "honest", false);
    drive_await(d, HVC_PREPARED, NULL);
    drive_go(d, UINT64_MAX);
    served(d);
}

static void test_most(struct driven *d)
{
    for (unsigned i = 0; i < HV_DEVICE_MAX; i++)
        give(d, &good, &disk_fd, 1);
    start(d, "honest", true);
    served(d);
}

static void refused(struct driven *d, const struct hvc_device *m,
                    const int *fds, size_t n, const char *part)
{
    struct hvc_exited x;

    give(d, m, fds, n);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_REFUSED && strstr(x.text, part));
    drive_await_hangup(d);
}

static void test_too_many(struct driven *d)
{
    for (unsigned i = 0; i < HV_DEVICE_MAX; i++)
        give(d, &good, &disk_fd, 1);
    refused(d, &good, &disk_fd, 1, "no disk device");
}

static void test_no_file(struct driven *d)
{
    refused(d, &good, NULL, 0, "descriptors");
}

static void test_more_files(struct driven *d)
{
    const int fds[] = {disk_fd, disk_fd};

    refused(d, &good, fds, 2, "descriptors");
}

static void test_null_device(struct driven *d)
{
    refused(d, &good, &null_fd, 1, "no file and no block device");
}

static void test_pipe(struct driven *d)
{
    int fds[2];

    CHECK(pipe(fds) == 0);
    refused(d, &good, fds, 1, "no file and no block device");
    close(fds[0]);
    close(fds[1]);
}

static void test_kind(struct driven *d)
{
    struct hvc_device m = good;

    m.type = 77;
    refused(d, &m, &disk_fd, 1, "no such device");
}

static void test_flags(struct driven *d)
{
    struct hvc_device m = good;

    m.flags = 0x80000000;
    refused(d, &m, &disk_fd, 1, "as it cannot be");
}

static void test_window(struct driven *d)
{
    struct hvc_device m = good;

    m.window_kib = HVC_WINDOW_MAX_KIB;
    refused(d, &m, &disk_fd, 1, "I/O window");
}

static void test_window_odd(struct driven *d)
{
    struct hvc_device m = good;

    m.window_kib = 5;
    refused(d, &m, &disk_fd, 1, "whole pages");
}

static void test_block(struct driven *d)
{
    struct hvc_device m = good;

    m.block.block_bytes = 1000;
    refused(d, &m, &disk_fd, 1, "as it cannot be");
}

static void test_capacity(struct driven *d)
{
    struct hvc_device m = good;

    m.block.capacity_bytes = 1ul << 63;
    refused(d, &m, &disk_fd, 1, "as it cannot be");
}

static void test_align(struct driven *d)
{
    struct hvc_device m = good;

    m.block.align_bytes = 8192;
    refused(d, &m, &disk_fd, 1, "as it cannot be");
}

static void test_short_message(struct driven *d)
{
    struct hvc_device m = good;

    m.head.size -= 8;
    give(d, &m, &disk_fd, 1);
    drive_await_hangup(d);
    CHECK(drive_connect(d) == HVC_PARKED);
}

// Devices come before the image, never after.
static void test_late(struct driven *d)
{
    start(d, "honest", false);
    drive_await(d, HVC_PREPARED, NULL);
    give(d, &good, &disk_fd, 1);
    drive_await_hangup(d);
    CHECK(drive_connect(d) == HVC_LOADED);
}

// ------------------------------------------------------------ its devices

// Runs until it is killed, with two disks.
static void start_spinning(struct driven *d)
{
    give(d, &good, &disk_fd, 1);
    give(d, &good, &other_fd, 1);
    start_guest(d, "attack_burn", "spin", true);
    while (d->page->state != HVC_RUNNING)
        usleep(1000);
}

static bool same_file(int a, int b)
{
    struct stat x, y;

    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino &&
           x.st_rdev == y.st_rdev;
}

// The next message is a device, and this one.
static bool is_given(struct driven *d, uint32_t index, int file)
{
    struct hvc_given g;
    size_t one = 1;
    int fd = -1;
    bool same = sock_recv(d->conn_fd, &g, sizeof(g), &fd, &one) == sizeof(g) &&
                one == 1 && g.head.type == HVC_GIVEN && g.index == index &&
                same_file(fd, file);

    if (fd >= 0)
        close(fd);
    return same;
}

static void test_given(struct driven *d)
{
    const struct hvc_head ask = {HVC_GIVE, sizeof(ask)};

    start_spinning(d);
    for (int i = 0; i < 2; i++) {
        drive_send(d, &ask, sizeof(ask));
        CHECK(is_given(d, 0, disk_fd) && is_given(d, 1, other_fd));
        CHECK(drive_connect(d) == HVC_RUNNING);
    }
}

// It ends while nobody controls it: its devices wait for whoever does, though
// that one should die as well.
static void test_outlived(struct driven *d)
{
    const struct hvc_head ask = {HVC_GIVE, sizeof(ask)};
    struct hvc_lease other = {{HVC_LEASE, sizeof(other)}, 1};
    struct hvc_exited x;

    start_spinning(d);
    close(d->conn_fd);
    d->conn_fd = -1;
    CHECK(pidfd_send_signal(d->guest_fd, SIGKILL, NULL, 0) == 0);
    while (d->page->state != HVC_DEAD)
        usleep(1000);
    CHECK(d->page->cause == HVC_KILLED && d->page->status == SIGKILL);
    for (int i = 0; i < 3; i++) {
        CHECK(drive_connect(d) == HVC_DEAD);
        drive_send(d, &other, sizeof(other)); // no matter any more
    }
    drive_send(d, &ask, sizeof(ask));
    CHECK(is_given(d, 0, disk_fd) && is_given(d, 1, other_fd));
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_KILLED && x.status == SIGKILL);
    drive_await_hangup(d);
}

// One that was destroyed gives them to nobody.
static void test_destroyed(struct driven *d)
{
    const struct hvc_stop s = {{HVC_STOP, sizeof(s)}, .cause = HVC_STOPPED};
    struct pollfd p = {.fd = d->monitor_fd, .events = POLLIN};

    start_spinning(d);
    drive_send(d, &s, sizeof(s));
    close(d->conn_fd);
    d->conn_fd = -1;
    CHECK(poll(&p, 1, 100000) == 1);
}

// ----------------------------------------------------------- the balloon

static void balloon(struct driven *d, uint64_t memory_kib)
{
    const struct hvc_balloon b = {{HVC_BALLOON, sizeof(b)}, memory_kib};

    drive_send(d, &b, sizeof(b));
}

// The number the guest says when it is given a line.
static int pieces(struct driven *d, int from_fd)
{
    struct hvc_input in = {
        .head = {HVC_INPUT, offsetof(struct hvc_input, data) + 1},
        .offset = HVC_INPUT_HERE,
        .len = 1,
        .data = "\n"};
    struct hvc_taken taken;
    char text[80] = "";
    size_t n = 0;

    drive_send(d, &in, in.head.size);
    if (sock_recv(d->conn_fd, &taken, sizeof(taken), NULL, NULL) !=
        sizeof(taken))
        errx(1, "the monitor took no input");
    while (n + 1 < sizeof(text) && read(from_fd, text + n, 1) == 1 &&
           text[n++] != '\n')
        continue;
    return atoi(text);
}

static void test_balloon(struct driven *d)
{
    const struct hvc_prepare p = {
        .flags = HVC_F_GO, .lease_ns = UINT64_MAX, .memory_kib = 32 << 10};
    const char *build = getenv("HOSTEL_BUILD");
    char *const argv[] = {"balloon", NULL};
    char path[4096];
    int fd, sink[2], all, few;

    snprintf(path, sizeof(path), "%s/images/test-balloon",
             build ? build : "build");
    fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && pipe(sink) == 0);
    drive_prepare(d, &p, argv, fd, sink[1]);
    all = pieces(d, sink[0]);
    CHECK(all > 300 && all <= 512);
    balloon(d, 16 << 10);
    few = pieces(d, sink[0]);
    CHECK(few > 50 && few <= 256);
    balloon(d, 8 << 10);
    CHECK(pieces(d, sink[0]) == few - 128);
    balloon(d, 4); // it has more in use already
    CHECK(pieces(d, sink[0]) == 0);
    balloon(d, 32 << 10);
    CHECK(pieces(d, sink[0]) == all);
    balloon(d, 0);
    drive_await_hangup(d);
    CHECK(drive_connect(d) == HVC_RUNNING);
    balloon(d, 4099);
    drive_await_hangup(d);
    CHECK(drive_connect(d) == HVC_RUNNING);
    close(fd);
    close(sink[0]);
    close(sink[1]);
}

static void test_balloon_early(struct driven *d)
{
    balloon(d, 8192);
    drive_await_hangup(d);
    CHECK(drive_connect(d) == HVC_PARKED);
}

static const struct {
    const char *name;
    void (*run)(struct driven *);
    uint32_t flags;
} cases[] = {
    {"served", test_served, HVC_M_RINGS},
    {"served-without-ring", test_served, 0},
    {"prepared", test_prepared, HVC_M_RINGS},
    {"most", test_most, HVC_M_RINGS},
    {"too-many", test_too_many, 0},
    {"no-file", test_no_file, 0},
    {"more-files", test_more_files, 0},
    {"null-device", test_null_device, 0},
    {"pipe", test_pipe, 0},
    {"kind", test_kind, 0},
    {"flags", test_flags, 0},
    {"window", test_window, 0},
    {"window-odd", test_window_odd, 0},
    {"block", test_block, 0},
    {"capacity", test_capacity, 0},
    {"align", test_align, 0},
    {"short-message", test_short_message, 0},
    {"late", test_late, 0},
    {"given", test_given, HVC_M_RINGS},
    {"outlived", test_outlived, HVC_M_RINGS},
    {"destroyed", test_destroyed, HVC_M_RINGS},
    {"balloon", test_balloon, 0},
    {"balloon-early", test_balloon_early, 0},
};

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    disk_fd = memfd_create("disk", MFD_CLOEXEC);
    other_fd = memfd_create("other", MFD_CLOEXEC);
    if (null_fd < 0 || disk_fd < 0 || ftruncate(disk_fd, DISK_BYTES) < 0 ||
        ftruncate(other_fd, DISK_BYTES) < 0)
        err(1, "making a disk");
    drive_open();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct driven d;

        name = cases[i].name;
        failed = false;
        drive_flags = cases[i].flags;
        drive_make(&d, i);
        cases[i].run(&d);
        if (!failed)
            printf("ok devices/%s\n", name);
        drive_free(&d);
    }
    drive_close();
    return 0;
}
