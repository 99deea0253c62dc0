// SPDX-License-Identifier: ISC
// The spawner's part in tests and benchmarks; see drive.h.

#include "tests/domain/drive.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/sock.h"

#define UID_BASE 0x7fe00000u // ids nobody has

static char dir[] = "/run/hostel-drive.XXXXXX";
static int nursery_fd;
static pid_t nursery_pid;

// --------------------------------------------------------------- cgroups

// Where a slot's own groups go: one per v1 hierarchy, or one in v2.
static const char *const v1[] = {"cpu", "cpuacct", "memory", "pids"};
static char cgroup_root[HVC_PROCS_MAX][64];
static size_t ncgroups;

static void cgroups_find(void)
{
    if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0) {
        strcpy(cgroup_root[ncgroups++], "/sys/fs/cgroup");
        return;
    }
    for (size_t i = 0; i < sizeof(v1) / sizeof(v1[0]); i++) {
        snprintf(cgroup_root[ncgroups], sizeof(cgroup_root[0]),
                 "/sys/fs/cgroup/%s", v1[i]);
        if (access(cgroup_root[ncgroups], W_OK) == 0)
            ncgroups++;
    }
}

static void cgroup_path(size_t i, unsigned slot, const char *file, char *path,
                        size_t len)
{
    snprintf(path, len, "%s/hostel-drive-%d-%u%s", cgroup_root[i], getpid(),
             slot, file);
}

// Makes the groups of one slot and opens their cgroup.procs.
static void cgroups_make(unsigned slot, int *fds)
{
    char path[256];

    for (size_t i = 0; i < ncgroups; i++) {
        cgroup_path(i, slot, "", path, sizeof(path));
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            err(1, "%s", path);
        cgroup_path(i, slot, "/cgroup.procs", path, sizeof(path));
        fds[i] = open(path, O_WRONLY | O_CLOEXEC);
        if (fds[i] < 0)
            err(1, "%s", path);
    }
}

static void cgroups_remove(unsigned slot)
{
    char path[256];

    for (size_t i = 0; i < ncgroups; i++) {
        cgroup_path(i, slot, "", path, sizeof(path));
        // The last process may still be on its way out.
        for (int tries = 0; rmdir(path) < 0 && tries < 1000; tries++)
            usleep(1000);
    }
}

// ----------------------------------------------------------------- slots

static pid_t owner; // of what is here; its children are not

static void group_kill(unsigned slot)
{
    char path[256], line[32];
    FILE *f;

    cgroup_path(0, slot, "/cgroup.procs", path, sizeof(path));
    f = fopen(path, "re");
    while (f && fgets(line, sizeof(line), f))
        if (atoi(line) > 1)
            kill(atoi(line), SIGKILL);
    if (f)
        fclose(f);
}

// However the program ends: what has a socket here was not freed.
static void left_remove(void)
{
    const struct dirent *entry;
    unsigned slot;
    DIR *d;

    if (getpid() != owner || !(d = opendir(dir)))
        return;
    if (nursery_pid > 0)
        kill(nursery_pid, SIGKILL);
    while ((entry = readdir(d))) {
        if (sscanf(entry->d_name, "%u.sock", &slot) != 1)
            continue;
        group_kill(slot);
        cgroups_remove(slot);
        unlinkat(dirfd(d), entry->d_name, 0);
    }
    closedir(d);
    rmdir(dir);
}

static void terminated(int signo)
{
    (void)signo;
    exit(1); // somebody's limit of time: it need not be safe, only tidy
}

void drive_open(void)
{
    const char *build = getenv("HOSTEL_BUILD");
    char path[4096];
    int pair[2];

    if (geteuid() != 0)
        errx(1, "slots need root");
    if (!mkdtemp(dir))
        err(1, "%s", dir);
    owner = getpid();
    atexit(left_remove);
    signal(SIGTERM, terminated);
    signal(SIGPIPE, SIG_IGN);
    cgroups_find();
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

void drive_close(void)
{
    close(nursery_fd);
    waitpid(nursery_pid, NULL, 0);
    nursery_pid = 0;
    rmdir(dir);
}

static int page_make(struct driven *d)
{
    int fd = memfd_create("page", MFD_CLOEXEC);

    if (fd < 0 || ftruncate(fd, HV_PAGE) < 0)
        err(1, "making a counter page");
    d->page = mmap(NULL, HV_PAGE, PROT_READ, MAP_SHARED, fd, 0);
    if (d->page == MAP_FAILED)
        err(1, "mapping the counter page");
    return fd;
}

uint32_t drive_connect(struct driven *d)
{
    struct hvc_ready ready;
    size_t one = 1;
    struct err e;

    if (d->conn_fd >= 0)
        close(d->conn_fd);
    if (d->guest_fd >= 0)
        close(d->guest_fd);
    d->conn_fd = sock_connect(d->path, SOCK_SEQPACKET, &e);
    if (d->conn_fd < 0)
        errx(1, "%s", e.text);
    if (sock_recv(d->conn_fd, &ready, sizeof(ready), &d->guest_fd, &one) !=
            sizeof(ready) ||
        ready.head.type != HVC_READY || ready.version != HVC_VERSION)
        errx(1, "the monitor is not ready");
    return ready.state;
}

uint32_t drive_engine = HVC_ENGINE_PV;
uint32_t drive_flags;

void drive_make(struct driven *d, unsigned number)
{
    struct hvc_make make = {.head = {HVC_MAKE, sizeof(make)},
                            .slot = number,
                            .uid = UID_BASE + number,
                            .gid = UID_BASE + number,
                            .nprocs = ncgroups,
                            .engine = drive_engine,
                            .flags = drive_flags};
    struct hvc_made made;
    int fds[2 + HVC_PROCS_MAX];
    size_t one = 1;
    struct err e;

    *d = (struct driven){
        .number = number, .uid = make.uid, .conn_fd = -1, .guest_fd = -1};
    snprintf(d->path, sizeof(d->path), "%s/%u.sock", dir, number);
    fds[0] = sock_listen(d->path, SOCK_SEQPACKET, 0600, &e);
    if (fds[0] < 0)
        errx(1, "%s", e.text);
    fds[1] = page_make(d);
    cgroups_make(number, fds + 2);
    if (sock_send(nursery_fd, &make, sizeof(make), fds, 2 + ncgroups) < 0 ||
        sock_recv(nursery_fd, &made, sizeof(made), &d->monitor_fd, &one) !=
            sizeof(made) ||
        made.error || made.slot != number)
        errx(1, "the nursery made no slot");
    d->monitor_pid = made.monitor_pid;
    for (size_t i = 0; i < 2 + ncgroups; i++)
        close(fds[i]);
    if (drive_connect(d) != HVC_PARKED)
        errx(1, "a new slot is not parked");
}

void drive_free(struct driven *d)
{
    // A parked or running monitor goes when it is told to.
    struct hvc_stop stop = {.head = {HVC_STOP, sizeof(stop)},
                            .cause = HVC_STOPPED};

    sock_send(d->conn_fd, &stop, sizeof(stop), NULL, 0);
    close(d->conn_fd);
    close(d->guest_fd);
    close(d->monitor_fd);
    unlink(d->path);
    munmap((void *)d->page, HV_PAGE);
    cgroups_remove(d->number);
}

// -------------------------------------------------------------- messages

void drive_send(struct driven *d, const void *message, size_t len)
{
    if (sock_send(d->conn_fd, message, len, NULL, 0) < 0)
        errx(1, "the monitor is gone");
}

void drive_prepare(struct driven *d, const struct hvc_prepare *like,
                   char *const argv[], int image_fd, int sink_fd)
{
    struct hvc_prepare p = *like;
    const int fds[2] = {image_fd, sink_fd};

    if (p.memory_kib == 0)
        p.memory_kib = 64 << 10;
    if (p.console_bytes_max == 0)
        p.console_bytes_max = 1 << 20;
    for (p.argc = p.cmdline_len = 0; argv[p.argc]; p.argc++) {
        strcpy(p.cmdline + p.cmdline_len, argv[p.argc]);
        p.cmdline_len += strlen(argv[p.argc]) + 1;
    }
    p.head.type = HVC_PREPARE;
    p.head.size = offsetof(struct hvc_prepare, cmdline) + p.cmdline_len;
    if (sock_send(d->conn_fd, &p, p.head.size, fds, 2) < 0)
        errx(1, "the monitor is gone");
}

void drive_go(struct driven *d, uint64_t lease_ns)
{
    struct hvc_go go = {.head = {HVC_GO, sizeof(go)}, .lease_ns = lease_ns};

    drive_send(d, &go, sizeof(go));
}

void drive_await(struct driven *d, enum hvc_type type, struct hvc_exited *x)
{
    struct hvc_exited mine;

    if (!x)
        x = &mine;
    memset(x, 0, sizeof(*x));
    if (sock_recv(d->conn_fd, x, sizeof(*x), NULL, NULL) <= 0)
        errx(1, "waiting for message %u: the monitor hung up", type);
    if (x->head.type != type)
        errx(1, "message %u, not %u: %s", x->head.type, type, x->text);
}

void drive_await_hangup(struct driven *d)
{
    char byte;

    if (sock_recv(d->conn_fd, &byte, 1, NULL, NULL) != 0)
        errx(1, "the monitor did not hang up");
}
