// SPDX-License-Identifier: ISC
// The cases of tests/domain/slots; see slots_driver.h.

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
#include "tests/domain/slots_driver.h"

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

static struct domain *run(const struct wish *h)
{
    waited = start(h);
    hear_until(waited_ended);
    return waited;
}

void case_hello(void)
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

void case_trap(void)
{
    struct domain *d = run(&(struct wish){.image = w.crash, .console = -1});

    verdict(d->end.cause == HVC_TRAP && strstr(d->end.text, "14"),
            "a crash is reported: %.40s", d->end.text);
}

void case_not_an_image(void)
{
    struct domain *d =
        run(&(struct wish){.image = "/proc/self/status", .console = -1});

    verdict(d->end.cause == HVC_REFUSED && d->end.text[0],
            "no image is refused: %.60s", d->end.text);
}

void case_cpu_budget(void)
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

void case_wall_budget(void)
{
    struct domain *d = run(&(struct wish){.image = w.primes,
                                          .arg = "1000000000000",
                                          .wall_ns = 100 * NS_PER_MS,
                                          .console = -1});

    verdict(d->end.cause == HVC_WALL_BUDGET &&
                d->end.usage.wall_ns >= 100 * NS_PER_MS,
            "wall budget ends it (cause %u)", d->end.cause);
}

void case_lease(void)
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
void case_many(void)
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

void case_monitor_killed(void)
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
void case_budget_alone(void)
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
void case_storm(void)
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

void case_stop(void)
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
