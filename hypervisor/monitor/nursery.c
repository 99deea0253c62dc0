// SPDX-License-Identifier: ISC
/*
 * The nursery. What all monitors share is done here once: namespaces, the
 * empty root, the pv set-up code, the clock's first sample. Then a monitor
 * costs one clone; it gives up the rest of the rights itself.
 */
#include "hypervisor/monitor/nursery.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "hypervisor/monitor/control.h"
#include "hypervisor/monitor/sandbox.h"
#include "hypervisor/monitor/slot.h"
#include "lib/log.h"
#include "lib/sock.h"

#define NURSERY_FD   3
#define MAKE_FDS_MAX (2 + HVC_PROCS_MAX)

static int nursery_prepare(struct slot *s, struct err *e)
{
    bool contained;

    // Monitors are watched by pidfd; nobody waits for them here.
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (slot_prepare(s, e) < 0)
        return -e->code;
    if (s->engine->prepare(e) < 0)
        return -e->code;
    if (sandbox_leave_world(&contained, e) < 0)
        return -e->code;
    if (!contained)
        return err_set(e, EPERM, "the nursery must be started as root");
    return 0;
}

static int make_check(const struct hvc_make *m, ssize_t len, size_t nfds)
{
    if (len != sizeof(*m) || m->head.size != sizeof(*m) ||
        m->head.type != HVC_MAKE || m->nprocs > HVC_PROCS_MAX ||
        nfds != 2 + m->nprocs || m->uid == 0 || m->gid == 0 ||
        m->flags & ~HVC_M_DISKS)
        return -EPROTO;
    return 0;
}

// Forks one monitor and answers.
static void make(const struct slot *common, const struct hvc_make *m,
                 const int *fds)
{
    struct slot s = *common;
    struct hvc_made made = {.head = {HVC_MADE, sizeof(made)}, .slot = m->slot};
    int pidfd = -1;
    pid_t pid;

    s.uid = m->uid;
    s.gid = m->gid;
    s.disks = m->flags & HVC_M_DISKS;
    s.listen_fd = fds[0];
    s.page_fd = fds[1];
    s.procs_fd = fds + 2;
    s.nprocs = m->nprocs;
    pid = slot_fork(&pidfd, true);
    if (pid == 0) {
        close(NURSERY_FD);
        slot_run(&s);
    }
    made.error = pid < 0 ? pid : 0;
    made.monitor_pid = pid < 0 ? 0 : pid;
    sock_send(NURSERY_FD, &made, sizeof(made), &pidfd, pid > 0);
    if (pidfd >= 0)
        close(pidfd);
}

int nursery_main(int argc, char **argv)
{
    struct slot common = {.engine = &engine_pv, .conn_fd = -1};
    struct err e = {0};

    (void)argv;
    if (argc != 1) {
        log_error("nursery takes no arguments");
        return 2;
    }
    if (nursery_prepare(&common, &e) < 0) {
        log_error("%s", e.text);
        return 1;
    }
    for (;;) {
        int fds[MAKE_FDS_MAX];
        size_t nfds = MAKE_FDS_MAX;
        struct hvc_make m;
        ssize_t n = sock_recv(NURSERY_FD, &m, sizeof(m), fds, &nfds);

        // The spawner is gone (perhaps before it read all we said); its
        // domains live on.
        if (n == 0 || n == -ECONNRESET)
            return 0;
        // A sibling process that misbehaves stops the house.
        if (make_check(&m, n, nfds) < 0) {
            log_error("a malformed message on descriptor %d", NURSERY_FD);
            return 1;
        }
        make(&common, &m, fds);
        while (nfds)
            close(fds[--nfds]);
    }
}
