// SPDX-License-Identifier: ISC
/*
 * The supervisor; see supervisor.h.
 *
 * A *generation* is one set of roles with channels of its own. Roles share so
 * much of what is going on that one alone cannot be replaced: when one ends,
 * the others are ended too and the next generation begins, later each time if
 * they keep dying young. What outlives a generation: the listening sockets
 * (clients wait in their queues), the lock, and domains.
 */
#include "node-agent/agent/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/sock.h"
#include "node-agent/agent/home.h"
#include "node-agent/agent/identity.h"
#include "node-agent/agent/reload.h"
#include "node-agent/agent/roles.h"
#include "node-agent/agent/tls.h"
#include "node-agent/netd/netd.h"
#include "node-agent/spawner/cgroup.h"
#include "node-agent/spawner/remains.h"

#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

/* A generation that served this long was a good one. */
#define GOOD_NS (10 * NS_PER_S)
/* The pause before the next one doubles between these. */
#define PAUSE_MIN_NS (100 * NS_PER_MS)
#define PAUSE_MAX_NS (10 * NS_PER_S)
/* Roles end by themselves when their lifeline does; later they are killed. */
#define GRACE_NS (3 * NS_PER_S)
/* With on_stop = "destroy": domains are ended and the books told of it. */
#define DESTROY_NS (20 * NS_PER_S)

struct supervisor {
    struct node_config cfg;
    struct node_config asked; /* as it was read last */
    config_reader *reread;
    int config_fd, tls_fd, lock_fd, signal_fd;
    struct identity_fds secret;
    struct home_sockets sockets;
    int shelf[2];     /* keeper/shelf.h */
    int agent_fds[2]; /* cgroup.procs of the roles' own group: cpu, cpuacct */
    pid_t pid[ROLE_COUNT]; /* 0: none */
    int lifeline[ROLE_COUNT];
    bool ready[ROLE_COUNT];
    bool announced; /* all were ready once */
    bool tls_new;   /* tls_fd is newer than what the api role has */
    bool stopping;
    bool reloading; /* cfg is new: the roles are to be started with it */
    uint64_t born_ns, pause_ns;
};

/* ------------------------------------------------------------ one role's fds
 */

/* What a role finds at which number. Sources are above ROLE_FD_END. */
struct role_fds {
    int at[ROLE_FD_END]; /* -1: closed */
};

/* Files shared by reference share their position too: open them anew. */
static int fd_reopen(int fd)
{
    char path[32];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static _Noreturn void role_exec(struct supervisor *s, enum role role,
                                struct role_fds *f)
{
    char *argv[] = {"hosteld", "--role", (char *)role_name(role), NULL};
    char *env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL, NULL};
    sigset_t blocked;

    /* The spawner is asked to stop by SIGTERM, which must not kill it before
     * it listens. */
    sigemptyset(&blocked);
    if (role == ROLE_SPAWNER)
        sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    signal(SIGPIPE, SIG_DFL);
    /* A terminal's signals are for the supervisor to handle. */
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < 2; i++)
        if (s->agent_fds[i] >= 0 && write(s->agent_fds[i], "0", 1) < 0)
            log_warn("the %s role is not in the agent's control group",
                     role_name(role));
    f->at[0] = f->at[1] = open("/dev/null", O_RDWR | O_CLOEXEC);
    f->at[ROLE_CONFIG_FD] = fd_reopen(s->config_fd);
    if (role == ROLE_LEDGER)
        f->at[ROLE_SECRET_FD] = fd_reopen(s->secret.receipts);
    if (role == ROLE_KEEPER)
        f->at[ROLE_SECRET_FD] = fd_reopen(s->secret.secrets);
    if (role == ROLE_API && s->tls_fd >= 0)
        f->at[ROLE_SECRET_FD] = fd_reopen(s->tls_fd);
    if (fds_place(f->at, 0, ROLE_FD_END) < 0)
        _exit(1);
    if (getenv("HOSTEL_DEBUG"))
        env[1] = "HOSTEL_DEBUG=1";
    execve("/proc/self/exe", argv, env);
    log_error("running %s again: %s", argv[0], strerrordesc_np(errno));
    _exit(1);
}

static int role_start(struct supervisor *s, enum role role,
                      int channel[ROLE_COUNT][ROLE_COUNT], struct err *e)
{
    struct role_fds f;
    int lifeline[2], r;

    r = sock_pair(lifeline);
    if (r < 0)
        return err_set(e, -r, "making a lifeline");
    memset(f.at, 0xff, sizeof(f.at));
    f.at[2] = STDERR_FILENO;
    f.at[ROLE_LIFELINE_FD] = lifeline[1];
    f.at[ROLE_LOCK_FD] = s->lock_fd;
    for (int peer = 0; peer < ROLE_COUNT; peer++)
        f.at[ROLE_FD(peer)] = channel[role][peer];
    if (role == ROLE_API) {
        f.at[ROLE_TCP_FD] = s->sockets.tcp;
        f.at[ROLE_METRICS_FD] = s->sockets.metrics;
    }
    if (role == ROLE_KEEPER) {
        f.at[ROLE_SHELF_FD] = s->shelf[0];
        f.at[ROLE_SHELF_FD + 1] = s->shelf[1];
    }
    if (role == ROLE_OPERATOR) {
        f.at[ROLE_UNIX_FD] = s->sockets.local;
        f.at[ROLE_CONTROL_FD] = s->sockets.control;
    }
    s->pid[role] = fork();
    if (s->pid[role] == 0)
        role_exec(s, role, &f);
    close(lifeline[1]);
    if (s->pid[role] < 0) {
        s->pid[role] = 0;
        close(lifeline[0]);
        return err_errno(e, "starting the %s role", role_name(role));
    }
    s->lifeline[role] = lifeline[0];
    return 0;
}

/* ------------------------------------------------------------- generations */

static int generation_start(struct supervisor *s, struct err *e)
{
    int channel[ROLE_COUNT][ROLE_COUNT], r = 0;

    memset(channel, 0xff, sizeof(channel));
    for (int a = 0; a < ROLE_COUNT; a++)
        for (int b = a + 1; b < ROLE_COUNT && r == 0; b++) {
            int pair[2];

            if (!role_channel(a, b))
                continue;
            r = sock_pair(pair);
            if (r < 0) {
                err_set(e, -r, "making a channel");
                break;
            }
            channel[a][b] = pair[0];
            channel[b][a] = pair[1];
        }
    s->born_ns = clock_mono_ns();
    memset(s->ready, 0, sizeof(s->ready));
    for (int role = 0; role < ROLE_COUNT && r == 0; role++)
        r = role_start(s, role, channel, e);
    for (int a = 0; a < ROLE_COUNT; a++)
        for (int b = 0; b < ROLE_COUNT; b++)
            if (channel[a][b] >= 0)
                close(channel[a][b]);
    return r;
}

static bool generation_alive(const struct supervisor *s)
{
    for (int r = 0; r < ROLE_COUNT; r++)
        if (s->pid[r])
            return true;
    return false;
}

static int role_of_pid(const struct supervisor *s, pid_t pid)
{
    for (int r = 0; r < ROLE_COUNT; r++)
        if (s->pid[r] == pid)
            return r;
    return -1;
}

/* Collect the dead. Returns how many roles were among them. */
static int roles_reap(struct supervisor *s, bool expected)
{
    int status, n = 0;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        int role = role_of_pid(s, pid);

        if (role < 0)
            continue;
        s->pid[role] = 0;
        close(s->lifeline[role]);
        s->lifeline[role] = -1;
        n++;
        if (WIFSIGNALED(status) && !expected)
            log_error("the %s role (process %d) was killed by signal %d",
                      role_name(role), (int)pid, WTERMSIG(status));
        else if (WIFEXITED(status) && (!expected || WEXITSTATUS(status)))
            log_error("the %s role (process %d) ended with status %d",
                      role_name(role), (int)pid, WEXITSTATUS(status));
    }
    return n;
}

/* Wait until the roles are gone, or only for one, at most so long. */
static void roles_wait(struct supervisor *s, int only, uint64_t limit_ns)
{
    uint64_t end = clock_mono_ns() + limit_ns;

    while (only < 0 ? generation_alive(s) : s->pid[only] != 0) {
        struct timespec step = {0, 2 * NS_PER_MS};

        if (clock_mono_ns() >= end)
            return;
        nanosleep(&step, NULL);
        roles_reap(s, true);
    }
}

static void generation_end(struct supervisor *s)
{
    home_unready(&s->cfg);
    for (int r = 0; r < ROLE_COUNT; r++) {
        if (s->lifeline[r] >= 0)
            close(s->lifeline[r]);
        s->lifeline[r] = -1;
    }
    roles_wait(s, -1, GRACE_NS);
    for (int r = 0; r < ROLE_COUNT; r++)
        if (s->pid[r]) {
            log_warn("the %s role does not end; killing it", role_name(r));
            kill(s->pid[r], SIGKILL);
        }
    roles_wait(s, -1, GRACE_NS);
}

/* ----------------------------------------------------------------- renewing */

/* A role that is not ready yet takes its lifeline's first byte for the end. An
 * api role that is just dying is followed by one that gets it at its start. */
static void tls_pass(struct supervisor *s)
{
    if (!s->tls_new || !s->ready[ROLE_API])
        return;
    s->tls_new = false;
    if (sock_send(s->lifeline[ROLE_API], "T", 1, &s->tls_fd, 1) < 0)
        log_warn("the api role does not take the new certificate");
}

/* SIGHUP: the certificate's files may be new ones; a certificate of our own is
 * made anew. Connections there are go on with the old one. */
static void tls_renew(struct supervisor *s)
{
    struct err e;
    int fd;

    if (s->tls_fd < 0)
        return;
    fd = tls_secret_open(&s->cfg, &e);
    if (fd < 0) {
        log_error("the old certificate stays in use: %s", e.text);
        return;
    }
    close(s->tls_fd);
    s->tls_fd = fd;
    s->tls_new = true;
    tls_pass(s);
}

/* ------------------------------------------------------------------- ready */

/* systemd's protocol is one datagram; sd_notify(3). */
static void notify(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    cleanup_close int fd = -1;
    size_t len = path ? strlen(path) : 0;

    if (len < 2 || len >= sizeof(a.sun_path))
        return;
    memcpy(a.sun_path, path, len);
    if (a.sun_path[0] == '@')
        a.sun_path[0] = 0;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 &&
        sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&a,
               offsetof(struct sockaddr_un, sun_path) + len) < 0)
        log_warn("the service manager does not listen");
}

static void lifeline_read(struct supervisor *s, enum role role)
{
    char c;

    if (recv(s->lifeline[role], &c, 1, MSG_DONTWAIT) != 1)
        return; /* it is dying: SIGCHLD follows */
    s->ready[role] = true;
    tls_pass(s);
    for (int r = 0; r < ROLE_COUNT; r++)
        if (!s->ready[r])
            return;
    home_ready(&s->cfg, s->pid);
    if (s->cfg.listen_host[0])
        log_info("serving %s on %s port %u", s->tls_fd < 0 ? "HTTP" : "HTTPS",
                 s->cfg.listen_host, s->cfg.listen_port);
    else
        log_info("serving");
    if (!s->announced)
        notify("READY=1");
    s->announced = true;
}

/* -------------------------------------------------------------------- loop */

/* SIGHUP. A configuration that is no good changes nothing. */
static void reload(struct supervisor *s)
{
    static struct node_config next, merged;
    struct err e;
    int r = s->reread(&next, &e), fd;

    if (r == 0)
        r = reload_merge(&s->cfg, &s->asked, &next, &merged, &e);
    if (r < 0) {
        log_error("the configuration stays as it was: %s", e.text);
        return;
    }
    if (r == 0) {
        tls_renew(s);
        return;
    }
    fd = memfd_sealed("configuration", &merged, sizeof(merged), &e);
    if (fd < 0) {
        log_error("the configuration stays as it was: %s", e.text);
        return;
    }
    close(s->config_fd);
    s->config_fd = fd;
    s->cfg = merged;
    s->asked = next;
    if (home_permit(&s->cfg, &e) < 0)
        log_error("%s", e.text);
    tls_renew(s);
    s->reloading = true;
}

static void signals_read(struct supervisor *s)
{
    struct signalfd_siginfo si;

    while (read(s->signal_fd, &si, sizeof(si)) == sizeof(si)) {
        if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT)
            s->stopping = true;
        if (si.ssi_signo == SIGHUP)
            reload(s);
    }
}

/* Wait for something to happen, at most until `until` (0: for ever). */
static void supervisor_wait(struct supervisor *s, uint64_t until_ns)
{
    struct pollfd p[1 + ROLE_COUNT] = {{.fd = s->signal_fd, .events = POLLIN}};
    uint64_t now = clock_mono_ns();
    int timeout_ms = -1;

    if (until_ns)
        timeout_ms =
            until_ns <= now ? 0 : (int)((until_ns - now) / NS_PER_MS) + 1;
    for (int r = 0; r < ROLE_COUNT; r++)
        p[1 + r] = (struct pollfd){.fd = s->ready[r] ? -1 : s->lifeline[r],
                                   .events = POLLIN};
    if (poll(p, 1 + ROLE_COUNT, timeout_ms) <= 0)
        return;
    if (p[0].revents)
        signals_read(s);
    for (int r = 0; r < ROLE_COUNT; r++)
        if (p[1 + r].revents & POLLIN)
            lifeline_read(s, r);
}

/* Serve until asked to stop (0), until a role is gone (-1) or until there is
 * another configuration (1). */
static int generation_serve(struct supervisor *s)
{
    while (!s->stopping) {
        supervisor_wait(s, 0);
        if (roles_reap(s, false) > 0)
            return -1;
        if (s->reloading)
            return 1;
    }
    return 0;
}

static void generation_pause(struct supervisor *s)
{
    uint64_t end;

    if (clock_mono_ns() - s->born_ns >= GOOD_NS)
        s->pause_ns = PAUSE_MIN_NS;
    end = clock_mono_ns() + s->pause_ns;
    while (!s->stopping && clock_mono_ns() < end)
        supervisor_wait(s, end);
    s->pause_ns *= 2;
    if (s->pause_ns > PAUSE_MAX_NS)
        s->pause_ns = PAUSE_MAX_NS;
}

static int supervisor_loop(struct supervisor *s, struct err *e)
{
    struct err renewal;

    for (;;) {
        int r = generation_start(s, e), end = -1;

        if (r == 0)
            end = generation_serve(s);
        if (end == 0)
            break;
        generation_end(s);
        if (s->announced && identity_renew(&s->cfg, &s->secret, &renewal) < 0)
            log_error("the receipts key stays as it was: %s", renewal.text);
        if (end > 0) {
            log_info("the configuration has changed: starting all roles with "
                     "it; domains run on");
            s->reloading = false;
            continue;
        }
        if (!s->announced)
            return r < 0 ? r
                         : err_set(e, ECHILD,
                                   "a role ended before the node "
                                   "was ready; its own message "
                                   "says why");
        if (r < 0)
            log_error("%s", e->text);
        log_error("starting all roles anew");
        generation_pause(s);
        /* With domains to end, somebody must be there to do it. */
        if (s->stopping && !s->cfg.destroy_on_stop)
            return 0;
    }
    notify("STOPPING=1");
    log_info("stopping");
    home_unready(&s->cfg);
    /* The spawner leaves or ends domains first, while there still is someone
     * to keep the books. */
    kill(s->pid[ROLE_SPAWNER], SIGTERM);
    roles_wait(s, ROLE_SPAWNER, DESTROY_NS);
    generation_end(s);
    return 0;
}

/* ------------------------------------------------------------------- set-up */

/* The roles' own group shows what the agent itself costs. Every customer waits
 * for it, so it comes before what any of them runs: as much as twenty domains
 * that ask for nothing, should all want to compute. */
#define AGENT_CPU_WEIGHT 2000
/* All that is the node's is one group to the kernel, and would have no more
 * than one service or one user's session beside it: a customer who has
 * something done outside of the tree (a login, a proxy, a backup) would take
 * from all others together. It is the node's work that the machine is for. */
#define TREE_CPU_WEIGHT 1000
static int agent_group_open(struct supervisor *s, struct err *e)
{
    struct cgroup_tree t;
    int fds[CGROUP_PARTS], n = cgroup_tree_open(&t, s->cfg.cgroup_path, e);

    if (n < 0)
        return n;
    n = cgroup_make(&t, "agent", e);
    if (n == 0)
        n = cgroup_share(&t, "agent", AGENT_CPU_WEIGHT, 0, e);
    if (n == 0)
        n = cgroup_share(&t, ".", TREE_CPU_WEIGHT, 0, e);
    if (n == 0)
        n = cgroup_procs(&t, "agent", fds, e);
    for (int i = 0; i < n; i++) {
        /* Version 1: memory and pids stay where our starter put us. */
        if (i == t.part[CGROUP_CPU])
            s->agent_fds[0] = fds[i];
        else if (i == t.part[CGROUP_CPUACCT])
            s->agent_fds[1] = fds[i];
        else
            close(fds[i]);
    }
    cgroup_tree_close(&t);
    return n < 0 ? n : 0;
}

static void group_remove(const char *name, void *arg)
{
    cgroup_remove(arg, name);
}

/* The spawner removes the slots' groups, and those of domains that live on
 * stay; the rest is ours, once nobody is in it. */
static void groups_remove(struct supervisor *s)
{
    struct cgroup_tree t;

    if (cgroup_tree_open(&t, s->cfg.cgroup_path, NULL) < 0)
        return;
    cgroup_remove(&t, "agent");
    cgroup_each(&t, "build-", group_remove, &t);
    cgroup_tree_close(&t);
    cgroup_tree_remove(s->cfg.cgroup_path);
}

static int signals_open(struct err *e)
{
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return err_errno(e, "blocking signals");
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? err_errno(e, "making a signalfd") : fd;
}

/* Room for as many messages as the keeper may put there (DOM_DEVICES_MAX);
 * where the machine allows less, it says what it cannot keep. */
static int shelf_make(int shelf[2], struct err *e)
{
    const int room = 1 << 20;
    int r = sock_pair(shelf);

    if (r < 0)
        return err_set(e, -r, "making the keeper's shelf");
    if (setsockopt(shelf[0], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) <
        0)
        setsockopt(shelf[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    for (int i = 0; i < 2; i++)
        if (fcntl(shelf[i], F_SETFL, O_NONBLOCK) < 0)
            return err_errno(e, "making the keeper's shelf");
    return 0;
}

static int supervisor_open(struct supervisor *s, struct err *e)
{
    if (home_make(&s->cfg, e) < 0)
        return -e->code;
    s->lock_fd = home_lock(&s->cfg, e);
    if (s->lock_fd < 0)
        return s->lock_fd;
    home_unready(&s->cfg);
    if (identity_open(&s->cfg, &s->secret, e) < 0)
        return -e->code;
    if (agent_group_open(s, e) < 0)
        return -e->code;
    s->signal_fd = signals_open(e);
    if (s->signal_fd < 0)
        return s->signal_fd;
    if (shelf_make(s->shelf, e) < 0)
        return -e->code;
    if (home_listen(&s->cfg, &s->sockets, e) < 0)
        return -e->code;
    if (tls_wanted(&s->cfg)) {
        s->tls_fd = tls_secret_open(&s->cfg, e);
        if (s->tls_fd < 0)
            return s->tls_fd;
    }
    s->config_fd = memfd_sealed("configuration", &s->cfg, sizeof(s->cfg), e);
    return s->config_fd < 0 ? s->config_fd : 0;
}

int supervisor_run(const struct node_config *checked, config_reader *reread,
                   struct err *e)
{
    static struct supervisor s;
    int r;

    s = (struct supervisor){.cfg = *checked,
                            .asked = *checked,
                            .reread = reread,
                            .config_fd = -1,
                            .secret = {-1, -1},
                            .lock_fd = -1,
                            .tls_fd = -1,
                            .sockets = {-1, -1, -1, -1},
                            .signal_fd = -1,
                            .shelf = {-1, -1},
                            .agent_fds = {-1, -1},
                            .pause_ns = PAUSE_MIN_NS};
    memset(s.lifeline, 0xff, sizeof(s.lifeline));
    umask(022);
    /* Monitors whose nursery has died are ours to collect. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    r = supervisor_open(&s, e);
    if (r == 0)
        r = supervisor_loop(&s, e);
    if (s.lock_fd >= 0) { /* else it is another's house */
        if (r < 0 && !s.announced)
            remains_clear(s.cfg.cgroup_path, s.cfg.run_dir);
        groups_remove(&s);
        net_tidy(&s.cfg);
        home_tidy(&s.cfg);
    }
    return r;
}
