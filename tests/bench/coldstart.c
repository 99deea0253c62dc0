// SPDX-License-Identifier: ISC
/*
 * Cold start of a domain, with this program in the spawner's place: it makes
 * slots through a nursery and drives their monitors with the messages of
 * monitor/control.h.
 *
 *   coldstart.fresh  a clean slot is ready: from sending HVC_PREPARE with
 *                    HVC_F_GO to the console's first byte in a pipe
 *   coldstart.pool   the image is mapped already: from sending HVC_GO
 *   coldstart.slot   what making a slot costs, its cgroups included
 *
 * Each round measures all three and the peer, a static glibc program by vfork
 * and exec from the decision to its first byte. Medians of all rounds.
 *
 *   coldstart [-n ROUNDS] [-v] [IMAGE]
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hypervisor/monitor/control.h"
#include "lib/clock.h"
#include "lib/sock.h"

#define UID_BASE 0x7fe00000u // a uid nobody has

static char dir[] = "/tmp/hostel-coldstart.XXXXXX";
static int nursery_fd;
static pid_t nursery_pid;
static const char *hello;
static int image_fd;

// --------------------------------------------------------------- cgroups

// Where a slot's own groups go: one per v1 hierarchy, or one in v2.
static const char *const v1[] = {"cpu",  "cpuacct", "memory",
                                 "pids", "blkio",   "freezer"};
static char cgroup_root[8][128];
static size_t ncgroups;

static void cgroups_find(void)
{
    if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0) {
        snprintf(cgroup_root[0], sizeof(cgroup_root[0]), "/sys/fs/cgroup");
        ncgroups = 1;
        return;
    }
    for (size_t i = 0; i < sizeof(v1) / sizeof(v1[0]); i++) {
        snprintf(cgroup_root[ncgroups], sizeof(cgroup_root[0]),
                 "/sys/fs/cgroup/%s", v1[i]);
        if (access(cgroup_root[ncgroups], W_OK) == 0)
            ncgroups++;
    }
}

// Makes the groups of one slot and opens their cgroup.procs.
static void cgroups_make(unsigned slot, int *fds)
{
    char path[256];

    for (size_t i = 0; i < ncgroups; i++) {
        snprintf(path, sizeof(path), "%s/hostel-bench-%u", cgroup_root[i],
                 slot);
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            err(1, "%s", path);
        strcat(path, "/cgroup.procs");
        fds[i] = open(path, O_WRONLY | O_CLOEXEC);
        if (fds[i] < 0)
            err(1, "%s", path);
    }
}

static void cgroups_remove(unsigned slot)
{
    char path[256];

    for (size_t i = 0; i < ncgroups; i++) {
        snprintf(path, sizeof(path), "%s/hostel-bench-%u", cgroup_root[i],
                 slot);
        // The last process may still be on its way out.
        for (int tries = 0; rmdir(path) < 0 && tries < 1000; tries++)
            usleep(1000);
    }
}

// ----------------------------------------------------------------- slots

struct slot {
    unsigned number;
    int conn_fd, monitor_fd, guest_fd;
};

static void nursery_start(void)
{
    const char *build = getenv("HOSTEL_BUILD");
    char path[4096];
    int pair[2];

    snprintf(path, sizeof(path), "%s/bin/hostel-hv", build ? build : "build");
    if (sock_pair(pair) < 0)
        err(1, "socketpair");
    nursery_pid = fork();
    if (nursery_pid == 0) {
        if (pair[1] == 3)
            fcntl(3, F_SETFD, 0);
        else
            dup2(pair[1], 3);
        execl(path, "hostel-hv", "nursery", NULL);
        err(1, "%s", path);
    }
    close(pair[1]);
    nursery_fd = pair[0];
}

static int page_make(unsigned n)
{
    char path[256];
    int fd;

    snprintf(path, sizeof(path), "%s/%u.page", dir, n);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, HV_PAGE) < 0)
        err(1, "%s", path);
    unlink(path);
    return fd;
}

static void slot_make(struct slot *s, unsigned number)
{
    struct hvc_make make = {.head = {HVC_MAKE, sizeof(make)},
                            .slot = number,
                            .uid = UID_BASE + number,
                            .gid = UID_BASE + number,
                            .nprocs = ncgroups};
    struct hvc_made made;
    struct hvc_ready ready;
    char path[256];
    int fds[2 + HVC_PROCS_MAX];
    size_t one = 1;
    struct err e;

    *s = (struct slot){.number = number};
    snprintf(path, sizeof(path), "%s/%u.sock", dir, number);
    fds[0] = sock_listen(path, SOCK_SEQPACKET, 0600, &e);
    if (fds[0] < 0)
        errx(1, "%s", e.text);
    fds[1] = page_make(number);
    cgroups_make(number, fds + 2);
    if (sock_send(nursery_fd, &make, sizeof(make), fds, 2 + ncgroups) < 0 ||
        sock_recv(nursery_fd, &made, sizeof(made), &s->monitor_fd, &one) !=
            sizeof(made) ||
        made.error)
        errx(1, "the nursery made no slot");
    s->conn_fd = sock_connect(path, SOCK_SEQPACKET, &e);
    one = 1;
    if (s->conn_fd < 0 ||
        sock_recv(s->conn_fd, &ready, sizeof(ready), &s->guest_fd, &one) !=
            sizeof(ready) ||
        ready.state != HVC_PARKED)
        errx(1, "the monitor is not ready");
    for (size_t i = 0; i < 2 + ncgroups; i++)
        close(fds[i]);
    unlink(path);
}

static void slot_prepare(struct slot *s, uint32_t flags, int sink)
{
    struct hvc_prepare p = {.head.type = HVC_PREPARE,
                            .flags = flags,
                            .argc = 1,
                            .cmdline_len = sizeof("hello"),
                            .memory_kib = 64 << 10,
                            .console_bytes_max = 1 << 20,
                            .lease_ns = UINT64_MAX,
                            .domain_name = "hello",
                            .cmdline = "hello"};
    const int fds[2] = {image_fd, sink};

    p.head.size = offsetof(struct hvc_prepare, cmdline) + p.cmdline_len;
    if (sock_send(s->conn_fd, &p, p.head.size, fds, 2) < 0)
        errx(1, "the monitor is gone");
}

static void slot_prepared(struct slot *s)
{
    struct hvc_exited x = {0}; // what comes instead when something is wrong

    if (sock_recv(s->conn_fd, &x, sizeof(x), NULL, NULL) <= 0 ||
        x.head.type != HVC_PREPARED)
        errx(1, "not prepared: %s", x.text);
}

static void slot_go(struct slot *s)
{
    struct hvc_go go = {.head = {HVC_GO, sizeof(go)}, .lease_ns = UINT64_MAX};

    if (sock_send(s->conn_fd, &go, sizeof(go), NULL, 0) < 0)
        errx(1, "the monitor is gone");
}

static void slot_end(struct slot *s)
{
    struct hvc_exited x = {0};

    if (sock_recv(s->conn_fd, &x, sizeof(x), NULL, NULL) <= 0 ||
        x.cause != HVC_POWEROFF || x.status != 0)
        errx(1, "hello ended with cause %u: %s", x.cause, x.text);
    close(s->conn_fd);
    close(s->guest_fd);
    close(s->monitor_fd);
    cgroups_remove(s->number);
}

// --------------------------------------------------------------- measuring

static void first_byte(int fd)
{
    char byte;

    if (read(fd, &byte, 1) != 1)
        errx(1, "no console output");
}

static double since(uint64_t start_ns)
{
    return (clock_mono_ns() - start_ns) / 1e3;
}

static double peer(void)
{
    uint64_t start = clock_mono_ns();
    double us;
    int p[2];
    pid_t pid;

    if (pipe2(p, O_CLOEXEC) < 0)
        err(1, "pipe");
    pid = vfork();
    if (pid == 0) {
        dup2(p[1], 1);
        execl(hello, "hello", NULL);
        _exit(127);
    }
    close(p[1]);
    first_byte(p[0]);
    us = since(start);
    close(p[0]);
    waitpid(pid, NULL, 0);
    return us;
}

static double fresh(unsigned number)
{
    struct slot s;
    uint64_t start;
    double us;
    int p[2];

    slot_make(&s, number);
    usleep(200); // until the monitor and its zygote sleep
    if (pipe2(p, O_CLOEXEC) < 0)
        err(1, "pipe");
    start = clock_mono_ns();
    slot_prepare(&s, HVC_F_GO, p[1]);
    first_byte(p[0]);
    us = since(start);
    slot_end(&s);
    close(p[0]);
    close(p[1]);
    return us;
}

static double pool(unsigned number, double *slot_us)
{
    uint64_t start = clock_mono_ns();
    struct slot s;
    double us;
    int p[2];

    slot_make(&s, number);
    *slot_us = since(start);
    if (pipe2(p, O_CLOEXEC) < 0)
        err(1, "pipe");
    slot_prepare(&s, 0, p[1]);
    slot_prepared(&s);
    usleep(200);
    start = clock_mono_ns();
    slot_go(&s);
    first_byte(p[0]);
    us = since(start);
    slot_end(&s);
    close(p[0]);
    close(p[1]);
    return us;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

struct series {
    const char *name;
    double *us;
};

static double median(struct series *s, int n)
{
    qsort(s->us, n, sizeof(double), by_value);
    return s->us[n / 2];
}

static void details(const struct series *s, int n)
{
    fprintf(stderr,
            "%-6s min %.1f  p10 %.1f  p50 %.1f  p90 %.1f  p99 %.1f us\n",
            s->name, s->us[0], s->us[n / 10], s->us[n / 2], s->us[n * 9 / 10],
            s->us[n * 99 / 100]);
}

int main(int argc, char **argv)
{
    const char *build = getenv("HOSTEL_BUILD");
    char image[4096], peer_path[4096];
    struct series s[4] = {{"peer", 0}, {"fresh", 0}, {"pool", 0}, {"slot", 0}};
    bool verbose = false;
    int rounds = 1000, o;
    double m[4];

    while ((o = getopt(argc, argv, "n:v")) != -1) {
        if (o == 'n')
            rounds = atoi(optarg);
        else if (o == 'v')
            verbose = true;
        else
            return 2;
    }
    if (rounds < 1)
        return 2;
    build = build ? build : "build";
    snprintf(image, sizeof(image), "%s", argv[optind] ? argv[optind] : "");
    if (!*image)
        snprintf(image, sizeof(image), "%s/images/hello", build);
    snprintf(peer_path, sizeof(peer_path), "%s/bench/hello", build);
    hello = peer_path;
    image_fd = open(image, O_RDONLY | O_CLOEXEC);
    if (image_fd < 0)
        err(1, "%s", image);
    if (geteuid() != 0)
        errx(1, "slots need root");
    if (!mkdtemp(dir))
        err(1, "%s", dir);
    signal(SIGPIPE, SIG_IGN);
    cgroups_find();
    nursery_start();
    for (int i = 0; i < 4; i++)
        s[i].us = calloc(rounds, sizeof(double));
    for (int i = 0; i < rounds; i++) {
        s[0].us[i] = peer();
        s[1].us[i] = fresh(2 * i % 64);
        s[2].us[i] = pool((2 * i + 1) % 64, &s[3].us[i]);
    }
    for (int i = 0; i < 4; i++)
        m[i] = median(&s[i], rounds);
    for (int i = 0; verbose && i < 4; i++)
        details(&s[i], rounds);
    printf("bench coldstart.fresh %.1f us vfork+exec %.1f ratio %.3f\n", m[1],
           m[0], m[1] / m[0]);
    printf("bench coldstart.pool %.1f us vfork+exec %.1f ratio %.3f\n", m[2],
           m[0], m[2] / m[0]);
    printf("bench coldstart.slot %.1f us\n", m[3]);
    close(nursery_fd);
    waitpid(nursery_pid, NULL, 0);
    rmdir(dir);
    return 0;
}
