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
#include <sys/resource.h>
#include <unistd.h>

#include "hypervisor/engine/select.h"
#include "hypervisor/monitor/control.h"
#include "hypervisor/monitor/sandbox.h"
#include "hypervisor/monitor/slot.h"
#include "lib/log.h"
#include "lib/sock.h"

#define NURSERY_FD   3
#define MAKE_FDS_MAX (2 + HVC_PROCS_MAX)

// By enum hvc_engine.
static struct nursery_engine {
    const struct engine *engine;
    bool works;
} engines[HVC_ENGINES] = {
    [HVC_ENGINE_PV] = {&engine_pv, false},
    [HVC_ENGINE_KVM] = {&engine_kvm, false},
};

static enum hvc_engine best = HVC_ENGINE_PV; // what "auto" is

// Each engine that works here; whether the node may use it is the spawner's
// to know, and why it does not work its asker's to be told.
static int engines_prepare(struct err *e)
{
    struct err why;

    if (engine_pv.prepare(e) < 0)
        return -e->code;
    engines[HVC_ENGINE_PV].works = true;
    if (engine_kvm.prepare(&why) == 0)
        engines[HVC_ENGINE_KVM].works = true;
    if (engine_select("auto") == &engine_kvm && engines[HVC_ENGINE_KVM].works)
        best = HVC_ENGINE_KVM;
    return 0;
}

static int nursery_prepare(struct slot *s, struct err *e)
{
    bool contained;

    // No terminal's signals. Once for all: each session costs a group of its
    // own in the kernel's scheduler.
    setsid();
    // Monitors are watched by pidfd; nobody waits for them here.
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (slot_prepare(s, e) < 0)
        return -e->code;
    if (engines_prepare(e) < 0)
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
        m->engine >= HVC_ENGINES || m->flags & ~HVC_M_RINGS)
        return -EPROTO;
    return 0;
}

// In the monitor: what the other engines hold open is not its to have.
static void engines_forget(const struct nursery_engine *but)
{
    for (size_t i = 0; i < HVC_ENGINES; i++)
        if (&engines[i] != but && engines[i].works)
            engines[i].engine->forget();
}

// Forks one monitor and answers.
static void make(const struct slot *common, const struct hvc_make *m,
                 const int *fds)
{
    struct slot s = *common;
    struct hvc_made made = {.head = {HVC_MADE, sizeof(made)}, .slot = m->slot};
    const struct nursery_engine *with = &engines[m->engine];
    int pidfd = -1;
    pid_t pid = -ENODEV;

    s.engine = with->engine;
    s.uid = m->uid;
    s.gid = m->gid;
    s.rings = m->flags & HVC_M_RINGS;
    s.listen_fd = fds[0];
    s.page_fd = fds[1];
    s.nprocs = m->nprocs;
    memcpy(s.procs_fd, fds + 2, m->nprocs * sizeof(fds[0]));
    if (with->works)
        pid = slot_fork(&pidfd, true);
    if (pid == 0) {
        close(NURSERY_FD);
        engines_forget(with);
        slot_run(&s);
    }
    made.best = best;
    made.error = pid < 0 ? pid : 0;
    made.monitor_pid = pid < 0 ? 0 : pid;
    sock_send(NURSERY_FD, &made, sizeof(made), &pidfd, pid > 0);
    if (pidfd >= 0)
        close(pidfd);
}

/*
 * A heap of the kernel's choosing lies far from everything else, and so costs
 * each monitor three pages of page tables. With no data segment allowed (the
 * soft limit alone, which mmap does not ask), libc takes its memory beside the
 * program: so this program is run anew with that limit.
 */
static void leave_heap(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_DATA, &l) < 0 || l.rlim_cur == 0)
        return;
    l.rlim_cur = 0;
    if (setrlimit(RLIMIT_DATA, &l) == 0)
        execl("/proc/self/exe", "hostel-hv", "nursery", NULL);
}

int nursery_main(int argc, char **argv)
{
    struct slot common = {.conn_fd = -1};
    struct err e = {0};

    (void)argv;
    if (argc != 1) {
        log_error("nursery takes no arguments");
        return 2;
    }
    close_range(NURSERY_FD + 1, ~0u, 0); // whatever else was inherited
    leave_heap();
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
