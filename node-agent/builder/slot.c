// SPDX-License-Identifier: ISC
// A build slot's group and user; see slot.h.

#include "node-agent/builder/slot.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "node-agent/builder/house.h"

/* Builds yield to domains, which are what customers wait for. */
#define SLOT_CPU_WEIGHT 50

int slot_open(const struct node_config *cfg, const struct cgroup_tree *tree,
              unsigned number, struct build_slot *s, struct err *e)
{
    const struct cgroup_limits limits = {.memory_kib = cfg->build_memory_kib,
                                         .cpu_weight = SLOT_CPU_WEIGHT,
                                         .pids = SLOT_PIDS_MAX};

    s->number = number;
    s->tree = tree;
    snprintf(s->name, sizeof(s->name), "build-%u", number);
    if (cgroup_make(tree, s->name, e) < 0 ||
        cgroup_limit(tree, s->name, &limits, e) < 0)
        return -e->code;
    s->nprocs = cgroup_procs(tree, s->name, s->procs, e);
    return s->nprocs < 0 ? s->nprocs : 0;
}

uint64_t slot_cpu_ns(const struct build_slot *s)
{
    uint64_t ns = 0;

    if (cgroup_cpu_ns(s->tree, s->name, NULL, &ns) < 0)
        log_error("the CPU time of %s cannot be read", s->name);
    return ns;
}

uint64_t slot_oom_kills(const struct build_slot *s)
{
    uint64_t kills = 0;

    cgroup_oom_kills(s->tree, s->name, NULL, &kills);
    return kills;
}

bool slot_empty(const struct build_slot *s)
{
    return cgroup_empty(s->tree, s->name) == 1;
}

/* The kernel sends kill(-1) to all that the sender may signal, under a lock
 * that no fork slips through; and one build user may signal only itself. */
void slot_kill(const struct build_slot *s)
{
    uid_t uid = HOUSE_UID(s->number);
    pid_t pid = fork();

    if (pid < 0) {
        log_error("cannot fork to end a build");
        return;
    }
    if (pid == 0) {
        if (setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0)
            kill(-1, SIGKILL);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}
