// SPDX-License-Identifier: ISC
/*
 * Pausing a domain, letting it go on, asking it to end: the monitor's part of
 * hostel's pause, unpause, shutdown and reboot, on the engine that is named.
 * One line a case; run by tests/domain/pause.
 */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/sock.h"
#include "tests/domain/drive.h"

static const char *engine, *name; // of the case
static bool failed;
static int null_fd;

#define CHECK(x)                                                               \
    do {                                                                       \
        if (failed)                                                            \
            return;                                                            \
        if (!(x)) {                                                            \
            printf("FAILED pause/%s/%s: line %d: %s\n", engine, name,          \
                   __LINE__, #x);                                              \
            failed = true;                                                     \
            return;                                                            \
        }                                                                      \
    } while (0)

static void start_image(struct driven *d, const char *image, const char *mode,
                        const struct hvc_prepare *p, int sink_fd)
{
    char *const argv[] = {"guest", (char *)mode, NULL};
    const char *build = getenv("HOSTEL_BUILD");
    char path[4096];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", build ? build : "build", image);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        err(1, "%s", path);
    drive_prepare(d, p, argv, fd, sink_fd);
    close(fd);
}

static void start(struct driven *d, const char *mode, uint32_t flags,
                  uint64_t lease_ns)
{
    const struct hvc_prepare p = {.flags = flags, .lease_ns = lease_ns};

    start_image(d, "guests/abi_pause", mode, &p, null_fd);
}

static void send_head(struct driven *d, enum hvc_type type)
{
    struct hvc_head h = {type, sizeof(h)};

    drive_send(d, &h, sizeof(h));
}

static void ask(struct driven *d, uint32_t action)
{
    struct hvc_ask m = {.head = {HVC_ASK, sizeof(m)}, .action = action};

    drive_send(d, &m, sizeof(m));
}

static uint64_t said(const struct driven *d)
{
    return __atomic_load_n(&d->page->console_out_bytes, __ATOMIC_ACQUIRE);
}

// Until it has said more than so many bytes.
static void await_said(const struct driven *d, uint64_t bytes)
{
    while (said(d) <= bytes) {
        if (__atomic_load_n(&d->page->state, __ATOMIC_ACQUIRE) == HVC_DEAD)
            errx(1, "the domain has ended: %s", d->page->text);
        usleep(500);
    }
}

// The letter of the guest process in /proc: the kernel's word.
static char guest_letter(const struct driven *d)
{
    char path[64], text[256] = "", letter = '?';
    FILE *f;
    int pid = -1;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", d->guest_fd);
    f = fopen(path, "re");
    while (f && fgets(text, sizeof(text), f))
        sscanf(text, "Pid: %d", &pid);
    if (f)
        fclose(f);
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    f = fopen(path, "re");
    if (f && fgets(text, sizeof(text), f) && strrchr(text, ')'))
        letter = strrchr(text, ')')[2];
    if (f)
        fclose(f);
    return letter;
}

// Stopped, and its monitor has moved what it had said before.
static void await_stopped(const struct driven *d)
{
    uint64_t before;

    while (guest_letter(d) != 'T')
        usleep(500);
    do {
        before = said(d);
        usleep(20000);
    } while (said(d) != before);
}

// ------------------------------------------------------------------ cases

static void test_pause(struct driven *d)
{
    struct hvc_exited x;
    uint64_t at;

    start(d, "tick", HVC_F_GO, UINT64_MAX);
    await_said(d, 3);
    send_head(d, HVC_PAUSE);
    await_stopped(d);
    at = said(d);
    usleep(50000);
    CHECK(said(d) == at && guest_letter(d) == 'T');
    send_head(d, HVC_PAUSE); // said again, it changes nothing
    send_head(d, HVC_UNPAUSE);
    await_said(d, at + 3);
    send_head(d, HVC_UNPAUSE);
    ask(d, HV_ACTION_SHUTDOWN);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_POWEROFF && x.status == 42);
}

static void test_born_paused(struct driven *d)
{
    struct hvc_exited x;

    start(d, "once", HVC_F_GO | HVC_F_PAUSED, UINT64_MAX);
    await_stopped(d);
    CHECK(said(d) == 0 && d->page->state == HVC_RUNNING);
    send_head(d, HVC_UNPAUSE);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_POWEROFF && x.status == 7);
}

// A timer that falls due meanwhile fires late, but is not lost.
static void test_timer(struct driven *d)
{
    struct hvc_exited x;

    start(d, "once", HVC_F_GO, UINT64_MAX);
    await_said(d, 0);
    send_head(d, HVC_PAUSE);
    usleep(60000);
    send_head(d, HVC_UNPAUSE);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_POWEROFF && x.status == 7);
}

// What a program's clocks say across a pause. It is so long that what the
// domain does around it is little, even on a machine that is busy.
#define PAUSE_NS     1500000000l
#define CLOCK_OFF_NS 20000000l // between the host's clocks and the guest's

struct clocks {
    long mono, wall, process, thread;
};

static bool read_clocks(FILE *f, struct clocks *c)
{
    char line[256];

    return fgets(line, sizeof(line), f) &&
           sscanf(line, "%ld %ld %ld %ld", &c->mono, &c->wall, &c->process,
                  &c->thread) == 4;
}

static long wall_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec * 1000000000l + ts.tv_nsec;
}

static void test_clocks(struct driven *d)
{
    const struct hvc_prepare p = {.flags = HVC_F_GO,
                                  .lease_ns = UINT64_MAX,
                                  .console_bytes_max = 64 << 20};
    struct clocks before, after = {0}, next;
    struct hvc_exited x;
    long began_wall, went_on_wall;
    int fds[2];
    FILE *f;

    if (pipe2(fds, O_CLOEXEC) < 0 || !(f = fdopen(fds[0], "r")))
        err(1, "pipe");
    start_image(d, "images/test-clocks", NULL, &p, fds[1]);
    close(fds[1]);
    CHECK(read_clocks(f, &before) && read_clocks(f, &before));
    send_head(d, HVC_PAUSE);
    while (guest_letter(d) != 'T')
        usleep(500);
    began_wall = wall_ns();
    usleep(PAUSE_NS / 1000);
    went_on_wall = wall_ns();
    send_head(d, HVC_UNPAUSE);
    // What it had said before it stopped, and the line that it was in.
    do {
        before = after.mono ? after : before;
        CHECK(read_clocks(f, &after));
    } while (after.wall < went_on_wall - CLOCK_OFF_NS);
    CHECK(read_clocks(f, &next));
    // Real time and the wall's have gone on, by the same.
    CHECK(before.wall <= began_wall + CLOCK_OFF_NS);
    CHECK(next.wall <= wall_ns() + CLOCK_OFF_NS);
    CHECK(next.mono - before.mono >= PAUSE_NS);
    CHECK(labs((next.mono - before.mono) - (next.wall - before.wall)) <
          CLOCK_OFF_NS);
    // Virtual time has not.
    CHECK(next.process - before.process < PAUSE_NS / 2);
    ask(d, HV_ACTION_SHUTDOWN);
    while (read_clocks(f, &next))
        continue;
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_POWEROFF && x.status == 0);
    fclose(f);
}

// What it is asked while paused it finds when it goes on.
static void test_ask_paused(struct driven *d)
{
    struct hvc_exited x;
    uint64_t at;

    start(d, "tick", HVC_F_GO, UINT64_MAX);
    await_said(d, 1);
    send_head(d, HVC_PAUSE);
    await_stopped(d);
    at = said(d);
    ask(d, HV_ACTION_REBOOT);
    usleep(20000);
    CHECK(said(d) == at && guest_letter(d) == 'T');
    send_head(d, HVC_UNPAUSE);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_REBOOT);
}

static void test_stop_paused(struct driven *d)
{
    struct hvc_stop s = {.head = {HVC_STOP, sizeof(s)}, .cause = HVC_STOPPED};
    struct hvc_exited x;

    start(d, "tick", HVC_F_GO, UINT64_MAX);
    await_said(d, 1);
    send_head(d, HVC_PAUSE);
    await_stopped(d);
    drive_send(d, &s, sizeof(s));
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_STOPPED);
}

// A lease counts real time, paused or not.
static void test_lease_paused(struct driven *d)
{
    struct hvc_lease l = {.head = {HVC_LEASE, sizeof(l)}};
    struct hvc_exited x;

    start(d, "tick", HVC_F_GO, UINT64_MAX);
    await_said(d, 1);
    send_head(d, HVC_PAUSE);
    l.lease_ns = clock_mono_ns() + 20000000;
    drive_send(d, &l, sizeof(l));
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_LEASE_LAPSED);
}

// A controller's successor finds a paused domain paused.
static void test_succession(struct driven *d)
{
    struct hvc_exited x;

    start(d, "tick", HVC_F_GO, UINT64_MAX);
    await_said(d, 1);
    send_head(d, HVC_PAUSE);
    await_stopped(d);
    CHECK(drive_connect(d) == HVC_RUNNING && guest_letter(d) == 'T');
    send_head(d, HVC_UNPAUSE);
    ask(d, HV_ACTION_SHUTDOWN);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_POWEROFF && x.status == 42);
}

// Each costs the connection, and the next controller finds all as it was.
static void test_bad_messages(struct driven *d)
{
    const struct {
        uint32_t action;
    } bad[] = {{HV_ACTION_NONE}, {HV_ACTION_SUSPEND}, {99}, {UINT32_MAX}};
    struct {
        struct hvc_head head;
        uint64_t more;
    } longer = {{HVC_PAUSE, sizeof(longer)}, 0};
    struct hvc_exited x;

    send_head(d, HVC_PAUSE); // nothing runs yet
    drive_await_hangup(d);
    CHECK(drive_connect(d) == HVC_PARKED);
    start(d, "tick", HVC_F_PAUSED, 0); // paused, but not to go
    drive_await_hangup(d);
    CHECK(drive_connect(d) == HVC_PARKED);
    start(d, "tick", HVC_F_GO, UINT64_MAX);
    await_said(d, 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ask(d, bad[i].action);
        drive_await_hangup(d);
        CHECK(drive_connect(d) == HVC_RUNNING);
    }
    drive_send(d, &longer, sizeof(longer));
    drive_await_hangup(d);
    CHECK(drive_connect(d) == HVC_RUNNING && guest_letter(d) != 'T');
    ask(d, HV_ACTION_SHUTDOWN);
    drive_await(d, HVC_EXITED, &x);
    CHECK(x.cause == HVC_POWEROFF && x.status == 42);
}

// The descriptors of a monitor lead to no device: what its nursery holds open
// for another engine is not its to have, and its own is closed by now.
static void test_no_device(struct driven *d)
{
    for (int fd = 0; fd < 64; fd++) {
        char path[64], target[256] = "";

        snprintf(path, sizeof(path), "/proc/%d/fd/%d", d->monitor_pid, fd);
        if (readlink(path, target, sizeof(target) - 1) < 0)
            continue;
        CHECK(strncmp(target, "/dev/", 5) || !strcmp(target, "/dev/null"));
    }
}

static const struct {
    const char *name;
    void (*run)(struct driven *);
} cases[] = {
    {"pause", test_pause},
    {"born-paused", test_born_paused},
    {"timer", test_timer},
    {"clocks", test_clocks},
    {"ask-paused", test_ask_paused},
    {"stop-paused", test_stop_paused},
    {"lease-paused", test_lease_paused},
    {"succession", test_succession},
    {"bad-messages", test_bad_messages},
    {"no-device", test_no_device},
};

int main(int argc, char **argv)
{
    if (argc != 2)
        errx(2, "usage: pause ENGINE");
    engine = argv[1];
    drive_engine = strcmp(engine, "kvm") ? HVC_ENGINE_PV : HVC_ENGINE_KVM;
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
            printf("ok pause/%s/%s\n", engine, name);
        drive_free(&d);
    }
    drive_close();
    return 0;
}
