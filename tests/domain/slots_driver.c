// SPDX-License-Identifier: ISC
/*
 * Plays supervisor and keeper to a real spawner with real monitors and guests:
 *
 *     slots-driver HOSTEL-HV FOLDER HELLO PRIMES CRASH
 *
 * One `ok` or `FAILED` line a case. Needs root. FOLDER must be empty; nothing
 * may be left of it, of control groups or of processes at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/sock.h"
#include "node-agent/agent/ipc.h"
#include "node-agent/agent/roles.h"
#include "node-agent/spawner/cgroup.h"
#include "node-agent/spawner/record.h"
#include "tests/domain/slots_driver.h"

struct world w;

static int failures;

void verdict(bool ok, const char *fmt, ...)
{
    va_list ap;

    printf("%s slots/", ok ? "ok" : "FAILED");
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    fflush(stdout);
    failures += !ok;
}

_Noreturn void give_up(const char *why)
{
    printf("FAILED slots/driver: %s\n", why);
    exit(1);
}

/* ---------------------------------------------------------------- a spawner */

static void spawner_child(int channel, int lifeline)
{
    int null = open("/dev/null", O_RDWR), memfd = open("/dev/null", O_RDWR);
    int from[] = {memfd, lifeline, channel, null};
    int to[] = {ROLE_CONFIG_FD, ROLE_LIFELINE_FD, ROLE_FD(ROLE_KEEPER),
                ROLE_LOCK_FD};
    struct err e;

    for (int i = 0; i < 4; i++)
        from[i] = fcntl(from[i], F_DUPFD, 32);
    for (int i = 0; i < 4; i++)
        dup2(from[i], to[i]);
    log_open("spawner");
    if (role_confine(&w.cfg, ROLE_SPAWNER, &e) < 0) {
        log_error("%s", e.text);
        _exit(1);
    }
    _exit(spawner_main(&w.cfg));
}

void spawner_begin(void)
{
    int channel[2], lifeline[2];

    if (sock_pair(channel) < 0 || sock_pair(lifeline) < 0)
        give_up("no sockets");
    w.spawner = fork();
    if (w.spawner == 0) {
        close(channel[0]);
        close(lifeline[0]);
        spawner_child(channel[1], lifeline[1]);
    }
    close(channel[1]);
    close(lifeline[1]);
    w.fd = channel[0];
    w.lifeline = lifeline[0];
    w.ready = false;
    w.adopting = true;
}

int spawner_end(int signal)
{
    int status = -1;

    if (signal)
        kill(w.spawner, signal);
    if (signal == SIGKILL)
        close(w.fd);
    waitpid(w.spawner, &status, 0);
    if (signal == SIGKILL)
        close(w.lifeline);
    return status;
}

/* ----------------------------------------------------------------- a keeper */

static struct domain *domain_find(const sub_id_t *id)
{
    for (unsigned i = 0; i < w.ndomains; i++)
        if (!memcmp(&w.domain[i].id, id, sizeof(*id)))
            return &w.domain[i];
    return NULL;
}

void send_plain(const struct msg_head *m)
{
    /* A killed spawner's channel: the next one will be told again. */
    ipc_send(w.fd, m, NULL, 0, NULL);
}

void release(struct domain *d)
{
    struct msg_renew m = {.id = d->id};

    ipc_head(&m, MSG_RELEASE, 0);
    send_plain(&m.head);
    d->released = true;
}

/* The same figures each time it is told. */
static void heard_end(struct domain *d, const struct msg_domain *m)
{
    if (d->ends && (memcmp(&d->end.usage, &m->usage, sizeof(m->usage)) ||
                    d->end.cause != m->cause || d->end.status != m->status ||
                    strcmp(d->end.text, m->text)))
        verdict(false, "the end of a domain is told differently again");
    d->end = *m;
    d->ends++;
    if (!w.hold)
        release(d);
}

static void heard_domain(const struct msg_domain *m)
{
    static const sub_id_t none;
    struct domain *d = domain_find(&m->id);

    if (m->head.type == MSG_ADOPTED && !memcmp(&m->id, &none, sizeof(none))) {
        w.adopting = false;
        return;
    }
    if (!d)
        give_up("news of a domain nobody started");
    if (m->head.type == MSG_ADOPTED)
        d->adopted = true;
    if (m->head.type == MSG_USAGE) {
        if (m->usage.cpu_ns < d->last.usage.cpu_ns ||
            m->usage.wall_ns < d->last.usage.wall_ns)
            verdict(false, "usage went backwards");
        d->usages++;
        d->last = *m;
    }
    if (m->head.type == MSG_ENDED)
        heard_end(d, m);
}

/* As the supervisor does: a dead monitor that nobody collects still counts as
 * one of its control group's tasks. */
static void orphans_reap(void)
{
    siginfo_t dead = {0};

    while (waitid(P_ALL, 0, &dead, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           dead.si_pid && dead.si_pid != w.spawner) {
        waitpid(dead.si_pid, NULL, 0);
        dead.si_pid = 0;
    }
}

/* Hear one message, waiting at most so long: false when nothing came. */
bool hear(int timeout_ms)
{
    static union ipc_any any;
    struct pollfd p[2] = {{.fd = w.fd, .events = POLLIN},
                          {.fd = w.ready ? -1 : w.lifeline, .events = POLLIN}};
    int fds[IPC_FDS_MAX];
    struct domain *d;
    struct err e;
    char c;

    orphans_reap();
    if (poll(p, 2, timeout_ms) <= 0)
        return false;
    if (p[1].revents & POLLIN)
        w.ready = read(w.lifeline, &c, 1) == 1;
    if (!p[0].revents)
        return true;
    if (ipc_recv(w.fd, &any, fds, &e) != 1)
        return false;
    if (any.head.type == (MSG_START | MSG_REPLY)) {
        d = &w.domain[any.head.tag];
        d->answered = true;
        d->status = any.reply.status;
    } else {
        heard_domain(&any.domain);
    }
    return true;
}

void hear_until(bool (*done)(void))
{
    uint64_t end = clock_mono_ns() + PATIENCE_NS;

    while (!done() && clock_mono_ns() < end)
        hear(100);
}

static void id_make(sub_id_t *id, unsigned n)
{
    memset(id, 0xd0, sizeof(*id));
    memcpy(id->b, &n, sizeof(n));
}

struct domain *start(const struct wish *h)
{
    static struct msg_start m;
    unsigned n = w.ndomains++;
    struct domain *d = &w.domain[n];
    int fds[2] = {open(h->image, O_RDONLY | O_CLOEXEC),
                  h->console >= 0 ? dup(h->console)
                                  : open("/dev/null", O_WRONLY | O_CLOEXEC)};
    struct err e;

    if (w.ndomains == DOMAINS_MAX || fds[0] < 0)
        give_up("cannot start more");
    memset(d, 0, sizeof(*d));
    id_make(&d->id, n);
    m = (struct msg_start){
        .id = d->id,
        .memory_kib = 16384,
        .cpu_ns = h->cpu_ns,
        .wall_ns = h->wall_ns,
        .console_bytes = 1u << 20,
        .lease_mono_ns =
            clock_mono_ns() + (h->lease_ns ? h->lease_ns : 60 * NS_PER_S),
        .argc = h->arg ? 2 : 1,
    };
    strcpy(m.name, "test");
    m.cmdline_len = sprintf(m.cmdline, "test") + 1;
    if (h->arg)
        m.cmdline_len += sprintf(m.cmdline + m.cmdline_len, "%s", h->arg) + 1;
    ipc_head_cut(&m, MSG_START, n, cmdline, m.cmdline_len);
    if (ipc_send(w.fd, &m.head, fds, 2, &e) < 0 && e.code != EPIPE)
        give_up(e.text);
    close(fds[0]);
    close(fds[1]);
    return d;
}

void stop(struct domain *d, uint32_t cause)
{
    struct msg_stop m = {.id = d->id, .cause = cause};

    ipc_head(&m, MSG_STOP, 0);
    send_plain(&m.head);
}

/* -------------------------------------------------------------------- main */

bool is_ready(void)
{
    return w.ready && !w.adopting;
}

int main(int argc, char **argv)
{
    char path[512];
    struct err e;

    if (argc != 6)
        return 2;
    w.hello = argv[3];
    w.primes = argv[4];
    w.crash = argv[5];
    w.cfg = (struct node_config){.size = sizeof(w.cfg),
                                 .uid_base = UID_BASE_DEFAULT + 65536,
                                 .cgroup_path = TREE,
                                 .slots = SLOTS,
                                 .spare_slots = 4,
                                 .engines = 1u << HVC_ENGINE_PV,
                                 .memory_kib = 1u << 20,
                                 .lease_ns = 10 * NS_PER_S,
                                 .interval_ns = 100 * NS_PER_MS,
                                 .destroy_on_stop = 1};
    snprintf(w.cfg.hv_path, sizeof(w.cfg.hv_path), "%s", argv[1]);
    snprintf(w.cfg.state_dir, sizeof(w.cfg.state_dir), "%s", argv[2]);
    snprintf(w.cfg.run_dir, sizeof(w.cfg.run_dir), "%s/run", argv[2]);
    snprintf(path, sizeof(path), "%s/spawner", argv[2]);
    if (dir_make(path, 0700, &e) < 0)
        give_up(e.text);
    snprintf(path, sizeof(path), "%s/slots", w.cfg.run_dir);
    if (dir_make(path, 0711, &e) < 0)
        give_up(e.text);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* as the supervisor does */
    srandom(argv[2][0] + getpid());

    spawner_begin();
    hear_until(is_ready);
    verdict(is_ready(), "the spawner is ready");
    if (!is_ready())
        give_up("no spawner");
    case_hello();
    case_trap();
    case_not_an_image();
    case_cpu_budget();
    case_wall_budget();
    case_lease();
    case_many();
    case_monitor_killed();
    case_budget_alone();
    case_storm();
    case_stop();
    return failures != 0;
}
