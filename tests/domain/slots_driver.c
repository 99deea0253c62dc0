// SPDX-License-Identifier: ISC
/*
 * Plays supervisor and keeper to a real spawner with real monitors and guests:
 *
 *     slots-driver HOSTEL-HV FOLDER HELLO PRIMES CRASH
 *
 * One `ok` or `FAILED` line a case. Needs root. FOLDER must be empty; nothing
 * may be left of it, of control groups or of processes at the end.
 */
#include <dirent.h>
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
#include <sys/stat.h>
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

#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

#define SLOTS       24
#define DOMAINS_MAX 4096
/* Far longer than anything here should take: a case that needs it failed. */
#define PATIENCE_NS (30 * NS_PER_S)
#define TREE        "/hostel-slots-test"

struct domain {
    sub_id_t id;
    bool answered, adopted, released;
    unsigned status; /* of the answer to MSG_START */
    unsigned ends, usages;
    struct msg_domain last, end;
};

static struct {
    struct node_config cfg;
    const char *hello, *primes, *crash;
    pid_t spawner;
    int fd, lifeline;
    bool ready, adopting;
    bool hold; /* do not release what ends */
    struct domain domain[DOMAINS_MAX];
    unsigned ndomains;
} w;

static int failures;

__attribute__((format(printf, 2, 3))) static void verdict(bool ok,
                                                          const char *fmt, ...)
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

static _Noreturn void give_up(const char *why)
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

static void spawner_begin(void)
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

static int spawner_end(int signal)
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

static void send_plain(const struct msg_head *m)
{
    /* A killed spawner's channel: the next one will be told again. */
    ipc_send(w.fd, m, NULL, 0, NULL);
}

static void release(struct domain *d)
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
static bool hear(int timeout_ms)
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

static void hear_until(bool (*done)(void))
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

struct wish {
    const char *image, *arg;
    uint64_t cpu_ns, wall_ns, lease_ns;
    int console; /* -1: nowhere */
};

static struct domain *start(const struct wish *h)
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

static void stop(struct domain *d, uint32_t cause)
{
    struct msg_stop m = {.id = d->id, .cause = cause};

    ipc_head(&m, MSG_STOP, 0);
    send_plain(&m.head);
}

/* ------------------------------------------------------------------- cases */

static struct domain *waited;

static bool waited_ended(void)
{
    return waited->ends || (waited->answered && waited->status >= 400);
}

static bool all_ended(void)
{
    for (unsigned i = 0; i < w.ndomains; i++)
        if (!w.domain[i].ends && w.domain[i].status < 400)
            return false;
    return true;
}

static bool is_ready(void)
{
    return w.ready && !w.adopting;
}

static struct domain *run(const struct wish *h)
{
    waited = start(h);
    hear_until(waited_ended);
    return waited;
}

static void case_hello(void)
{
    char path[512], text[64] = "";
    struct domain *d;
    struct stat st;
    int fd;

    snprintf(path, sizeof(path), "%s/console", w.cfg.state_dir);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    d = run(&(struct wish){.image = w.hello, .console = fd});
    fstat(fd, &st);
    if (pread(fd, text, sizeof(text) - 1, 0) < 0)
        text[0] = 0;
    close(fd);
    unlink(path);
    verdict(d->end.cause == HVC_POWEROFF && d->end.status == 0 && st.st_size,
            "hello runs and writes (cause %u)", d->end.cause);
    verdict(d->end.usage.cpu_ns > 0 && d->end.usage.starts == 1 &&
                d->end.usage.wall_ns > 0 && d->end.usage.mem_peak_kib > 0 &&
                d->end.usage.mem_reserved_kib == 16384 &&
                d->end.usage.console_bytes == (uint64_t)st.st_size,
            "hello's figures");
    verdict(d->end.usage.cpu_ns < NS_PER_S, "a slot's own making is not "
                                            "charged");
}

static void case_trap(void)
{
    struct domain *d = run(&(struct wish){.image = w.crash, .console = -1});

    verdict(d->end.cause == HVC_TRAP && strstr(d->end.text, "14"),
            "a crash is reported: %.40s", d->end.text);
}

static void case_not_an_image(void)
{
    struct domain *d =
        run(&(struct wish){.image = "/proc/self/status", .console = -1});

    verdict(d->end.cause == HVC_REFUSED && d->end.text[0],
            "no image is refused: %.60s", d->end.text);
}

static void case_cpu_budget(void)
{
    struct domain *d = run(&(struct wish){.image = w.primes,
                                          .arg = "1000000000000",
                                          .cpu_ns = 50 * NS_PER_MS,
                                          .console = -1});

    verdict(d->end.cause == HVC_CPU_BUDGET, "CPU budget ends it (cause %u)",
            d->end.cause);
    // perf's clock, which ends it, runs ahead of the group's, which is billed,
    // where the machine is taken away from us.
    verdict(d->end.usage.cpu_ns >= 40 * NS_PER_MS &&
                d->end.usage.cpu_ns < 100 * NS_PER_MS,
            "CPU budget is kept: %llu us of 50000",
            (unsigned long long)d->end.usage.cpu_ns / 1000);
}

static void case_wall_budget(void)
{
    struct domain *d = run(&(struct wish){.image = w.primes,
                                          .arg = "1000000000000",
                                          .wall_ns = 100 * NS_PER_MS,
                                          .console = -1});

    verdict(d->end.cause == HVC_WALL_BUDGET &&
                d->end.usage.wall_ns >= 100 * NS_PER_MS,
            "wall budget ends it (cause %u)", d->end.cause);
}

static void case_lease(void)
{
    struct wish h = {.image = w.primes,
                     .arg = "1000000000000",
                     .lease_ns = 300 * NS_PER_MS,
                     .console = -1};
    struct domain *kept = start(&h), *lapsed = start(&h);
    struct msg_renew m = {.id = kept->id,
                          .lease_mono_ns = clock_mono_ns() + 60 * NS_PER_S};

    while (!kept->answered)
        hear(100);
    ipc_head(&m, MSG_RENEW, 0);
    send_plain(&m.head);
    waited = lapsed;
    hear_until(waited_ended);
    verdict(lapsed->end.cause == HVC_LEASE_LAPSED && !kept->ends,
            "a lease lapses unless renewed (cause %u)", lapsed->end.cause);
    while (!kept->usages)
        hear(100);
    verdict(kept->last.usage.cpu_ns > 0, "usage of a running domain is told");
    stop(kept, HVC_STOPPED);
    waited = kept;
    hear_until(waited_ended);
    verdict(kept->end.cause == HVC_STOPPED, "stopped on request (cause %u)",
            kept->end.cause);
    verdict(kept->end.usage.cpu_ns >= kept->last.usage.cpu_ns,
            "the end tells at least what was told before");
}

/* More than there are slots: they wait, none is refused or forgotten. */
static void case_many(void)
{
    unsigned before = w.ndomains, good = 0, n = 300;

    for (unsigned i = 0; i < n; i++) {
        start(&(struct wish){.image = w.hello, .console = -1});
        while (w.ndomains - before > SLOTS / 2 && hear(0))
            ;
        /* As a keeper does: at most as many under way as there are slots. */
        for (;;) {
            unsigned under_way = 0;

            for (unsigned k = before; k < w.ndomains; k++)
                under_way += !w.domain[k].ends;
            if (under_way < SLOTS)
                break;
            hear(100);
        }
    }
    hear_until(all_ended);
    for (unsigned i = before; i < w.ndomains; i++)
        good += w.domain[i].ends == 1 && w.domain[i].end.cause == HVC_POWEROFF;
    verdict(good == n, "%u of %u domains in %u slots", good, n, SLOTS);
}

/* ------------------------------------------------------------------ killing */

static pid_t monitor_of(const struct domain *d)
{
    static struct record_file records;
    char dir[NODE_PATH_MAX + 8];
    struct err e;

    snprintf(dir, sizeof(dir), "%s/slots", w.cfg.run_dir);
    if (!records.at && record_open(&records, dir, SLOTS, &e) < 0)
        give_up(e.text);
    for (size_t i = 0; i < records.count; i++)
        if (record_state(&records.at[i]) == RECORD_RUNNING &&
            !memcmp(&records.at[i].id, &d->id, sizeof(d->id)))
            return records.at[i].monitor_pid;
    return 0;
}

static void case_monitor_killed(void)
{
    struct wish h = {.image = w.primes, .arg = "1000000000000", .console = -1};
    unsigned right = 0, n = 20;

    for (unsigned i = 0; i < n; i++) {
        struct domain *d = start(&h);

        while (!d->answered)
            hear(100);
        usleep(random() % 20000);
        kill(monitor_of(d), SIGKILL);
        waited = d;
        hear_until(waited_ended);
        right += d->ends == 1 && d->end.cause == HVC_LOST &&
                 /* It may have died before its domain began. */
                 (d->end.usage.cpu_ns > 0 || d->end.usage.starts == 0);
    }
    verdict(right == n, "a killed monitor is noticed and billed (%u of %u)",
            right, n);
}

static uint64_t busy_ns(const char *group)
{
    struct cgroup_tree t;
    uint64_t ns = 0;

    if (cgroup_tree_open(&t, w.cfg.cgroup_path, NULL) < 0)
        give_up("no control groups");
    cgroup_cpu_ns(&t, group, NULL, &ns);
    cgroup_tree_close(&t);
    return ns;
}

/* Budgets are kept while there is no spawner: the monitors hold the events. */
static void case_budget_alone(void)
{
    struct wish h = {.image = w.primes,
                     .arg = "1000000000000",
                     .cpu_ns = 400 * NS_PER_MS,
                     .console = -1};
    struct domain *d = start(&h);
    uint64_t before, after;
    char group[32];

    while (!d->answered || !d->usages) /* told once an interval */
        hear(100);
    snprintf(group, sizeof(group), "slot-%u", d->last.slot);
    spawner_end(SIGKILL);
    for (int i = 0; i < 100 && kill(monitor_of(d), 0) == 0; i++)
        usleep(100000);
    before = busy_ns(group);
    usleep(300000);
    after = busy_ns(group);
    verdict(before == after, "nobody burns CPU beyond its budget alone");
    spawner_begin();
    waited = d;
    hear_until(waited_ended);
    verdict(d->end.cause == HVC_CPU_BUDGET,
            "a budget spent meanwhile is told (cause %u)", d->end.cause);
    verdict(d->end.usage.cpu_ns < 410 * NS_PER_MS,
            "a budget is kept without a spawner: %llu us of 400000",
            (unsigned long long)d->end.usage.cpu_ns / 1000);
}

static uint64_t groups_cpu_ns;

static void group_add(const char *name, void *arg)
{
    uint64_t ns = 0;

    cgroup_cpu_ns(arg, name, NULL, &ns);
    groups_cpu_ns += ns;
}

/* Everything at once: short and long domains, monitors and the spawner itself
 * killed at any moment. Each domain that was answered must end, once, and all
 * of them together cannot have used more than the kernel saw. */
static void case_storm(void)
{
    unsigned before = w.ndomains, kills = 0, forgotten = 0;
    struct cgroup_tree t;
    uint64_t told = 0;
    struct err e;

    for (unsigned round = 0; round < 40; round++) {
        unsigned from = w.ndomains, moments = random() % 8;

        for (unsigned i = 0; i < 10; i++)
            start(&(struct wish){.image = i % 3 ? w.hello : w.primes,
                                 .arg = "1000000000000",
                                 .cpu_ns = 20 * NS_PER_MS,
                                 .console = -1});
        while (moments--)
            hear(random() % 5);
        w.hold = random() % 2;
        for (unsigned i = from; i < w.ndomains && i < from + 2; i++) {
            pid_t pid = monitor_of(&w.domain[i]);

            if (pid > 0)
                kill(pid, SIGKILL);
        }
        usleep(random() % 30000);
        spawner_end(SIGKILL);
        kills++;
        /* What had no answer was never accepted: the keeper would ask again.
         * Here it must either be heard of again or not exist. */
        w.hold = false;
        spawner_begin();
        hear_until(is_ready);
        for (unsigned i = before; i < w.ndomains; i++) {
            struct domain *d = &w.domain[i];

            if (!d->answered && !d->adopted && !d->ends)
                d->status = 599;
            if (d->ends && d->released)
                release(d); /* the last one may have been lost */
        }
        hear_until(all_ended);
    }
    for (unsigned i = before; i < w.ndomains; i++) {
        struct domain *d = &w.domain[i];

        forgotten += d->status < 400 && !d->ends;
        told += d->end.usage.cpu_ns;
    }
    verdict(!forgotten, "spawner killed %u times: %u domains forgotten", kills,
            forgotten);
    for (unsigned i = 0; i < before; i++)
        told += w.domain[i].end.usage.cpu_ns;
    if (cgroup_tree_open(&t, TREE, &e) < 0)
        give_up(e.text);
    groups_cpu_ns = 0;
    cgroup_each(&t, "slot-", group_add, &t);
    /* Version 1 lists each group once a hierarchy; version 2 makes them anew
     * for each domain, so there is nothing to compare with. */
    if (t.version == 1) {
        groups_cpu_ns /= t.nroots;
        verdict(told > 0 && told <= groups_cpu_ns,
                "no CPU is told twice: %llu ms of %llu ms",
                (unsigned long long)(told / NS_PER_MS),
                (unsigned long long)(groups_cpu_ns / NS_PER_MS));
    }
    cgroup_tree_close(&t);
}

/* -------------------------------------------------------------------- after */

static unsigned slot_processes(void)
{
    DIR *d = opendir("/proc");
    struct dirent *entry;
    unsigned n = 0;

    while ((entry = readdir(d))) {
        char path[300];
        struct stat st;

        snprintf(path, sizeof(path), "/proc/%s", entry->d_name);
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            stat(path, &st) == 0 &&
            st.st_uid >= UID_DOMAIN_SLOT(w.cfg.uid_base, 0) &&
            st.st_uid < UID_DOMAIN_SLOT(w.cfg.uid_base, SLOTS))
            n++;
    }
    closedir(d);
    return n;
}

static void case_stop(void)
{
    struct domain *d[3];
    char path[512];
    unsigned right = 0;
    int status;

    for (int i = 0; i < 3; i++)
        d[i] = start(&(struct wish){
            .image = w.primes, .arg = "1000000000000", .console = -1});
    while (!d[2]->answered)
        hear(100);
    kill(w.spawner, SIGTERM);
    waited = d[2];
    hear_until(all_ended);
    for (int i = 0; i < 3; i++)
        right += d[i]->end.cause == HVC_STOPPED;
    verdict(right == 3, "stopping ends all domains (%u of 3)", right);
    status = spawner_end(0);
    verdict(WIFEXITED(status) && WEXITSTATUS(status) == 0,
            "the spawner ends in peace");
    /* Monitors whose nursery was killed are now our children. */
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    verdict(slot_processes() == 0, "no process is left");
    snprintf(path, sizeof(path), "%s/slots", w.cfg.run_dir);
    verdict(rmdir(path) == 0, "no file is left");
    verdict(cgroup_tree_remove(TREE) == 0, "no control group is left");
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
