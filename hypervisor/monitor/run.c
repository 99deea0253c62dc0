// SPDX-License-Identifier: ISC
/*
 * `hostel-hv run`: one domain without a node. This process forks the monitor
 * and is its controller, with the same messages the spawner uses; so what
 * works here works there.
 */
#include "hypervisor/monitor/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hypervisor/monitor/qsd.h"
#include "hypervisor/monitor/run_state.h"
#include "hypervisor/monitor/sandbox.h"
#include "hypervisor/monitor/volume.h"
#include "lib/io.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/sock.h"

// Exit statuses that are not the guest's, beside STATUS_FAILED; hostel-hv(8).
#define STATUS_BUDGET  124
#define STATUS_REFUSED 126
#define STATUS_CRASH   134 // 128 + SIGABRT
#define STATUS_KILLED  137 // 128 + SIGKILL
#define STATUS_TRAP    139 // 128 + SIGSEGV
#define STATUS_SYSCALL 159 // 128 + SIGSYS

// Root lends each domain an identity nobody has: one of this many, away from
// accounts, subordinate ids and a node's slots.
#define RUN_UID_BASE  0x7ff00000u
#define RUN_UID_COUNT 0x10000u

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
    interrupted = sig;
}

// Forks the monitor; this process leaves the world along with it.
static int make_slot(struct run *r, struct err *e)
{
    const uint32_t own = RUN_UID_BASE + getpid() % RUN_UID_COUNT;
    int pair[2], pidfd;

    if (sock_pair(pair) < 0)
        return err_errno(e, "socketpair");
    // Where root has no other users it stays itself, without its rights.
    if (geteuid() == 0 && sandbox_has_identity(own))
        r->slot.uid = r->slot.gid = own;
    if (r->slot.engine->prepare(e) < 0 ||
        sandbox_leave_world(&r->contained, e) < 0)
        return -e->code;
    if (!r->contained)
        log_warn("no user namespaces here: the monitor is confined by its "
                 "system call filter alone");
    r->slot.conn_fd = pair[1];
    r->monitor_pid = slot_fork(&pidfd, r->contained);
    if (r->monitor_pid == 0) {
        close(pair[0]);
        for (size_t i = 0; i < 4; i++) {
            const int fd[] = {r->gdb_fd, r->core_fd, r->core_folder_fd,
                              r->trace_file};

            if (fd[i] >= 0)
                close(fd[i]); // it needs none, or it comes by message
        }
        for (unsigned i = 0; i < r->ndevices; i++)
            run_close_device(r, i); // they come by message
        setsid();                   // the terminal's signals are for us
        volume_forget();
        slot_run(&r->slot);
    }
    if (r->monitor_pid < 0)
        return err_set(e, -r->monitor_pid, "starting the monitor: %s",
                       strerror(-r->monitor_pid));
    close(pair[1]);
    r->conn_fd = pair[0];
    return 0;
}

// The pid behind a pidfd, as /proc shows it.
static pid_t pid_of(const struct run *r, int pidfd)
{
    cleanup_close int fd = -1;
    char path[64], text[512] = "";
    const char *at;

    snprintf(path, sizeof(path), "self/fdinfo/%d", pidfd);
    fd = openat(r->slot.proc_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
        return -1;
    at = strstr(text, "\nPid:");
    return at ? atoi(at + 5) : -1;
}

static int await_ready(struct run *r, struct err *e)
{
    size_t nfds = 1;
    struct hvc_ready ready;
    ssize_t n =
        sock_recv(r->conn_fd, &ready, sizeof(ready), &r->guest_fd, &nfds);

    if (n != sizeof(ready) || nfds != 1)
        return err_set(e, EIO, "the monitor could not make the domain's slot");
    budget_open(&r->budget, (uint64_t)r->config.cpu_ms * 1000000);
    budget_add(&r->budget, pid_of(r, r->guest_fd));
    budget_add(&r->budget, r->monitor_pid);
    r->cpu_base_ns = r->budget.base_ns[0] + r->budget.base_ns[1];
    return 0;
}

static int send_devices(struct run *r, struct err *e)
{
    for (unsigned i = 0; i < r->ndevices; i++) {
        if (sock_send(r->conn_fd, &r->device[i], sizeof(r->device[i]),
                      r->device_fd[i], r->device_fds[i]) < 0)
            return err_set(e, EIO, "the monitor is gone");
        run_close_device(r, i);
    }
    return 0;
}

static int start(struct run *r, struct err *e)
{
    struct hvc_prepare *p = &r->prepare;
    int fds[5] = {r->image_fd, STDOUT_FILENO};
    size_t n = 2;

    p->head.type = HVC_PREPARE;
    p->head.size = offsetof(struct hvc_prepare, cmdline) + p->cmdline_len;
    p->flags = HVC_F_GO | (r->gdb_port ? HVC_F_DEBUG : 0);
    p->console_bytes_max = UINT64_MAX;
    p->lease_ns = UINT64_MAX;
    if (r->initrd_fd >= 0) {
        p->flags |= HVC_F_INITRD;
        fds[n++] = r->initrd_fd;
    }
    if (fcntl(STDIN_FILENO, F_GETFD) >= 0) {
        p->flags |= HVC_F_SOURCE;
        fds[n++] = STDIN_FILENO;
    }
    if (r->core_fd >= 0) {
        p->flags |= HVC_F_CORE;
        p->core_ends = r->core_ends;
        p->core_bytes_max = UINT64_MAX;
        fds[n++] = r->core_fd;
    }
    r->wall_mono_ns =
        r->config.wall_ms
            ? clock_mono_ns() + (uint64_t)r->config.wall_ms * 1000000
            : UINT64_MAX;
    if (send_devices(r, e) < 0)
        return -e->code;
    if (sock_send(r->conn_fd, p, p->head.size, fds, n) < 0)
        return err_set(e, EIO, "the monitor is gone");
    return 0;
}

static void stop(struct run *r, enum hvc_cause cause)
{
    struct hvc_stop s = {.head = {HVC_STOP, sizeof(s)}, .cause = cause};

    if (r->cause)
        return;
    r->cause = cause;
    sock_send(r->conn_fd, &s, sizeof(s), NULL, 0);
}

// Checks budgets; nanoseconds to the next look.
static uint64_t watch_budgets(struct run *r)
{
    uint64_t now = clock_mono_ns(), cpu = budget_left_ns(&r->budget);
    uint64_t wall = r->wall_mono_ns > now ? r->wall_mono_ns - now : 0;

    if (cpu == 0)
        stop(r, HVC_CPU_BUDGET);
    else if (wall == 0)
        stop(r, HVC_WALL_BUDGET);
    else if (interrupted)
        stop(r, HVC_STOPPED);
    if (r->cause)
        return UINT64_MAX;
    return cpu < wall ? cpu : wall;
}

// Waits on the loopback alone: who can connect can do all with the domain.
static int gdb_listen(struct run *r, struct err *e)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)r->gdb_port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int one = 1;

    r->gdb_fd = -1;
    if (!r->gdb_port)
        return 0;
    r->gdb_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (r->gdb_fd < 0 ||
        setsockopt(r->gdb_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) <
            0 ||
        bind(r->gdb_fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
        listen(r->gdb_fd, 1) < 0)
        return err_errno(e, "--gdb: listening on port %ld", (long)r->gdb_port);
    return 0;
}

// A trace from the very beginning: before the domain is described.
static int trace_begin(struct run *r, struct err *e)
{
    struct hvc_attach a = {.head = {HVC_ATTACH, sizeof(a)},
                           .kind = HVC_ATTACH_TRACE};
    int pair[2];

    if (r->trace_file < 0)
        return 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return err_errno(e, "socketpair");
    r->trace_fd = pair[0];
    sock_send(r->conn_fd, &a, sizeof(a), &pair[1], 1);
    close(pair[1]);
    return 0;
}

// Some of it, or its end.
static void trace_copy(struct run *r)
{
    char piece[65536];
    ssize_t n = read(r->trace_fd, piece, sizeof(piece));

    if (n > 0 && write_full(r->trace_file, piece, (size_t)n) == 0)
        return;
    close(r->trace_fd);
    r->trace_fd = -1;
}

// A debugger has come: its connection is the monitor's. One that comes while
// another is there is sent away by it.
static void gdb_accept(struct run *r)
{
    struct hvc_attach a = {.head = {HVC_ATTACH, sizeof(a)},
                           .kind = HVC_ATTACH_DEBUG};
    const int one = 1;
    int fd = accept4(r->gdb_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    sock_send(r->conn_fd, &a, sizeof(a), &fd, 1);
    close(fd);
}

// Takes a message; true: it was the last.
static bool hear(struct run *r)
{
    ssize_t n =
        sock_recv(r->conn_fd, &r->exited, sizeof(r->exited), NULL, NULL);

    if (n >= (ssize_t)sizeof(struct hvc_head) &&
        r->exited.head.type == HVC_ATTACHED)
        return false;
    if (n == sizeof(struct hvc_failed) && r->exited.head.type == HVC_FAILED) {
        struct hvc_failed f;

        memcpy(&f, &r->exited, sizeof(f));
        log_warn("the back end of device %u is gone: what the domain asks of "
                 "it fails",
                 f.index);
        return false;
    }
    if (n < (ssize_t)offsetof(struct hvc_exited, text) ||
        r->exited.head.type != HVC_EXITED || r->exited.text_len > HVC_TEXT_MAX)
        r->exited = (struct hvc_exited){.cause = HVC_LOST};
    return true;
}

// Until the domain is over. The monitor's last message says how.
static void attend(struct run *r)
{
    struct pollfd p[3] = {{.fd = r->conn_fd, .events = POLLIN},
                          {.fd = r->gdb_fd, .events = POLLIN}};
    sigset_t none;

    sigemptyset(&none);
    for (;;) {
        uint64_t ns = watch_budgets(r);
        struct timespec t = {ns / 1000000000u, ns % 1000000000u};

        p[2] = (struct pollfd){.fd = r->trace_fd, .events = POLLIN};
        if (ppoll(p, 3, ns == UINT64_MAX ? NULL : &t, &none) <= 0)
            continue;
        if (p[2].revents)
            trace_copy(r);
        if (p[1].revents)
            gdb_accept(r);
        if (p[0].revents && hear(r))
            break;
    }
    while (r->trace_fd >= 0)
        trace_copy(r);
    // perf's signal says only which process it ended.
    if ((r->exited.cause == HVC_LOST ||
         (r->exited.cause == HVC_KILLED && r->exited.status == SIGTRAP)) &&
        budget_hit(&r->budget))
        r->exited.cause = HVC_CPU_BUDGET;
}

static void print_usage(const struct run *r, const struct rusage *u)
{
    uint64_t cpu_us =
        (uint64_t)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000000u +
        u->ru_utime.tv_usec + u->ru_stime.tv_usec;
    uint64_t base_us = r->cpu_base_ns / 1000;
    uint64_t wall_ns = r->page->ended_mono_ns - r->page->started_mono_ns;
    const struct fs_meter v = volume_usage();

    cpu_us -= cpu_us > base_us ? base_us : cpu_us;
    fprintf(stderr,
            "cpu %lu.%06lu s, wall %lu.%06lu s, console %lu bytes out, %lu "
            "dropped, %lu in, disk %lu bytes in %lu reads, %lu in %lu writes, "
            "net %lu bytes in %lu frames out, %lu refused, %lu in %lu in, "
            "volumes %lu requests, %lu bytes in %lu reads, %lu in %lu writes, "
            "%lu syncs\n",
            cpu_us / 1000000, cpu_us % 1000000, wall_ns / 1000000000u,
            wall_ns / 1000 % 1000000, r->page->console_out_bytes,
            r->page->console_dropped_bytes, r->page->console_in_bytes,
            r->page->disk_read_bytes, r->page->disk_reads,
            r->page->disk_write_bytes, r->page->disk_writes,
            r->page->net_tx_bytes, r->page->net_tx_packets,
            r->page->net_tx_refused, r->page->net_rx_bytes,
            r->page->net_rx_packets, v.requests, v.read_bytes, v.reads,
            v.write_bytes, v.writes, v.syncs);
}

static int conclude(const struct run *r)
{
    const struct hvc_exited *x = &r->exited;
    const int len = x->text_len;

    switch (x->cause) {
    case HVC_POWEROFF:
        return x->status;
    case HVC_REBOOT:
    case HVC_SUSPEND:
        log_info("the domain asked to %s, which run does not do",
                 x->cause == HVC_REBOOT ? "reboot" : "be suspended");
        return 0;
    case HVC_TRAP:
        fprintf(stderr, "hostel-hv: trap: %.*s\n", len, x->text);
        return STATUS_TRAP;
    case HVC_SYSCALL:
        fprintf(stderr, "hostel-hv: stopped: the domain %.*s\n", len, x->text);
        return STATUS_SYSCALL;
    case HVC_CRASH:
        fprintf(stderr, "hostel-hv: crash: %.*s\n", len, x->text);
        return STATUS_CRASH;
    case HVC_CPU_BUDGET:
        log_error("stopped: its CPU budget of %ld ms is spent",
                  (long)r->config.cpu_ms);
        return STATUS_BUDGET;
    case HVC_WALL_BUDGET:
        log_error("stopped: its time of %ld ms is over",
                  (long)r->config.wall_ms);
        return STATUS_BUDGET;
    case HVC_REFUSED:
        log_error("%s: %.*s", r->config.kernel, len, x->text);
        return STATUS_REFUSED;
    case HVC_STOPPED:
        return 128 + (interrupted ? interrupted : SIGTERM);
    case HVC_KILLED:
        log_error("the domain was killed by signal %u", x->status);
        return STATUS_KILLED;
    default:
        log_error("the monitor died");
        return STATUS_FAILED;
    }
}

// Signals are noticed in ppoll only.
static void catch_signals(void)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction a = {.sa_handler = on_signal};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
        sigaddset(&set, caught[i]);
        sigaction(caught[i], &a, NULL);
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int run_main(int argc, char **argv)
{
    static struct run r; // its messages are large
    struct err e = {0};
    struct rusage u;

    close_range(3, ~0u, 0); // the caller's: the monitor is to have none
    catch_signals();
    if (run_describe(&r, argc, argv, &e) < 0 || run_open(&r, &e) < 0 ||
        gdb_listen(&r, &e) < 0 || make_slot(&r, &e) < 0 ||
        await_ready(&r, &e) < 0 || trace_begin(&r, &e) < 0 ||
        start(&r, &e) < 0) {
        log_error("%s", e.text);
        qsd_end();
        return STATUS_FAILED; // volumes' back ends end with their sockets
    }
    attend(&r);
    run_close_core(&r);
    if (wait4(r.monitor_pid, NULL, 0, &u) == r.monitor_pid && r.usage)
        print_usage(&r, &u);
    volume_end();
    qsd_end();
    return conclude(&r);
}
