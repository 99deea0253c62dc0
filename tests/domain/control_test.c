// SPDX-License-Identifier: ISC
/*
 * The monitor as its controller sees it: leases, limits, succession, bad
 * messages, and which rights are left to a monitor and a guest. One line a
 * case; run by tests/domain/control.
 */
#include <err.h>
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/io.h"
#include "lib/sock.h"
#include "tests/domain/drive.h"

static const char *name; // of the case
static bool failed;
static int null_fd;

// The first check of a case that fails prints its line and ends it.
#define CHECK(x)                                                               \
    do {                                                                       \
        if (failed)                                                            \
            return;                                                            \
        if (!(x)) {                                                            \
            printf("FAILED control/%s: line %d: %s\n", name, __LINE__, #x);    \
            failed = true;                                                     \
            return;                                                            \
        }                                                                      \
    } while (0)

static int image(const char *guest)
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
static void start(struct driven *d, const char *guest, const char *argument,
                  uint64_t lease_ns, int sink_fd)
{
    const struct hvc_prepare p = {.flags = HVC_F_GO, .lease_ns = lease_ns};
    char *const argv[] = {(char *)guest, (char *)argument, NULL};
    int fd = image(guest);

    drive_prepare(d, &p, argv, fd, sink_fd);
    close(fd);
}

static void await_running(struct driven *d)
{
    while (d->page->state == HVC_PARKED)
        usleep(1000);
}

static void stop(struct driven *d, enum hvc_cause cause)
{
    struct hvc_stop s = {.head = {HVC_STOP, sizeof(s)}, .cause = cause};

    drive_send(d, &s, sizeof(s));
}

static uint64_t in_ms(uint64_t ms)
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

// ---------------------------------------------------------------- console

static void test_console_limit(struct driven *d)
{
    const struct hvc_prepare p = {
        .flags = HVC_F_GO, .lease_ns = UINT64_MAX, .console_bytes_max = 1000};
    char *const argv[] = {"attack_burn", "console", NULL};
    int fd = image("attack_burn"),
        sink = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    struct hvc_exited x;

    drive_prepare(d, &p, argv, fd, sink);
    close(fd);
    while (d->page->console_dropped_bytes < 1000000)
        usleep(1000);
    stop(d, HVC_STOPPED);
    drive_await(d, HVC_EXITED, &x);
    CHECK(d->page->console_out_bytes == 1000);
    CHECK(lseek(sink, 0, SEEK_END) == 1000);
    close(sink);
}

// A log that rolls: everything was written, the last of it takes up room.
static void test_console_rolls(struct driven *d)
{
    const struct hvc_prepare p = {.flags = HVC_F_GO | HVC_F_ROLL,
                                  .lease_ns = UINT64_MAX,
                                  .console_bytes_max = 100000};
    char *const argv[] = {"attack_burn", "console", NULL};
    int fd = image("attack_burn"),
        sink = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    uint64_t at = 1; // not the beginning of a page
    struct hvc_exited x;
    struct stat st;
    char byte;

    CHECK(write(sink, "earlier", 7) == 7);
    drive_prepare(d, &p, argv, fd, sink);
    close(fd);
    while (d->page->console_out_bytes < 1000000)
        usleep(1000);
    stop(d, HVC_STOPPED);
    drive_await(d, HVC_EXITED, &x);
    CHECK(d->page->console_dropped_bytes == 0);
    CHECK(fstat(sink, &st) == 0);
    CHECK((uint64_t)st.st_size == d->page->console_out_bytes + 7);
    CHECK(st.st_blocks * 512 >= 100000 && st.st_blocks * 512 < 300000);
    CHECK(rolling_read(sink, &byte, 1, &at) == 1 && byte != 0);
    CHECK(at + 100000 <= (uint64_t)st.st_size);
    CHECK(at + 300000 > (uint64_t)st.st_size);
    at = (uint64_t)st.st_size;
    CHECK(rolling_read(sink, &byte, 1, &at) == 0);
    close(sink);
}

// Nobody reads: the guest waits, the monitor does not.
static void test_console_stuck(struct driven *d)
{
    struct hvc_exited x;
    int p[2];

    CHECK(pipe2(p, O_CLOEXEC) == 0);
    start(d, "attack_burn", "console", UINT64_MAX, p[1]);
    while (d->page->console_out_bytes < 16384)
        usleep(1000);
    stop(d, HVC_STOPPED);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_STOPPED);
    close(p[0]);
    close(p[1]);
}

static void test_console_closed(struct driven *d)
{
    struct hvc_exited x;
    int p[2];

    CHECK(pipe2(p, O_CLOEXEC) == 0);
    close(p[0]);
    start(d, "abi_hello", "5", UINT64_MAX, p[1]);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_POWEROFF && x.status == 5);
    CHECK(d->page->console_dropped_bytes > 0);
    close(p[1]);
}

static void send_input(struct driven *d, const char *text)
{
    struct hvc_input in = {.head.type = HVC_INPUT,
                           .offset = HVC_INPUT_HERE,
                           .flags = *text ? 0 : HVC_INPUT_END,
                           .len = strlen(text)};

    memcpy(in.data, text, in.len);
    in.head.size = offsetof(struct hvc_input, data) + in.len;
    drive_send(d, &in, in.head.size);
}

static void await_taken(struct driven *d, struct hvc_taken *t)
{
    CHECK(sock_recv(d->conn_fd, t, sizeof(*t), NULL, NULL) == sizeof(*t));
    CHECK(t->head.type == HVC_TAKEN);
}

// One message as it is; the monitor's answer.
static void offer_one(struct driven *d, uint64_t writer, uint64_t offset,
                      uint32_t flags, const char *data, uint32_t len,
                      struct hvc_taken *t)
{
    struct hvc_input in = {
        .tag = offset, .writer = writer, .offset = offset, .flags = flags};

    in.len = len;
    memcpy(in.data, data, len);
    in.head =
        (struct hvc_head){HVC_INPUT, offsetof(struct hvc_input, data) + len};
    drive_send(d, &in, in.head.size);
    await_taken(d, t);
    CHECK(t->tag == offset);
}

static struct hvc_taken offer(struct driven *d, uint64_t writer,
                              uint64_t offset, uint32_t flags, const char *data,
                              uint32_t len)
{
    struct hvc_taken t = {0};

    offer_one(d, writer, offset, flags, data, len, &t);
    return t;
}

// The stream's positions, its one writer, and its end.
static void test_input_stream(struct driven *d)
{
    const uint32_t take = HVC_INPUT_TAKE, end = HVC_INPUT_END;
    struct hvc_exited x;
    struct hvc_taken t;
    char got[9] = "";
    int p[2];

    CHECK(pipe2(p, O_CLOEXEC) == 0);
    start(d, "abi_input", NULL, UINT64_MAX, p[1]);
    t = offer(d, 1, 0, take, "", 0);
    CHECK(t.result == HVC_TAKEN_OK && t.position == 0 && !t.ended);
    t = offer(d, 1, 0, 0, "abc", 3);
    CHECK(t.result == HVC_TAKEN_OK && t.position == 3 && t.accepted == 3);
    t = offer(d, 1, 1, 0, "bcd", 3); // half of it is known
    CHECK(t.result == HVC_TAKEN_OK && t.position == 4 && t.accepted == 3);
    t = offer(d, 1, 6, 0, "x", 1);
    CHECK(t.result == HVC_TAKEN_GAP && t.position == 4 && t.accepted == 0);
    t = offer(d, 2, 4, 0, "x", 1);
    CHECK(t.result == HVC_TAKEN_WRITER && t.position == 4);
    t = offer(d, 2, 4, take, "ef", 2);
    CHECK(t.result == HVC_TAKEN_OK && t.position == 6);
    t = offer(d, 1, 6, 0, "x", 1);
    CHECK(t.result == HVC_TAKEN_WRITER);
    // A successor of the controller finds the stream where it was.
    close(d->conn_fd);
    CHECK(drive_connect(d) == HVC_RUNNING);
    t = offer(d, 2, HVC_INPUT_HERE, 0, "gh", 2);
    CHECK(t.result == HVC_TAKEN_OK && t.position == 8 && t.accepted == 2);
    t = offer(d, 2, 8, end, "", 0);
    CHECK(t.result == HVC_TAKEN_OK && t.ended);
    for (size_t n = 0; n < 8;) {
        ssize_t r = read(p[0], got + n, 8 - n);

        CHECK(r > 0);
        n += r;
    }
    CHECK(strcmp(got, "abcdefgh") == 0);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_POWEROFF && d->page->console_in_bytes == 8);
    close(p[0]);
    close(p[1]);
}

// A guest that does not read: what fits is taken, then nothing, and the answer
// waits until somebody else asks. Nothing taken is lost.
static void test_input_full(struct driven *d)
{
    struct hvc_input in = {.tag = 7, .offset = HVC_INPUT_HERE, .len = 4096};
    struct hvc_exited x;
    struct hvc_taken t;
    const uint64_t room = 16384 + HV_CONSOLE_IN;
    uint64_t at = 0;

    start(d, "attack_burn", "spin", UINT64_MAX, null_fd);
    in.head =
        (struct hvc_head){HVC_INPUT, offsetof(struct hvc_input, data) + 4096};
    while (at < room) {
        drive_send(d, &in, in.head.size);
        await_taken(d, &t);
        CHECK(t.result == HVC_TAKEN_OK && t.accepted);
        CHECK(t.position == at + t.accepted && t.position <= room);
        at = t.position;
    }
    drive_send(d, &in, in.head.size);
    in.tag = 8;
    drive_send(d, &in, in.head.size);
    await_taken(d, &t);
    CHECK(t.tag == 7 && t.result == HVC_TAKEN_FULL && t.position == at);
    // The end is behind all that, and may be said again.
    in = (struct hvc_input){
        .tag = 9, .offset = at, .flags = HVC_INPUT_END, .len = 0};
    in.head = (struct hvc_head){HVC_INPUT, offsetof(struct hvc_input, data)};
    drive_send(d, &in, in.head.size);
    await_taken(d, &t);
    CHECK(t.tag == 8 && t.result == HVC_TAKEN_FULL);
    await_taken(d, &t);
    CHECK(t.tag == 9 && t.result == HVC_TAKEN_OK && t.ended);
    t = offer(d, 0, at, HVC_INPUT_END, "", 0);
    CHECK(t.result == HVC_TAKEN_OK && t.ended);
    t = offer(d, 0, at, 0, "x", 1);
    CHECK(t.result == HVC_TAKEN_ENDED && t.position == at);
    stop(d, HVC_STOPPED);
    drive_await(d, HVC_EXITED, &x);
    CHECK(d->page->console_in_bytes == HV_CONSOLE_IN);
}

static void test_input(struct driven *d)
{
    struct hvc_exited x;
    struct hvc_taken t;
    char got[6] = "";
    int p[2];

    CHECK(pipe2(p, O_CLOEXEC) == 0);
    start(d, "abi_input", NULL, UINT64_MAX, p[1]);
    send_input(d, "hello");
    await_taken(d, &t);
    for (size_t n = 0; n < 5;) {
        ssize_t r = read(p[0], got + n, 5 - n);

        CHECK(r > 0);
        n += r;
    }
    CHECK(strcmp(got, "hello") == 0);
    send_input(d, ""); // the end
    await_taken(d, &t);
    CHECK(t.ended && t.position == 5);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_POWEROFF && d->page->console_in_bytes == 5);
    close(p[0]);
    close(p[1]);
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

// ----------------------------------------------------------------- rights

// The value of a field in /proc/PID/status.
static bool status_is(pid_t pid, const char *field, const char *value)
{
    char path[64], line[512], want[128];
    bool found = false;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    snprintf(want, sizeof(want), "%s:\t%s", field, value);
    f = fopen(path, "re");
    while (f && fgets(line, sizeof(line), f))
        found |= strncmp(line, want, strlen(want)) == 0;
    if (f)
        fclose(f);
    if (!found)
        printf("# %s of %d is not %s\n", field, pid, value);
    return found;
}

static bool confined(pid_t pid, uint32_t uid)
{
    char ids[64];

    snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u\n", uid, uid, uid, uid);
    return status_is(pid, "Uid", ids) && status_is(pid, "Gid", ids) &&
           status_is(pid, "Groups", " \n") &&
           status_is(pid, "CapEff", "0000000000000000") &&
           status_is(pid, "CapPrm", "0000000000000000") &&
           status_is(pid, "CapInh", "0000000000000000") &&
           status_is(pid, "CapAmb", "0000000000000000") &&
           status_is(pid, "NoNewPrivs", "1") && status_is(pid, "Seccomp", "2");
}

static int count_entries(pid_t pid, const char *what)
{
    char path[64];
    struct dirent *f;
    int n = 0;
    DIR *d;

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
    d = opendir(path);
    if (!d)
        return -1;
    while ((f = readdir(d)))
        n += f->d_name[0] != '.';
    closedir(d);
    return n;
}

static pid_t child_of(pid_t pid)
{
    char path[64], text[64] = "";
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
        err(1, "%s", path);
    close(fd);
    return atoi(text);
}

// Only what hv.h's address map has, and nothing writable and executable.
static bool maps_ok(pid_t pid)
{
    char path[64], line[512];
    bool ok = true;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/maps", pid);
    f = fopen(path, "re");
    while (f && fgets(line, sizeof(line), f)) {
        uint64_t from, to;
        char perms[5];

        if (sscanf(line, "%lx-%lx %4s", &from, &to, perms) != 3)
            ok = false;
        if (strstr(line, "[vsyscall]"))
            continue; // not in the guest's power, and behind the filter
        if (to > HV_RAM_VA + (64ul << 20) || from < HV_HYPERCALL_VA ||
            (perms[1] == 'w' && perms[2] == 'x') ||
            (to > HV_SETUP_VA && from < HV_SETUP_VA + HV_SETUP_LEN)) {
            printf("# %s", line);
            ok = false;
        }
    }
    if (f)
        fclose(f);
    return f && ok;
}

static bool same_namespace(pid_t pid, const char *kind)
{
    char path[64], theirs[64] = "", ours[64] = "";

    snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kind);
    if (readlink(path, theirs, sizeof(theirs) - 1) < 0)
        err(1, "%s", path);
    snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
    if (readlink(path, ours, sizeof(ours) - 1) < 0)
        err(1, "%s", path);
    return strcmp(ours, theirs) == 0;
}

static void test_rights(struct driven *d)
{
    static const char *const kinds[] = {"mnt", "net", "ipc", "uts", "pid"};
    const pid_t monitor = d->monitor_pid, guest = child_of(monitor);

    start(d, "abi_input", NULL, UINT64_MAX, null_fd);
    await_running(d);
    usleep(10000); // the guest's last steps
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        CHECK(!same_namespace(monitor, kinds[i]));
        CHECK(!same_namespace(guest, kinds[i]));
    }
    CHECK(confined(monitor, d->uid));
    CHECK(confined(guest, d->uid));
    CHECK(count_entries(monitor, "root") == 0);
    CHECK(count_entries(guest, "root") == 0);
    CHECK(count_entries(guest, "fd") == 1); // the doorbell
    CHECK(count_entries(guest, "task") == 1);
    CHECK(maps_ok(guest));
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
