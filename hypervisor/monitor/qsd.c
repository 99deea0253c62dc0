// SPDX-License-Identifier: ISC
// Daemons that serve disks; see qsd.h.

#include "hypervisor/monitor/qsd.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/sock.h"

#define PROGRAM  "qemu-storage-daemon"
#define NOBODY   65534
#define START_MS 10000 // until it has opened its files
#define END_MS   5000  // to write what it holds back

// Descriptors of the daemon. It greets on the first once all is well.
#define FD_GREETING 3
#define FD_LISTEN   4
#define FD_DISK     5
#define NFDS        3

static pid_t daemons[HV_DEVICE_MAX];
static unsigned ndaemons;

// ------------------------------------------------------------- the daemon

static void drop_rights(void)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid(); // the terminal's signals are for us alone
    if (geteuid() == 0 &&
        (unshare(CLONE_NEWNET | CLONE_NEWIPC) < 0 || setgroups(0, NULL) < 0 ||
         setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
         setresuid(NOBODY, NOBODY, NOBODY) < 0))
        _exit(126);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        _exit(126);
}

// Its descriptors in their places; 2: what it complains of.
static void place_descriptors(const int fds[NFDS], int complaints_fd)
{
    int null_fd = open("/dev/null", O_RDWR), aside[NFDS];
    int errors = fcntl(complaints_fd, F_DUPFD, 10);

    for (int i = 0; i < NFDS; i++)
        aside[i] = fcntl(fds[i], F_DUPFD, 10);
    dup2(null_fd, 0);
    dup2(null_fd, 1);
    dup2(errors, 2);
    for (int i = 0; i < NFDS; i++)
        dup2(aside[i], FD_GREETING + i);
    close_range(FD_GREETING + NFDS, ~0u, 0);
}

// Its arguments: the file, the format, the limits, the socket, the greeting.
__attribute__((noreturn)) static void
daemon_run(const struct disk *d, const int fds[NFDS], int complaints_fd)
{
    const char *ro = d->read_only ? "on" : "off";
    const char *rw = d->read_only ? "off" : "on";
    char file[128], disk[128], limits[160], export[160];
    char limited[] = "driver=throttle,node-name=limited,throttle-group=limits,"
                     "file=disk";
    char greeting[] = "socket,id=greeting,fd=3";
    char *const argv[] = {PROGRAM,  "--blockdev", file,       "--blockdev",
                          disk,     "--object",   limits,     "--blockdev",
                          limited,  "--export",   export,     "--chardev",
                          greeting, "--monitor",  "greeting", NULL};

    snprintf(file, sizeof(file),
             "driver=file,node-name=file,filename=/proc/self/fd/%d,"
             "read-only=%s",
             FD_DISK, ro);
    snprintf(disk, sizeof(disk),
             "driver=qcow2,node-name=disk,file=file,read-only=%s", ro);
    snprintf(limits, sizeof(limits),
             "throttle-group,id=limits,limits.iops-total=%lu,"
             "limits.bps-total=%lu",
             d->rate.ops_per_s, d->rate.bytes_per_s); // 0: no limit
    snprintf(export, sizeof(export),
             "type=vhost-user-blk,id=disk,node-name=limited,addr.type=fd,"
             "addr.str=%d,writable=%s",
             FD_LISTEN, rw);
    place_descriptors(fds, complaints_fd);
    drop_rights();
    execvp(PROGRAM, argv);
    _exit(127);
}

// A socket on which nobody can connect but who has already.
static int make_sockets(int *listen_fd, int *conn_fd, struct err *e)
{
    char dir[] = "/tmp/hostel-qsd-XXXXXX", path[64];

    if (!mkdtemp(dir))
        return err_errno(e, "%s", dir);
    snprintf(path, sizeof(path), "%s/s", dir);
    *listen_fd = sock_listen(path, SOCK_STREAM, 0600, e);
    if (*listen_fd >= 0)
        *conn_fd = sock_connect(path, SOCK_STREAM, e);
    unlink(path);
    rmdir(dir);
    return *listen_fd < 0 || *conn_fd < 0 ? -e->code : 0;
}

// ------------------------------------------------------------- starting

// Why it has not started: what it said last.
static int complain(int fd, struct err *e)
{
    char text[512];
    ssize_t n = read(fd, text, sizeof(text) - 1);

    if (n <= 0)
        return err_set(e, EIO,
                       PROGRAM " cannot be run: it is in package "
                               "qemu-system-common");
    text[n] = 0;
    text[strcspn(text, "\n")] = 0;
    if (strstr(text, "Permission denied"))
        return err_set(e, EACCES,
                       PROGRAM " runs as nobody, who may not open it (or its "
                               "backing file); setfacl -m u:nobody:rw gives "
                               "that right");
    return err_set(e, EIO, "%s", text);
}

static int await_greeting(int fd, int complaints_fd, struct err *e)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char byte;

    if (poll(&p, 1, START_MS) <= 0)
        return err_set(e, ETIMEDOUT, PROGRAM " does not start");
    return read(fd, &byte, 1) == 1 ? 0 : complain(complaints_fd, e);
}

static int open_disk_file(const struct disk *d, struct err *e)
{
    cleanup_close int fd =
        open(d->target, (d->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC |
                            O_NOCTTY | O_NONBLOCK);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(e, "%s", d->target);
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return err_set(e, EINVAL, "%s: it is no file and no block device",
                       d->target);
    return steal_fd(&fd);
}

// Complaints that nobody reads any more must not stop it.
static int make_complaints(int fds[2], struct err *e)
{
    signal(SIGPIPE, SIG_IGN);
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return err_errno(e, "pipe");
    return 0;
}

int qsd_start(const struct disk *d, struct err *e)
{
    cleanup_close int listen_fd = -1, conn_fd = -1, ours = -1, theirs = -1;
    cleanup_close int complaints = -1, complains = -1;
    cleanup_close int disk_fd = open_disk_file(d, e);
    int pair[2];
    pid_t pid;

    if (disk_fd < 0 || make_sockets(&listen_fd, &conn_fd, e) < 0 ||
        make_complaints(pair, e) < 0)
        return -e->code;
    complaints = pair[0];
    complains = pair[1];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return err_errno(e, "socketpair");
    ours = pair[0];
    theirs = pair[1];
    pid = fork();
    if (pid < 0)
        return err_errno(e, "fork");
    if (pid == 0)
        daemon_run(d, (int[NFDS]){theirs, listen_fd, disk_fd}, complains);
    daemons[ndaemons++] = pid;
    close(steal_fd(&theirs));
    close(steal_fd(&complains));
    if (await_greeting(ours, complaints, e) < 0) {
        qsd_end();
        return err_prefix(e, "%s", d->target);
    }
    return steal_fd(&conn_fd);
}

// -------------------------------------------------------------- the end

static bool ended(pid_t pid)
{
    return waitpid(pid, NULL, WNOHANG) != 0;
}

void qsd_end(void)
{
    for (unsigned i = 0; i < ndaemons; i++)
        kill(daemons[i], SIGTERM);
    while (ndaemons) {
        pid_t pid = daemons[--ndaemons];

        for (int ms = 0; !ended(pid); ms++) {
            if (ms == END_MS)
                kill(pid, SIGKILL);
            poll(NULL, 0, 1);
        }
    }
}
