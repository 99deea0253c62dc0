// SPDX-License-Identifier: ISC
// Volumes of a domain: a hostel-fs for each, in the domain's control group, so
// that what it costs is the domain's; see hypervisor/fs/contract.h.
//
//     run_dir/slots/N/meter-I   what the back end of volume I did; it is there
//                               as long as the slot's domain has figures
//
// Nobody looks after a back end: it ends when its monitor does, and what would
// be left of the group is killed before the slot is used again. It outlives
// this spawner like the monitor does.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "hypervisor/fs/contract.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/sock.h"
#include "node-agent/spawner/slot_internal.h"

// Where the back end finds what it works with.
enum { SOCKET_FD = 3, DIR_FD, PAGE_FD, METER_FD, BACKEND_FDS };

// Its own memory, at most: 65536 names it knows, and requests under way.
#define BACKEND_KIB 12288u

#define DEVICE_FDS 4 // socket, call, kicks

uint64_t slot_volumes_kib(uint32_t n)
{
    return n ? HVC_WINDOW_MIN_KIB + (uint64_t)n * (FS_WINDOW_KIB + BACKEND_KIB)
             : 0;
}

static const char *meter_path(char out[PATH_TEXT], const struct spawner *p,
                              const struct slot *s, uint32_t i)
{
    char name[24];

    snprintf(name, sizeof(name), "meter-%u", i);
    return slot_path(out, p, s, name);
}

void slot_volumes_forget(struct spawner *p, struct slot *s)
{
    char path[PATH_TEXT];

    for (uint32_t i = 0; i < s->nvolumes; i++)
        unlink(meter_path(path, p, s, i));
    s->nvolumes = 0;
}

void slot_volumes_find(struct spawner *p, struct slot *s)
{
    char path[PATH_TEXT];

    s->nvolumes = 0;
    while (s->nvolumes < START_VOLUMES_MAX &&
           access(meter_path(path, p, s, s->nvolumes), F_OK) == 0)
        s->nvolumes++;
}

void slot_volumes_meter(struct spawner *p, const struct slot *s,
                        struct fs_meter *all)
{
    char path[PATH_TEXT];

    *all = (struct fs_meter){0};
    for (uint32_t i = 0; i < s->nvolumes; i++) {
        cleanup_close int fd =
            open(meter_path(path, p, s, i), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        struct fs_meter m;

        // The word of a process that the guest may have taken over: bounded
        // later, and a sum that wraps is bounded as well.
        if (fd < 0 || pread_full(fd, &m, sizeof(m), 0) != sizeof(m) ||
            m.magic != FS_METER_MAGIC)
            continue;
        all->reads += m.reads;
        all->read_bytes += m.read_bytes;
        all->writes += m.writes;
        all->write_bytes += m.write_bytes;
        all->syncs += m.syncs;
    }
}

// ------------------------------------------------------------------ a process

static _Noreturn void backend_exec(const struct spawner *p,
                                   const struct start_volume *v, uid_t uid,
                                   int fds[BACKEND_FDS])
{
    const char *slash = strrchr(p->cfg->hv_path, '/');
    char program[NODE_PATH_MAX + 16], user[16], quota[24];
    char *argv[20] = {"hostel-fs", "--socket",      "3",  "--dir",
                      "4",         "--page",        "5",  "--meter",
                      "6",         "--uid",         user, "--gid",
                      user,        "--quota-bytes", quota};
    char *const env[] = {NULL};
    sigset_t none;
    int n = 15;

    snprintf(program, sizeof(program), "%.*s/hostel-fs",
             (int)(slash - p->cfg->hv_path), p->cfg->hv_path);
    snprintf(user, sizeof(user), "%u", uid);
    snprintf(quota, sizeof(quota), "%llu", (unsigned long long)v->quota_bytes);
    if (v->flags & START_V_READ_ONLY)
        argv[n++] = "--read-only";
    if (v->flags & START_V_SHARED)
        argv[n++] = "--shared";
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    for (int i = SOCKET_FD; i < BACKEND_FDS; i++)
        fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, BACKEND_FDS);
    for (int i = SOCKET_FD; i < BACKEND_FDS; i++)
        if (dup2(fds[i], i) < 0)
            _exit(1);
    close_range(BACKEND_FDS, ~0u, 0);
    execve(program, argv, env);
    _exit(127);
}

// By a process between, so that it is nobody's of ours to wait for.
static int backend_start(struct spawner *p, struct slot *s,
                         const struct start_volume *v, uid_t uid,
                         int fds[BACKEND_FDS], struct err *e)
{
    int procs[CGROUP_PARTS], status = 0, n;
    char name[GROUP_TEXT];
    pid_t pid;

    n = cgroup_procs(&p->tree, slot_group_name(name, s), procs, e);
    if (n < 0)
        return n;
    pid = fork();
    if (pid == 0) {
        for (int i = 0; i < n; i++)
            if (write(procs[i], "0", 1) != 1)
                _exit(1);
        pid = fork();
        if (pid == 0)
            backend_exec(p, v, uid, fds);
        _exit(pid < 0);
    }
    for (int i = 0; i < n; i++)
        close(procs[i]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid < 0 || status ? err_set(e, EIO, "a volume cannot be served") : 0;
}

static int files_open(struct spawner *p, struct slot *s, uint32_t i,
                      const struct start_volume *v, int folder,
                      int fds[BACKEND_FDS], uid_t *uid, struct err *e)
{
    char path[PATH_TEXT];
    struct stat st;

    fds[DIR_FD] =
        openat(folder, "data", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    fds[PAGE_FD] = openat(folder, "page", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    fds[METER_FD] =
        open(meter_path(path, p, s, i),
             O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fds[DIR_FD] < 0 || fds[PAGE_FD] < 0 || fds[METER_FD] < 0 ||
        fstat(fds[DIR_FD], &st) < 0)
        return err_errno(e, "opening a volume");
    // Whatever was counted by who had it before is not to be relied on.
    if ((v->flags & START_V_FRESH && ftruncate(fds[PAGE_FD], 0) < 0) ||
        ftruncate(fds[PAGE_FD], 4096) < 0 || ftruncate(fds[METER_FD], 4096) < 0)
        return err_errno(e, "a volume's pages");
    // Not root's, nor anybody's that is not a volume.
    if (st.st_uid < UID_VOLUME(p->cfg->uid_base, 0) ||
        st.st_uid >= UID_VOLUME(p->cfg->uid_base, VOLUMES_MAX))
        return err_set(e, EPROTO, "what is to be attached is no volume");
    *uid = st.st_uid;
    return 0;
}

// The monitor's end of it.
static int device_send(struct slot *s, uint32_t i, const struct start_volume *v,
                       const int fds[DEVICE_FDS])
{
    struct hvc_device m = {
        .head = {HVC_DEVICE, sizeof(m)},
        .type = HV_DEV_FS,
        .flags = HVC_D_VHOST_USER,
        .window_kib = FS_WINDOW_KIB,
        .fs = {.request_queues = FS_QUEUES - 1,
               .config.flags =
                   (v->flags & START_V_READ_ONLY ? HV_FS_READ_ONLY : 0) |
                   (v->flags & START_V_SHARED ? HV_FS_SHARED : 0)}};

    snprintf(m.fs.tag, sizeof(m.fs.tag), "volume%u", i);
    memcpy(m.fs.config.mount, v->mount, sizeof(m.fs.config.mount));
    return sock_send(s->conn_fd, &m, sizeof(m), fds, DEVICE_FDS);
}

static int volume_start(struct spawner *p, struct slot *s, uint32_t i,
                        const struct start_volume *v, int folder, struct err *e)
{
    int fds[BACKEND_FDS] = {-1, -1, -1, -1, -1, -1, -1};
    int ours[DEVICE_FDS] = {-1, -1, -1, -1}, pair[2], r;
    uid_t uid = 0;

    r = files_open(p, s, i, v, folder, fds, &uid, e);
    if (r == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        r = err_errno(e, "a volume's socket");
    if (r == 0) {
        ours[0] = pair[0];
        fds[SOCKET_FD] = pair[1];
        for (int k = 1; k < DEVICE_FDS && r == 0; k++)
            if ((ours[k] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
                r = err_errno(e, "a volume's events");
    }
    if (r == 0)
        r = backend_start(p, s, v, uid, fds, e);
    // One that does not listen has its reasons, which the caller hears of.
    if (r == 0)
        device_send(s, i, v, ours);
    for (int k = 0; k < BACKEND_FDS; k++)
        if (fds[k] >= 0)
            close(fds[k]);
    for (int k = 0; k < DEVICE_FDS; k++)
        if (ours[k] >= 0)
            close(ours[k]);
    return r;
}

int slot_volumes_start(struct spawner *p, struct slot *s,
                       const struct msg_start *m, const int *folders,
                       struct err *e)
{
    slot_volumes_find(p, s); // of the domain before, should any be left
    slot_volumes_forget(p, s);
    for (uint32_t i = 0; i < m->nvolumes; i++) {
        int r = volume_start(p, s, i, &m->volume[i], folders[i], e);

        if (r < 0)
            return r;
        s->nvolumes = i + 1;
    }
    return 0;
}

int slot_volumes_sane(const struct msg_start *m)
{
    if (m->nvolumes > START_VOLUMES_MAX ||
        m->nvolumes + m->ndevices > HV_DEVICE_MAX)
        return 0;
    for (uint32_t i = 0; i < m->nvolumes; i++)
        if (m->volume[i].flags &
                ~(START_V_READ_ONLY | START_V_SHARED | START_V_FRESH) ||
            m->volume[i].mount[0] != '/' ||
            !memchr(m->volume[i].mount, 0, sizeof(m->volume[i].mount)))
            return 0;
    return 1;
}
