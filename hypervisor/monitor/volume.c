// SPDX-License-Identifier: ISC
// Volumes of a domain's description; see volume.h.

#include "hypervisor/monitor/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"

#define PROGRAM "hostel-fs"
#define END_MS  5000 // what is under way on a slow disk

// Descriptors of the back end.
#define FD_SOCKET 3
#define FD_DIR    4
#define FD_METER  5
#define NFDS      3

static struct started {
    pid_t pid;
    int lock_fd;
    struct fs_meter *meter;
} started[HV_DEVICE_MAX];
static unsigned nstarted;

// ------------------------------------------------------------------ syntax

static int set_size(uint64_t *to, const char *text, struct err *e)
{
    static const char units[] = "KMGT";
    const char *unit;
    unsigned shift;
    char *end;
    unsigned long long v;

    errno = 0;
    v = strtoull(text, &end, 10);
    unit = *end && end[1] == 0 ? strchr(units, *end) : NULL;
    shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    if (errno || end == text || *text == '-' || (*end && !unit) || v == 0 ||
        v > (uint64_t)INT64_MAX >> shift)
        return err_set(e, EINVAL,
                       "volume: \"%s\" is no size: a number from 1, perhaps "
                       "with K, M, G or T",
                       text);
    *to = v << shift;
    return 0;
}

static int set_option(struct volume *v, const char *word, struct err *e)
{
    if (strcmp(word, "ro") == 0)
        v->read_only = true;
    else if (strcmp(word, "rw") == 0)
        v->read_only = false;
    else if (strcmp(word, "shared") == 0)
        v->shared = true;
    else if (strncmp(word, "quota=", 6) == 0)
        return set_size(&v->quota_bytes, word + 6, e);
    else if (strncmp(word, "files=", 6) == 0)
        return set_size(&v->quota_files, word + 6, e);
    else
        return err_set(e, EINVAL,
                       "volume: \"%s\" is not one of ro, rw, shared, "
                       "quota=BYTES, files=N",
                       word);
    return 0;
}

// An absolute path without "." and "..", and not the root.
static bool mount_good(const char *path)
{
    if (path[0] != '/' || !path[1])
        return false;
    while (*path == '/') {
        size_t n = strcspn(++path, "/");

        if (n == 0 || (n == 1 && path[0] == '.') ||
            (n == 2 && path[0] == '.' && path[1] == '.'))
            return false;
        path += n;
    }
    return true;
}

static int take(char *to, size_t room, const char **text, const char *what,
                struct err *e)
{
    size_t n = strcspn(*text, ":");

    if (n == 0)
        return err_set(e, EINVAL, "volume: it has no %s: FOLDER:MOUNT", what);
    if (n >= room)
        return err_set(e, ENAMETOOLONG,
                       "volume: its %s has more than %zu bytes", what,
                       room - 1);
    memcpy(to, *text, n);
    to[n] = 0;
    *text += n + ((*text)[n] == ':');
    return 0;
}

int volume_parse(struct volume *v, const char *text, struct err *e)
{
    *v = (struct volume){0};
    if (take(v->folder, sizeof(v->folder), &text, "folder", e) < 0 ||
        take(v->mount, sizeof(v->mount), &text, "mount point", e) < 0)
        return -e->code;
    if (!mount_good(v->mount))
        return err_set(e, EINVAL,
                       "volume: \"%s\" is no place to mount it at: an absolute "
                       "path other than /",
                       v->mount);
    while (*text) {
        char word[64];

        if (take(word, sizeof(word), &text, "option", e) < 0 ||
            set_option(v, word, e) < 0)
            return -e->code;
    }
    if (v->shared && !v->read_only && (v->quota_bytes || v->quota_files))
        return err_set(e, EINVAL,
                       "volume: a quota of a shared volume can be kept by a "
                       "node only");
    return 0;
}

// ---------------------------------------------------------------- starting

// Beside this program.
static int find_program(char *path, size_t len, struct err *e)
{
    ssize_t n = readlink("/proc/self/exe", path, len - 1);
    char *slash;

    if (n < 0)
        return err_errno(e, "/proc/self/exe");
    path[n] = 0;
    slash = strrchr(path, '/');
    if (!slash || (size_t)(slash + 1 - path) + sizeof(PROGRAM) > len)
        return err_set(e, ENAMETOOLONG, "finding " PROGRAM);
    strcpy(slash + 1, PROGRAM);
    if (access(path, X_OK) < 0)
        return err_errno(e, "%s", path);
    return 0;
}

static int open_folder(const struct volume *v, struct stat *st, struct err *e)
{
    cleanup_close int fd = open(v->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, st) < 0)
        return err_errno(e, "volume %s", v->folder);
    if (flock(fd, (v->read_only || v->shared ? LOCK_SH : LOCK_EX) | LOCK_NB) <
        0)
        return err_set(e, EBUSY,
                       "volume %s: it is in use: only who reads, or says "
                       "\"shared\", can share it",
                       v->folder);
    return steal_fd(&fd);
}

__attribute__((noreturn)) static void run(const struct volume *v,
                                          const char *path,
                                          const struct stat *st,
                                          const int fds[NFDS])
{
    char uid[16], gid[16], bytes[24], files[24];
    const char *argv[24] = {PROGRAM, "--socket", "3", "--dir",
                            "4",     "--meter",  "5"};
    int n = 7, aside[NFDS];
    sigset_t none;

    if (geteuid() == 0) {
        snprintf(uid, sizeof(uid), "%u", st->st_uid);
        snprintf(gid, sizeof(gid), "%u", st->st_gid);
        argv[n++] = "--uid";
        argv[n++] = uid;
        argv[n++] = "--gid";
        argv[n++] = gid;
    }
    if (v->read_only)
        argv[n++] = "--read-only";
    if (v->shared)
        argv[n++] = "--shared";
    if (v->quota_bytes) {
        snprintf(bytes, sizeof(bytes), "%lu", v->quota_bytes);
        argv[n++] = "--quota-bytes";
        argv[n++] = bytes;
    }
    if (v->quota_files) {
        snprintf(files, sizeof(files), "%lu", v->quota_files);
        argv[n++] = "--quota-files";
        argv[n++] = files;
    }
    for (int i = 0; i < NFDS; i++)
        aside[i] = fcntl(fds[i], F_DUPFD, 16);
    for (int i = 0; i < NFDS; i++)
        dup2(aside[i], FD_SOCKET + i);
    close_range(FD_SOCKET + NFDS, ~0u, 0);
    setsid(); // the terminal's signals are for us alone
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(path, (char *const *)argv);
    _exit(127);
}

static int make_meter(struct started *s, struct err *e)
{
    cleanup_close int fd = memfd_create("hostel-fs-meter", MFD_CLOEXEC);

    if (fd < 0 || ftruncate(fd, HV_PAGE) < 0)
        return err_errno(e, "making a volume's meter");
    s->meter = mmap(NULL, HV_PAGE, PROT_READ, MAP_SHARED, fd, 0);
    if (s->meter == MAP_FAILED)
        return err_errno(e, "mapping a volume's meter");
    return steal_fd(&fd);
}

// Returns our end of its socket.
static int start(const struct volume *v, struct err *e)
{
    struct started *s = &started[nstarted];
    cleanup_close int dir_fd = -1, ours = -1, theirs = -1, meter_fd = -1;
    char path[PATH_MAX];
    struct stat st;
    int pair[2];

    if (find_program(path, sizeof(path), e) < 0)
        return -e->code;
    dir_fd = open_folder(v, &st, e);
    if (dir_fd < 0)
        return -e->code;
    meter_fd = make_meter(s, e);
    if (meter_fd < 0)
        return -e->code;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return err_errno(e, "socketpair");
    ours = pair[0];
    theirs = pair[1];
    s->pid = fork();
    if (s->pid < 0)
        return err_errno(e, "fork");
    if (s->pid == 0)
        run(v, path, &st, (int[NFDS]){theirs, dir_fd, meter_fd});
    s->lock_fd = steal_fd(&dir_fd);
    nstarted++;
    return steal_fd(&ours);
}

int volume_open(const struct volume *v, struct hvc_device *m,
                int fds[VOLUME_FDS], struct err *e)
{
    cleanup_close int socket_fd = start(v, e);
    int event[VOLUME_FDS - 1];

    if (socket_fd < 0)
        return -e->code;
    for (int i = 0; i < VOLUME_FDS - 1; i++) {
        event[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (event[i] < 0)
            return err_errno(e, "eventfd");
    }
    *m = (struct hvc_device){
        .head = {HVC_DEVICE, sizeof(*m)},
        .type = HV_DEV_FS,
        .flags = HVC_D_VHOST_USER,
        .window_kib = FS_WINDOW_KIB,
        .fs = {.request_queues = FS_QUEUES - 1,
               .config.flags = (v->read_only ? HV_FS_READ_ONLY : 0) |
                               (v->shared ? HV_FS_SHARED : 0)}};
    snprintf(m->fs.tag, sizeof(m->fs.tag), "volume%u", nstarted - 1);
    memcpy(m->fs.config.mount, v->mount, sizeof(m->fs.config.mount));
    fds[0] = steal_fd(&socket_fd);
    memcpy(fds + 1, event, sizeof(event));
    return 0;
}

// -------------------------------------------------------------- the end

struct fs_meter volume_usage(void)
{
    struct fs_meter all = {0};

    for (unsigned i = 0; i < nstarted; i++) {
        const struct fs_meter *m = started[i].meter;

        all.requests += m->requests;
        all.reads += m->reads;
        all.read_bytes += m->read_bytes;
        all.writes += m->writes;
        all.write_bytes += m->write_bytes;
        all.syncs += m->syncs;
    }
    return all;
}

void volume_forget(void)
{
    for (unsigned i = 0; i < nstarted; i++) {
        close(started[i].lock_fd);
        munmap(started[i].meter, HV_PAGE);
    }
}

void volume_end(void)
{
    for (unsigned i = 0; i < nstarted; i++) {
        for (int ms = 0; waitpid(started[i].pid, NULL, WNOHANG) == 0; ms++) {
            if (ms == END_MS)
                kill(started[i].pid, SIGKILL);
            poll(NULL, 0, 1);
        }
        close(started[i].lock_fd);
    }
    nstarted = 0;
}
