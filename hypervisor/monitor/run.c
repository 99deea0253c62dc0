// SPDX-License-Identifier: ISC
/*
 * `hostel-hv run`: one domain without a node. This process forks the monitor
 * and is its controller, with the same messages the spawner uses; so what
 * works here works there.
 */
#include "hypervisor/monitor/run.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hypervisor/engine/select.h"
#include "hypervisor/monitor/budget.h"
#include "hypervisor/monitor/config.h"
#include "hypervisor/monitor/disk.h"
#include "hypervisor/monitor/outside.h"
#include "hypervisor/monitor/qsd.h"
#include "hypervisor/monitor/sandbox.h"
#include "hypervisor/monitor/slot.h"
#include "hypervisor/monitor/vif.h"
#include "hypervisor/monitor/volume.h"
#include "lib/io.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/sock.h"

// Exit statuses that are not the guest's; hostel-hv(8).
#define STATUS_BUDGET  124
#define STATUS_FAILED  125
#define STATUS_REFUSED 126
#define STATUS_CRASH   134 // 128 + SIGABRT
#define STATUS_KILLED  137 // 128 + SIGKILL
#define STATUS_TRAP    139 // 128 + SIGSEGV
#define STATUS_SYSCALL 159 // 128 + SIGSYS

// Root lends each domain an identity nobody has: one of this many, away from
// accounts, subordinate ids and a node's slots.
#define RUN_UID_BASE  0x7ff00000u
#define RUN_UID_COUNT 0x10000u

struct run {
    struct domain_config config;
    const char *config_path;
    bool usage;
    struct slot slot;
    struct hvc_prepare prepare;
    int image_fd, initrd_fd, core_fd;
    const char *core_path; // NULL: none, or the configuration decides
    char core_name[72];
    int core_folder_fd; // where that is: this process leaves the world
    uint32_t core_ends;
    const char *trace_path;
    int trace_fd, trace_file;        // from the monitor, to the file; or -1
    const char *disk[HV_DEVICE_MAX]; // descriptions: the file's, then options'
    const char *vif[HV_DEVICE_MAX], *volume[HV_DEVICE_MAX];
    unsigned ndisks, nvifs, nvolumes, ndevices;
    struct hvc_device device[HV_DEVICE_MAX];
    int device_fd[HV_DEVICE_MAX][HVC_DEVICE_FDS_MAX];
    size_t device_fds[HV_DEVICE_MAX];
    struct hvc_page *page;
    bool contained;

    pid_t monitor_pid;
    int conn_fd, guest_fd;
    int64_t gdb_port; // 0: no debugger is waited for
    int gdb_fd;       // listens; -1: none, or it has come
    struct budget budget;
    uint64_t cpu_base_ns;  // what making the slot cost
    uint64_t wall_mono_ns; // end of the wall budget
    enum hvc_cause cause;  // why we stopped it
    struct hvc_exited exited;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
    interrupted = sig;
}

// --------------------------------------------------------------- options

static void usage(FILE *to)
{
    fputs(
        "usage: hostel-hv run [-c FILE] [-m MIB] [-i INITRD] [-e VAR=VALUE]\n"
        "                     [-n NAME] [--engine kvm|pv|auto] "
        "[--cpu-ms N]\n"
        "                     [--wall-ms N] [--usage] [--disk SPEC]...\n"
        "                     [--net SPEC]... [--volume SPEC]... [--gdb PORT]\n"
        "                     [--core FILE] [--trace FILE]\n"
        "                     IMAGE [ARGS]\n",
        to);
}

// A whole number within bounds, or the program ends.
static int64_t number(const char *option, const char *text, int64_t most)
{
    char *end;
    long long v;

    errno = 0;
    v = strtoll(text, &end, 10);
    if (errno || *end || end == text || v < 1 || v > most) {
        log_error("%s: %s is not a number from 1 to %lld", option, text,
                  (long long)most);
        exit(STATUS_FAILED);
    }
    return v;
}

static void replace(char **at, const char *value)
{
    free(*at);
    *at = strdup(value);
}

static const char short_options[] = "+c:m:i:e:n:h";
static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"memory", required_argument, NULL, 'm'},
    {"initrd", required_argument, NULL, 'i'},
    {"env", required_argument, NULL, 'e'},
    {"name", required_argument, NULL, 'n'},
    {"engine", required_argument, NULL, 'E'},
    {"cpu-ms", required_argument, NULL, 'C'},
    {"wall-ms", required_argument, NULL, 'W'},
    {"disk", required_argument, NULL, 'D'},
    {"net", required_argument, NULL, 'N'},
    {"volume", required_argument, NULL, 'V'},
    {"usage", no_argument, NULL, 'U'},
    {"gdb", required_argument, NULL, 'G'},
    {"core", required_argument, NULL, 'O'},
    {"trace", required_argument, NULL, 'T'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

// Two passes: the file first, so that options override it.
static int parse_config(struct run *r, int argc, char **argv, struct err *e)
{
    int o;

    opterr = 0;
    while ((o = getopt_long(argc, argv, short_options, long_options, NULL)) !=
           -1)
        if (o == 'c')
            r->config_path = optarg;
    opterr = 1;
    optind = 0; // glibc: scan again from the start
    config_init(&r->config);
    if (r->config_path && (config_read(&r->config, r->config_path, e) < 0 ||
                           config_check_run(&r->config, r->config_path, e) < 0))
        return -e->code;
    for (size_t i = 0; i < r->config.disk.n; i++)
        r->disk[r->ndisks++] = r->config.disk.item[i];
    for (size_t i = 0; i < r->config.vif.n; i++)
        r->vif[r->nvifs++] = r->config.vif.item[i];
    for (size_t i = 0; i < r->config.volume.n; i++)
        r->volume[r->nvolumes++] = r->config.volume.item[i];
    return 0;
}

#define ENV_MAX 256

static int parse_options(struct run *r, int argc, char **argv, const char **env,
                         size_t *nenv, struct err *e)
{
    int o;

    while ((o = getopt_long(argc, argv, short_options, long_options, NULL)) !=
           -1) {
        switch (o) {
        case 'c':
            break;
        case 'm':
            r->config.memory_mib = number("-m", optarg, HV_RAM_MAX >> 20);
            break;
        case 'i':
            replace(&r->config.ramdisk, optarg);
            break;
        case 'n':
            replace(&r->config.name, optarg);
            break;
        case 'e':
            if (!strchr(optarg, '=') || *nenv == ENV_MAX)
                return err_set(e, EINVAL, "-e takes VAR=VALUE, %d at most",
                               ENV_MAX);
            env[(*nenv)++] = optarg;
            break;
        case 'E':
            replace(&r->config.engine, optarg);
            break;
        case 'C':
            r->config.cpu_ms = number("--cpu-ms", optarg, INT64_MAX / 1000000);
            break;
        case 'W':
            r->config.wall_ms =
                number("--wall-ms", optarg, INT64_MAX / 1000000);
            break;
        case 'D':
            if (r->ndisks == HV_DEVICE_MAX)
                return err_set(e, EINVAL, "a domain has at most %d disks",
                               HV_DEVICE_MAX);
            r->disk[r->ndisks++] = optarg;
            break;
        case 'N':
            if (r->nvifs == HV_DEVICE_MAX)
                return err_set(e, EINVAL, "a domain has at most %d interfaces",
                               HV_DEVICE_MAX);
            r->vif[r->nvifs++] = optarg;
            break;
        case 'V':
            if (r->nvolumes == HV_DEVICE_MAX)
                return err_set(e, EINVAL, "a domain has at most %d volumes",
                               HV_DEVICE_MAX);
            r->volume[r->nvolumes++] = optarg;
            break;
        case 'U':
            r->usage = true;
            break;
        case 'G':
            r->gdb_port = number("--gdb", optarg, 65535);
            break;
        case 'O':
            r->core_path = optarg;
            break;
        case 'T':
            r->trace_path = optarg;
            break;
        case 'h':
            usage(stdout);
            exit(0);
        default:
            usage(stderr);
            exit(STATUS_FAILED);
        }
    }
    return 0;
}

// Arguments of the command line, else those of the file.
static int add_arguments(struct run *r, char **argv, struct err *e)
{
    struct hvc_prepare *p = &r->prepare;
    int s = config_add_argument(p, r->config.kernel, e);

    if (s == 0 && *argv) {
        while (s == 0 && *argv)
            s = config_add_argument(p, *argv++, e);
        return s;
    }
    for (size_t i = 0; s == 0 && i < r->config.args.n; i++)
        s = config_add_argument(p, r->config.args.item[i], e);
    if (r->config.extra)
        for (char *save, *w = strtok_r(r->config.extra, " \t", &save);
             s == 0 && w; w = strtok_r(NULL, " \t", &save))
            s = config_add_argument(p, w, e);
    return s;
}

static int describe(struct run *r, int argc, char **argv, struct err *e)
{
    struct hvc_prepare *p = &r->prepare;
    const char *env[ENV_MAX], *name;
    size_t nenv = 0;

    if (parse_config(r, argc, argv, e) < 0 ||
        parse_options(r, argc, argv, env, &nenv, e) < 0)
        return -e->code;
    argv += optind;
    if (*argv)
        replace(&r->config.kernel, *argv++);
    if (!r->config.kernel) {
        usage(stderr);
        exit(STATUS_FAILED);
    }
    if (add_arguments(r, argv, e) < 0)
        return -e->code;
    for (size_t i = 0; i < r->config.env.n; i++)
        if (config_add_environment(p, r->config.env.item[i], e) < 0)
            return -e->code;
    for (size_t i = 0; i < nenv; i++)
        if (config_add_environment(p, env[i], e) < 0)
            return -e->code;
    name = r->config.name ? r->config.name : basename(r->config.kernel);
    snprintf(p->domain_name, sizeof(p->domain_name), "%s", name);
    r->slot.engine = engine_select(r->config.engine ? r->config.engine : "pv");
    if (!r->slot.engine)
        return err_set(e, EINVAL,
                       "there is no engine \"%s\": it is " ENGINE_NAMES,
                       r->config.engine);
    p->memory_kib = (uint64_t)r->config.memory_mib * 1024;
    return 0;
}

// ------------------------------------------------------------ the domain

static int open_disk(struct run *r, unsigned n, struct err *e)
{
    int *fds = r->device_fd[n];
    struct disk d;

    if (disk_parse(&d, r->disk[n], n, e) < 0)
        return -e->code;
    r->ndevices++;
    if (d.format == DISK_RAW) {
        r->slot.disks = true;
        fds[0] = disk_open(&d, n, &r->device[n], e);
        r->device_fds[n] = 1;
        return fds[0] < 0 ? fds[0] : 0;
    }
    r->device_fds[n] = OUTSIDE_BLOCK_FDS;
    return outside_open(&d, &r->device[n], fds, e);
}

// Behind the disks.
static int open_vifs(struct run *r, struct err *e)
{
    for (unsigned i = 0; i < r->nvifs; i++) {
        unsigned at = r->ndevices;
        struct vif v;

        if (at == HV_DEVICE_MAX)
            return err_set(e, EINVAL, "a domain has at most %d devices",
                           HV_DEVICE_MAX);
        if (vif_parse(&v, r->vif[i], e) < 0)
            return -e->code;
        r->device_fd[at][0] = vif_open(&v, &r->device[at], e);
        r->device_fds[at] = 1;
        if (r->device_fd[at][0] < 0)
            return -e->code;
        r->ndevices++;
    }
    return 0;
}

// Behind the interfaces.
static int open_volumes(struct run *r, struct err *e)
{
    static struct volume v[HV_DEVICE_MAX];

    for (unsigned i = 0; i < r->nvolumes; i++) {
        unsigned at = r->ndevices;

        if (at == HV_DEVICE_MAX)
            return err_set(e, EINVAL, "a domain has at most %d devices",
                           HV_DEVICE_MAX);
        if (volume_parse(&v[i], r->volume[i], e) < 0)
            return -e->code;
        for (unsigned k = 0; k < i; k++)
            if (strcmp(v[k].mount, v[i].mount) == 0)
                return err_set(e, EINVAL, "volume: two are mounted at %s",
                               v[i].mount);
        if (volume_open(&v[i], &r->device[at], r->device_fd[at], e) < 0)
            return -e->code;
        r->device_fds[at] = VOLUME_FDS;
        r->ndevices++;
    }
    return 0;
}

// --core is for a crash, whatever the file says of the other ends.
static int open_core(struct run *r, struct err *e)
{
    const char *path = r->core_path;

    r->core_fd = r->core_folder_fd = -1;
    r->core_ends = config_core_ends(&r->config) | (path ? HVC_CORE_CRASH : 0);
    if (!r->core_ends)
        return 0;
    if (!path) {
        snprintf(r->core_name, sizeof(r->core_name), "%s.core",
                 r->prepare.domain_name);
        path = r->core_name;
        if (strchr(path, '/'))
            return err_set(e, EINVAL,
                           "the core would be NAME.core here, and the name "
                           "\"%s\" has a slash: say --core FILE",
                           r->prepare.domain_name);
        r->core_folder_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (r->core_folder_fd < 0)
            return err_errno(e, "the working folder");
    }
    r->core_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return r->core_fd < 0 ? err_errno(e, "%s", path) : 0;
}

// Who named no file finds one only if there is a core.
static void close_core(struct run *r)
{
    struct stat st;

    if (r->core_folder_fd >= 0 && fstat(r->core_fd, &st) == 0) {
        if (st.st_size == 0)
            unlinkat(r->core_folder_fd, r->core_name, 0);
        else
            log_info("its core is %s", r->core_name);
    }
}

static int open_files(struct run *r, struct err *e)
{
    int page_fd = memfd_create("hostel-page", MFD_CLOEXEC);

    r->image_fd = open(r->config.kernel, O_RDONLY | O_CLOEXEC);
    if (r->image_fd < 0)
        return err_errno(e, "%s", r->config.kernel);
    r->initrd_fd = -1;
    if (r->config.ramdisk) {
        r->initrd_fd = open(r->config.ramdisk, O_RDONLY | O_CLOEXEC);
        if (r->initrd_fd < 0)
            return err_errno(e, "%s", r->config.ramdisk);
    }
    r->trace_fd = r->trace_file = -1;
    if (r->trace_path) {
        r->trace_file =
            open(r->trace_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (r->trace_file < 0)
            return err_errno(e, "%s", r->trace_path);
    }
    if (open_core(r, e) < 0)
        return -e->code;
    if (page_fd < 0 || ftruncate(page_fd, HV_PAGE) < 0)
        return err_errno(e, "making the counter page");
    r->page = mmap(NULL, HV_PAGE, PROT_READ, MAP_SHARED, page_fd, 0);
    if (r->page == MAP_FAILED)
        return err_errno(e, "mapping the counter page");
    for (unsigned i = 0; i < r->ndisks; i++)
        if (open_disk(r, i, e) < 0)
            return -e->code;
    if (open_vifs(r, e) < 0 || open_volumes(r, e) < 0)
        return -e->code;
    r->slot.page_fd = page_fd;
    r->slot.listen_fd = -1;
    return slot_prepare(&r->slot, e);
}

static void close_device(struct run *r, unsigned n)
{
    for (size_t i = 0; i < r->device_fds[n]; i++)
        close(r->device_fd[n][i]);
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
            close_device(r, i); // they come by message
        setsid();               // the terminal's signals are for us
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
        close_device(r, i);
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
    if (describe(&r, argc, argv, &e) < 0 || open_files(&r, &e) < 0 ||
        gdb_listen(&r, &e) < 0 || make_slot(&r, &e) < 0 ||
        await_ready(&r, &e) < 0 || trace_begin(&r, &e) < 0 ||
        start(&r, &e) < 0) {
        log_error("%s", e.text);
        qsd_end();
        return STATUS_FAILED; // volumes' back ends end with their sockets
    }
    attend(&r);
    close_core(&r);
    if (wait4(r.monitor_pid, NULL, 0, &u) == r.monitor_pid && r.usage)
        print_usage(&r, &u);
    volume_end();
    qsd_end();
    return conclude(&r);
}
