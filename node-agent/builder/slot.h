// SPDX-License-Identifier: ISC
/*
 * Build slots: a user and a group of the node's cgroup tree, made before the
 * role gives root up, in which one build at a time runs. The figures a build
 * is billed by are read here, from the kernel.
 */
#ifndef BUILDER_SLOT_H
#define BUILDER_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "node-agent/agent/role.h"
#include "node-agent/spawner/cgroup.h"

/* Processes and threads of one build; a compile has about eight. */
#define SLOT_PIDS_MAX 64

struct build_slot {
    unsigned number;
    const struct cgroup_tree *tree;
    char name[16];           /* of the group: "build-0" */
    int procs[CGROUP_PARTS]; /* writing "0" moves the writer there */
    int nprocs;
};

/* Makes the group, or takes over what an earlier role left. As root, before
 * house_enter; the tree is kept by reference. */
int slot_open(const struct node_config *cfg, const struct cgroup_tree *tree,
              unsigned number, struct build_slot *s, struct err *e);

/* CPU time of everything that ever ran here; exact once slot_empty. */
uint64_t slot_cpu_ns(const struct build_slot *s);

/* How often the kernel killed for want of memory here. */
uint64_t slot_oom_kills(const struct build_slot *s);

bool slot_empty(const struct build_slot *s);

/* Kills every process of the slot's user, wherever it is. From inside the
 * house. They may take a moment to be gone: slot_empty. */
void slot_kill(const struct build_slot *s);

#endif
