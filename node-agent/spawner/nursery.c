// SPDX-License-Identifier: ISC
// Talking to the nursery; see nursery.h and hypervisor/monitor/control.h.

#include "node-agent/spawner/nursery.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/log.h"
#include "lib/sock.h"

/* Where the nursery finds its socket. */
#define NURSERY_FD 3

#define GROUP "nursery"

/* A killed process is gone within milliseconds. */
#define CLEAR_TRIES   2000
#define CLEAR_STEP_NS 1000000

static int nursery_clear(const struct cgroup_tree *t, struct err *e)
{
    const struct timespec step = {0, CLEAR_STEP_NS};
    int r = cgroup_make(t, GROUP, e);

    for (int i = 0; r == 0 && i < CLEAR_TRIES; i++) {
        if (cgroup_empty(t, GROUP) == 1)
            return 0;
        cgroup_kill(t, GROUP);
        nanosleep(&step, NULL);
    }
    return r < 0 ? r : err_set(e, EBUSY, "an earlier nursery cannot be killed");
}

static _Noreturn void nursery_exec(const struct cgroup_tree *t,
                                   const char *hv_path, int sock)
{
    char *argv[] = {"hostel-hv", "nursery", NULL};
    char *env[] = {NULL};
    sigset_t none;
    struct err e;

    if (cgroup_enter(t, GROUP, getpid(), &e) < 0) {
        log_error("%s", e.text);
        _exit(1);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (sock == NURSERY_FD ? fcntl(sock, F_SETFD, 0) < 0
                           : dup2(sock, NURSERY_FD) < 0)
        _exit(1);
    close_range(NURSERY_FD + 1, ~0u, 0);
    execve(hv_path, argv, env);
    log_error("%s: %s", hv_path, strerrordesc_np(errno));
    _exit(1);
}

int nursery_start(const struct cgroup_tree *t, const char *hv_path, pid_t *pid,
                  struct err *e)
{
    int pair[2], r;

    if (nursery_clear(t, e) < 0)
        return -e->code;
    r = sock_pair(pair);
    if (r < 0)
        return err_set(e, -r, "making the nursery's socket");
    *pid = fork();
    if (*pid == 0)
        nursery_exec(t, hv_path, pair[1]);
    close(pair[1]);
    if (*pid < 0) {
        close(pair[0]);
        return err_errno(e, "starting the nursery");
    }
    return pair[0];
}

int nursery_make(int fd, const struct hvc_make *m, int listen_fd, int page_fd,
                 const int *procs, struct err *e)
{
    int fds[2 + HVC_PROCS_MAX] = {listen_fd, page_fd}, r;

    for (uint32_t i = 0; i < m->nprocs; i++)
        fds[2 + i] = procs[i];
    r = sock_send(fd, m, sizeof(*m), fds, 2 + m->nprocs);
    if (r < 0) {
        errno = -r;
        return err_errno(e, "asking the nursery");
    }
    return 0;
}

int nursery_made(int fd, struct hvc_made *made, int *pidfd, struct err *e)
{
    size_t nfds = 1;
    ssize_t n;

    *pidfd = -1;
    n = sock_recv(fd, made, sizeof(*made), pidfd, &nfds);
    if (n == 0)
        return 0;
    if (n < 0) {
        errno = -n;
        return err_errno(e, "hearing from the nursery");
    }
    if (n != sizeof(*made) || made->head.type != HVC_MADE ||
        made->head.size != sizeof(*made) || nfds != (made->error == 0)) {
        if (nfds)
            close(*pidfd);
        *pidfd = -1;
        return err_set(e, EPROTO,
                       "the nursery sent something else than "
                       "HVC_MADE");
    }
    return 1;
}

void nursery_end(const struct cgroup_tree *t, int fd, pid_t pid)
{
    close(fd);
    waitpid(pid, NULL, 0);
    cgroup_remove(t, GROUP);
}
