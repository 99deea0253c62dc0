// SPDX-License-Identifier: ISC
/*
 * The monitor as its controller sees it: leases, limits, succession, bad
 * messages; beside it its console (control_console.c), and which rights are
 * left to a monitor and a guest (control_rights.c). One line a case; run by
 * tests/domain/control.
 */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/io.h"
#include "lib/sock.h"
#include "tests/domain/control_case.h"

const char *name;
bool failed;
int null_fd;

int image(const char *guest)
{
    const char *build = getenv("HOSTEL_BUILD");
    char path[4096];
    int fd;

    snprintf(path, sizeof(path), "%s/guests/%s", build ? build : "build",
             guest);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        err(1, "%s", path);
    return fd;
}

// Starts a guest at once, console to sink_fd.
void start(struct driven *d, const char *guest, const char *argument,
           uint64_t lease_ns, int sink_fd)
{
    const struct hvc_prepare p = {.flags = HVC_F_GO, .lease_ns = lease_ns};
    char *const argv[] = {(char *)guest, (char *)argument, NULL};
    int fd = image(guest);

    drive_prepare(d, &p, argv, fd, sink_fd);
    close(fd);
}

void await_running(struct driven *d)
{
    while (d->page->state == HVC_PARKED)
        usleep(1000);
}

void stop(struct driven *d, enum hvc_cause cause)
{
    struct hvc_stop s = {.head = {HVC_STOP, sizeof(s)}, .cause = cause};

    drive_send(d, &s, sizeof(s));
}

uint64_t in_ms(uint64_t ms)
{
    return clock_mono_ns() + ms * 1000000;
}

// ------------------------------------------------------------------ lives

static void test_poweroff(struct driven *d)
{
    struct hvc_exited x;

    start(d, "abi_hello", "42", UINT64_MAX, null_fd);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_POWEROFF && x.status == 42 && x.text_len == 0);
    CHECK(d->page->magic == HVC_PAGE_MAGIC && d->page->state == HVC_DEAD);
    CHECK(d->page->cause == HVC_POWEROFF && d->page->status == 42);
    CHECK(d->page->console_out_bytes == strlen("hello from a domain\n42\n"));
    CHECK(d->page->ended_mono_ns > d->page->started_mono_ns);
    CHECK(d->page->started_mono_ns > 0);
    drive_await_hangup(d);
}

static void test_prepared(struct driven *d)
{
    const struct hvc_prepare p = {.memory_kib = 4096};
    char *const argv[] = {"abi_hello", "1", NULL};
    int fd = image("abi_hello");
    struct hvc_exited x;

    drive_prepare(d, &p, argv, fd, null_fd);
    close(fd);
    drive_await(d, HVC_PREPARED, NULL);
    CHECK(d->page->state == HVC_LOADED && d->page->console_out_bytes == 0);
    // It waits for its controller's successor, too.
    CHECK(drive_connect(d) == HVC_LOADED);
    drive_go(d, UINT64_MAX);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_POWEROFF && x.status == 1);
}

static void test_refused(struct driven *d)
{
    const struct hvc_prepare p = {.flags = HVC_F_GO};
    char *const argv[] = {"not", NULL};
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct hvc_exited x;

    drive_prepare(d, &p, argv, fd, null_fd);
    close(fd);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_REFUSED && strstr(x.text, "position-independent"));
    CHECK(strstr(d->page->text, "position-independent"));
}

static void test_trap(struct driven *d)
{
    struct hvc_exited x;

    start(d, "abi_trap", "die", UINT64_MAX, null_fd);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_TRAP && x.text_len == strlen(x.text));
    CHECK(strstr(x.text, "write at address 0x1234"));
    CHECK(strstr(x.text, "guest_main+"));
    CHECK(strncmp(x.text, d->page->text, strlen(d->page->text)) == 0);
}

static void test_stopped(struct driven *d)
{
    struct hvc_exited x;

    start(d, "attack_burn", "spin", UINT64_MAX, null_fd);
    stop(d, HVC_WALL_BUDGET);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_WALL_BUDGET && d->page->cause == HVC_WALL_BUDGET);
}

static void test_lease_lapses(struct driven *d)
{
    struct hvc_exited x;
    uint64_t lease_ns = in_ms(30);

    start(d, "attack_burn", "spin", lease_ns, null_fd);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_LEASE_LAPSED && clock_mono_ns() >= lease_ns);
}

static void test_lease_past(struct driven *d)
{
    struct hvc_exited x;

    start(d, "attack_burn", "spin", 0, null_fd);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_LEASE_LAPSED);
}

static void test_lease_renewed(struct driven *d)
{
    struct hvc_lease l = {.head = {HVC_LEASE, sizeof(l)}};
    struct pollfd p = {.fd = d->conn_fd, .events = POLLIN};
    struct hvc_exited x;

    start(d, "attack_burn", "spin", in_ms(100), null_fd);
    for (int i = 0; i < 5; i++) {
        l.lease_ns = in_ms(1000);
        drive_send(d, &l, sizeof(l));
        CHECK(poll(&p, 1, 50) == 0); // it lives on
    }
    l.lease_ns = in_ms(1);
    drive_send(d, &l, sizeof(l));
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_LEASE_LAPSED);
}

// The domain outlives its controller, within its lease.
static void test_succession(struct driven *d)
{
    struct hvc_exited x;

    start(d, "attack_burn", "spin", UINT64_MAX, null_fd);
    await_running(d);
    close(d->conn_fd);
    d->conn_fd = -1;
    CHECK(drive_connect(d) == HVC_RUNNING);
    CHECK(drive_connect(d) == HVC_RUNNING);
    stop(d, HVC_STOPPED);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_STOPPED);
}

// The end is in the page when there is no controller to tell.
static void test_end_alone(struct driven *d)
{
    start(d, "attack_burn", "spin", in_ms(50), null_fd);
    await_running(d);
    close(d->conn_fd);
    d->conn_fd = -1;
    for (int i = 0; i < 500 && d->page->state != HVC_DEAD; i++)
        usleep(10000);
    CHECK(d->page->state == HVC_DEAD && d->page->cause == HVC_LEASE_LAPSED);
}

static void test_monitor_killed(struct driven *d)
{
    struct pollfd p = {.fd = d->guest_fd, .events = POLLIN};

    start(d, "attack_burn", "spin", UINT64_MAX, null_fd);
    kill(d->monitor_pid, 9);
    CHECK(poll(&p, 1, 10000) == 1); // the guest is gone, too
}

// ----------------------------------------------------------- bad messages

// Each costs the sender its connection and nothing else.
static void test_bad_messages(struct driven *d)
{
    struct hvc_go go = {.head = {HVC_GO, sizeof(go)}};
    struct hvc_head head = {HVC_STOP, sizeof(head)};
    struct hvc_stop stop_ = {.head = {HVC_STOP, 99}};
    struct hvc_head unknown = {77, sizeof(unknown)};
    struct hvc_prepare p = {.head = {HVC_PREPARE, sizeof(p)},
                            .cmdline_len = 5000};
    const int fds[4] = {null_fd, null_fd, null_fd, null_fd};

    drive_send(d, &go, sizeof(go)); // not prepared
    drive_await_hangup(d);
    CHECK(drive_connect(d) == HVC_PARKED);
    drive_send(d, &head, sizeof(head)); // too short
    drive_await_hangup(d);
    CHECK(drive_connect(d) == HVC_PARKED);
    drive_send(d, &stop_, sizeof(stop_)); // lies about its size
    drive_await_hangup(d);
    CHECK(drive_connect(d) == HVC_PARKED);
    drive_send(d, &unknown, sizeof(unknown));
    drive_await_hangup(d);
    CHECK(drive_connect(d) == HVC_PARKED);
    drive_send(d, "x", 1);
    drive_await_hangup(d);
    CHECK(drive_connect(d) == HVC_PARKED);
    CHECK(sock_send(d->conn_fd, &p, sizeof(p), fds, 2) == 0);
    drive_await_hangup(d); // strings of another length
    CHECK(drive_connect(d) == HVC_PARKED);
    p.cmdline_len = sizeof(p.cmdline);
    CHECK(sock_send(d->conn_fd, &p, sizeof(p), fds, 4) == 0);
    drive_await_hangup(d); // descriptors it did not announce
    CHECK(drive_connect(d) == HVC_PARKED);
    test_poweroff(d);
}

static void refused_as(struct driven *d, const struct hvc_prepare *p,
                       const char *why)
{
    struct hvc_exited x;
    int fd = image("abi_hello");
    const int fds[2] = {fd, null_fd};

    CHECK(sock_send(d->conn_fd, p, p->head.size, fds, 2) == 0);
    close(fd);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_REFUSED);
    CHECK(strstr(x.text, why));
}

static void test_no_memory(struct driven *d)
{
    struct hvc_prepare p = {
        .head = {HVC_PREPARE, offsetof(struct hvc_prepare, cmdline)}};

    refused_as(d, &p, "no memory is left beside its image");
}

static void test_odd_memory(struct driven *d)
{
    struct hvc_prepare p = {
        .head = {HVC_PREPARE, offsetof(struct hvc_prepare, cmdline)},
        .memory_kib = 4097};

    refused_as(d, &p, "4097 KiB is no amount of memory");
}

static void test_little_memory(struct driven *d)
{
    struct hvc_prepare p = {
        .head = {HVC_PREPARE, offsetof(struct hvc_prepare, cmdline)},
        .memory_kib = 16};

    refused_as(d, &p, "it needs 64 KiB of memory and gets 16");
}

static void test_wrong_strings(struct driven *d)
{
    struct hvc_prepare p = {
        .head = {HVC_PREPARE, offsetof(struct hvc_prepare, cmdline) + 4},
        .memory_kib = 4096,
        .argc = 3,
        .cmdline_len = 4,
        .cmdline = "a\0b"};

    refused_as(d, &p, "does not hold 3 strings");
}

static const struct {
    const char *name;
    void (*run)(struct driven *);
} cases[] = {
    {"poweroff", test_poweroff},
    {"prepared", test_prepared},
    {"refused", test_refused},
    {"trap", test_trap},
    {"stopped", test_stopped},
    {"lease-lapses", test_lease_lapses},
    {"lease-past", test_lease_past},
    {"lease-renewed", test_lease_renewed},
    {"succession", test_succession},
    {"end-alone", test_end_alone},
    {"monitor-killed", test_monitor_killed},
    {"console-limit", test_console_limit},
    {"console-rolls", test_console_rolls},
    {"console-stuck", test_console_stuck},
    {"console-closed", test_console_closed},
    {"input", test_input},
    {"input-stream", test_input_stream},
    {"input-full", test_input_full},
    {"bad-messages", test_bad_messages},
    {"no-memory", test_no_memory},
    {"odd-memory", test_odd_memory},
    {"little-memory", test_little_memory},
    {"wrong-strings", test_wrong_strings},
    {"rights", test_rights},
};

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    drive_open();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct driven d;

        name = cases[i].name;
        failed = false;
        drive_make(&d, i);
        cases[i].run(&d);
        if (!failed)
            printf("ok control/%s\n", name);
        drive_free(&d);
    }
    drive_close();
    return 0;
}
