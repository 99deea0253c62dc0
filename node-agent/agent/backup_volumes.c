// SPDX-License-Identifier: ISC
// Copying volumes; see backup_volumes.h. What looks at a customer's files is a
// hostel-volume, here as in the volumes role (volume/contract.h).

#include "node-agent/agent/backup_volumes.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/sock.h"
#include "node-agent/agent/roles.h"
#include "node-agent/keeper/volume.h"
#include "node-agent/volume/contract.h"

// How often a copy is begun again because a program has started to use the
// volume meanwhile.
#define TRIES 5

#define STEP_NS 1000000

struct volumes_backup {
    const struct node_config *cfg;
    char from[2 * NODE_PATH_MAX], to[2 * NODE_PATH_MAX];
    int from_fd, to_fd; // folders of volumes
    unsigned copied;
    struct err failure;
};

// ------------------------------------------------------------------- freezing

// Real user and state of a process, or -1. Its folder in /proc may be root's.
static int status_read(const char *pid, uid_t *uid, char *state)
{
    char path[64], line[256];
    cleanup_file FILE *f = NULL;
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%.20s/status", pid);
    f = fopen(path, "re");
    *state = 0;
    while (f && !found && fgets(line, sizeof(line), f)) {
        sscanf(line, "State: %c", state);
        found = sscanf(line, "Uid: %u", uid) == 1;
    }
    return found ? 0 : -1;
}

// Sends the signal to all processes of this user. How many there are that are
// not stopped, or stopped; those that are gone are nobody.
static unsigned users_signal(uid_t user, int signo, bool stopped)
{
    const struct dirent *entry;
    DIR *d = opendir("/proc");
    unsigned n = 0;

    while (d && (entry = readdir(d))) {
        uid_t uid;
        char state;

        if (!isdigit((unsigned char)entry->d_name[0]) ||
            status_read(entry->d_name, &uid, &state) < 0 || uid != user ||
            state == 'Z' || state == 'X' ||
            (state == 'T' || state == 't') != stopped)
            continue;
        n++;
        if (signo)
            kill(atoi(entry->d_name), signo);
    }
    if (d)
        closedir(d);
    return n;
}

// Until none of them runs.
static void freeze(uid_t user)
{
    const struct timespec step = {0, STEP_NS};

    while (users_signal(user, SIGSTOP, false))
        nanosleep(&step, NULL);
}

// A process that lets them go on when the other end of its pipe is closed, by
// us or by our death.
static pid_t thaw_begin(uid_t user, int *fd, struct err *e)
{
    int pair[2];
    pid_t pid;
    char c;

    if (pipe2(pair, O_CLOEXEC) < 0)
        return err_errno(e, "making a pipe");
    pid = fork();
    if (pid == 0) {
        close(pair[1]);
        setsid(); // a terminal's ^C is for the other one
        while (read(pair[0], &c, 1) < 0 && errno == EINTR)
            ;
        users_signal(user, SIGCONT, true);
        _exit(0);
    }
    close(pair[0]);
    *fd = pair[1];
    return pid < 0 ? err_errno(e, "starting a process") : pid;
}

static void thaw_end(pid_t pid, int fd)
{
    close(fd);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

// -------------------------------------------------------------------- copying

// hostel-volume JOB, from one folder to another, or on `to` alone.
static _Noreturn void job_exec(const struct node_config *cfg, const char *job,
                               uid_t user, int report, int from, int to)
{
    enum { REPORT = 3, FROM, TO, END };
    const char *slash = strrchr(cfg->hv_path, '/');
    char program[NODE_PATH_MAX + 16], uid[24];
    char *argv[12] = {"hostel-volume", (char *)job, "--report", "3",
                      "--uid",         uid,         "--to",     "5"};
    char *const env[] = {NULL};
    int fds[END] = {[REPORT] = report, [FROM] = from, [TO] = to};

    snprintf(program, sizeof(program), "%.*s/hostel-volume",
             (int)(slash - cfg->hv_path), cfg->hv_path);
    snprintf(uid, sizeof(uid), "%u", user);
    if (from >= 0) {
        argv[8] = "--from";
        argv[9] = "4";
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fds_place(fds, REPORT, END) < 0)
        _exit(1);
    close_range(END, ~0u, 0);
    execve(program, argv, env);
    _exit(127);
}

static int job_run(const struct node_config *cfg, const char *job, uid_t user,
                   int from, int to, struct err *e)
{
    struct volume_report report = {0};
    int pair[2], status, r = sock_pair(pair);
    ssize_t n;
    pid_t pid;

    if (r < 0)
        return err_set(e, -r, "starting hostel-volume");
    pid = fork();
    if (pid == 0)
        job_exec(cfg, job, user, pair[1], from, to);
    close(pair[1]);
    n = pid < 0 ? -1 : sock_recv(pair[0], &report, sizeof(report), NULL, NULL);
    close(pair[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    report.text[sizeof(report.text) - 1] = '\0';
    if (n != sizeof(report))
        return err_set(e, EIO, "hostel-volume %s has failed", job);
    return report.outcome == VOLUME_DONE ? 0
                                         : err_set(e, EIO, "%s", report.text);
}

static int part_make(int dir, const char *part, uid_t user, struct err *e)
{
    if (mkdirat(dir, part, 0700) < 0 ||
        fchownat(dir, part, user, user, AT_SYMLINK_NOFOLLOW) < 0)
        return err_errno(e, "making its folder %s", part);
    return 0;
}

// The folders of an empty volume.
static int folder_make(const struct volumes_backup *b, const char *name,
                       uid_t user, struct err *e)
{
    int fd;

    if (mkdirat(b->to_fd, name, 0711) < 0)
        return err_errno(e, "making its folder");
    fd = openat(b->to_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, "its folder");
    // A umask may have taken something away.
    if (fchmod(fd, 0711) < 0 || part_make(fd, VOLUME_DATA, user, e) < 0 ||
        part_make(fd, VOLUME_INCOMING, user, e) < 0) {
        close(fd);
        return -e->code;
    }
    return fd;
}

// Has the node still the volume that the copied journal has?
struct identity {
    uint32_t number;
    sub_id_t id;
    bool found;
};

static int identity_look(void *arg, const struct volume_row *row)
{
    struct identity *i = arg;

    if (row->number == i->number)
        i->found = !memcmp(&row->info.id, &i->id, sizeof(i->id));
    return 0;
}

static int rows_each(const char *path,
                     int (*each)(void *arg, const struct volume_row *row),
                     void *arg, struct err *e)
{
    struct journal j = {.db = db_open_readonly(path, -1, e)};
    int r;

    if (!j.db)
        return -EIO;
    r = volume_rows_there(&j, e);
    if (r == 1)
        r = volume_rows_each(&j, each, arg, e);
    db_close(j.db);
    return r;
}

static int still_there(const struct volumes_backup *b,
                       const struct volume_row *row, struct err *e)
{
    struct identity i = {.number = row->number, .id = row->info.id};
    char path[2 * NODE_PATH_MAX + 32];
    int r;

    snprintf(path, sizeof(path), "%.400s/keeper/keeper.db", b->cfg->state_dir);
    r = rows_each(path, identity_look, &i, e);
    return r < 0 ? r : i.found;
}

// One copy, with everybody who could change it stopped. 1: somebody came.
static int copy_once(const struct volumes_backup *b, uid_t user, int from,
                     int to, struct err *e)
{
    int fd = -1, r;
    pid_t thaw = thaw_begin(user, &fd, e);

    if (thaw < 0)
        return thaw;
    freeze(user);
    r = job_run(b->cfg, "copy", user, from, to, e);
    if (r == 0 && users_signal(user, 0, false))
        r = 1;
    thaw_end(thaw, fd);
    return r;
}

static int volume_copy(struct volumes_backup *b, const struct volume_row *row,
                       struct err *e)
{
    cleanup_close int from = -1, to = -1;
    char name[16];
    struct stat st = {.st_uid = UID_VOLUME(b->cfg->uid_base, row->number)};
    int r = 1;

    snprintf(name, sizeof(name), "%u", row->number);
    from =
        openat(b->from_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0 && errno != ENOENT)
        return err_errno(e, "its folder");
    to = folder_make(b, name, st.st_uid, e);
    if (to < 0)
        return to;
    // One that is being copied is copied again by the node.
    if (row->info.state == VOLUME_COPYING)
        return 0;
    for (int i = 0; i < TRIES && r == 1 && from >= 0; i++)
        r = copy_once(b, st.st_uid, from, to, e);
    if (r == 1 && from >= 0)
        log_warn("volume %u: programs keep starting that use it; what they "
                 "wrote meanwhile may be there in part",
                 row->number);
    b->copied++;
    if (r >= 0)
        r = still_there(b, row, e);
    if (r == 1 && from >= 0)
        return 0;
    // Whatever it was that was copied: it may be another's by now.
    log_warn("volume %u was deleted meanwhile; it is empty in the backup",
             row->number);
    return job_run(b->cfg, "remove", st.st_uid, -1, to, e);
}

static int row_copy(void *arg, const struct volume_row *row)
{
    struct volumes_backup *b = arg;
    int r;

    if (row->info.state != VOLUME_READY && row->info.state != VOLUME_COPYING)
        return 0; // made or removed anew
    r = volume_copy(b, row, &b->failure);
    return r < 0 ? err_prefix(&b->failure, "volume %u", row->number) : 0;
}

int backup_volumes(const struct node_config *cfg, const char *dir,
                   struct err *e)
{
    struct volumes_backup b = {.cfg = cfg, .from_fd = -1, .to_fd = -1};
    char path[2 * NODE_PATH_MAX + 32];
    struct stat st;
    int r;

    snprintf(b.from, sizeof(b.from), "%.400s/volumes", cfg->state_dir);
    snprintf(b.to, sizeof(b.to), "%.400s/volumes", dir);
    snprintf(path, sizeof(path), "%.400s/keeper/keeper.db", dir);
    b.from_fd = open(b.from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (b.from_fd < 0)
        return errno == ENOENT ? 0 : err_errno(e, "%s", b.from);
    if (fstat(b.from_fd, &st) < 0 || mkdir(b.to, 0700) < 0)
        r = err_errno(e, "making %s", b.to);
    else
        r = (b.to_fd = open(b.to, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
                    fchown(b.to_fd, st.st_uid, st.st_gid) < 0 ||
                    fchmod(b.to_fd, st.st_mode & 07777) < 0
                ? err_errno(e, "%s", b.to)
                : 0;
    if (r == 0 && access(path, F_OK) == 0) {
        r = rows_each(path, row_copy, &b, e);
        if (b.failure.code)
            *e = b.failure;
    }
    if (r == 0 && b.copied)
        log_info("%u volumes were copied", b.copied);
    close(b.from_fd);
    if (b.to_fd >= 0)
        close(b.to_fd);
    return r;
}
