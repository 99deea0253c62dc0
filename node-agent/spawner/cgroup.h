// SPDX-License-Identifier: ISC
/*
 * Control groups, version 2 or 1 behind one interface.
 *
 * A node has one tree: a folder (cfg->cgroup_path) in the cgroup2 hierarchy
 * if that one has the cpu, memory and pids controllers, else the same folder
 * in each of version 1's cpu, cpuacct, memory and pids hierarchies. Groups
 * are its children, known by name: "slot-3", "build-0", "agent". What a
 * crashed agent left there is found again by name.
 *
 * The tree is meant for leaves only: no process is in the folder itself.
 */
#ifndef SPAWNER_CGROUP_H
#define SPAWNER_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "lib/err.h"

#define CGROUP_NAME_MAX 64

enum cgroup_part { CGROUP_CPU, CGROUP_CPUACCT, CGROUP_MEMORY, CGROUP_PIDS };
#define CGROUP_PARTS 4

struct cgroup_tree {
    int version;            /* 2 or 1 */
    int nroots;             /* distinct hierarchies */
    int root[CGROUP_PARTS]; /* our folder in each */
    int part[CGROUP_PARTS]; /* which of root[] has that controller */
};
#define CGROUP_TREE_INIT                                                       \
    {                                                                          \
        .root = { -1, -1, -1, -1 }                                             \
    }

/*
 * Find the hierarchies in /proc/self/mountinfo and open the tree, made if
 * missing. `path` begins with a slash. The second form takes the mountinfo's
 * text and a prefix for its mount points, for tests.
 */
int cgroup_tree_open(struct cgroup_tree *t, const char *path, struct err *e);
int cgroup_tree_open_at(struct cgroup_tree *t, const char *mountinfo,
                        const char *prefix, const char *path, struct err *e);
void cgroup_tree_close(struct cgroup_tree *t);

/* Remove the empty tree; -EBUSY while a group is in it. */
int cgroup_tree_remove(const char *path);

/* Make a group; one that exists already is fine. */
int cgroup_make(const struct cgroup_tree *t, const char *name, struct err *e);

/* -EBUSY while a process is in it; a group that is not there is fine. */
int cgroup_remove(const struct cgroup_tree *t, const char *name);

/* Call `each` for every group whose name begins with `prefix`. */
int cgroup_each(const struct cgroup_tree *t, const char *prefix,
                void (*each)(const char *name, void *arg), void *arg);

/*
 * Open the cgroup.procs files by whose descriptors a process can enter (write
 * "0"), even after it has given up its privileges' file system. Returns how
 * many, or -errno with none open.
 */
int cgroup_procs(const struct cgroup_tree *t, const char *name,
                 int fds[CGROUP_PARTS], struct err *e);

/* Put a process in. */
int cgroup_enter(const struct cgroup_tree *t, const char *name, pid_t pid,
                 struct err *e);

/*
 * Files of one group that are read again and again, kept open: for a slot, on
 * which each domain would cost a dozen of openings. Where the functions below
 * are given none, they open and close. To be dropped when the group goes.
 */
enum cgroup_file { KEPT_CPU, KEPT_PEAK, KEPT_EVENTS, KEPT_MEMORY };
#define CGROUP_FILES 4
struct cgroup_kept {
    int fd[CGROUP_FILES]; /* -1: not yet */
    int procs[CGROUP_PARTS];
    int nprocs; /* 0: not yet */
};
#define CGROUP_KEPT_INIT                                                       \
    {                                                                          \
        .fd = { -1, -1, -1, -1 }                                               \
    }
void cgroup_kept_drop(struct cgroup_kept *kept);

/* As cgroup_procs; they are in kept->procs, and stay its own. */
int cgroup_procs_kept(const struct cgroup_tree *t, const char *name,
                      struct cgroup_kept *kept, struct err *e);

struct cgroup_limits {
    uint64_t memory_kib; /* swap included; 0 = no limit */
    uint32_t cpu_weight; /* 1 .. 10000, 100 is usual; 0 = leave it */
    uint32_t pids;       /* 0 = leave it */
};
int cgroup_limit(const struct cgroup_tree *t, const char *name,
                 const struct cgroup_limits *limits, struct err *e);

/*
 * How much CPU it may have: weight as above (0 = 100), and at most so many
 * percent of one CPU (0 = no cap).
 */
int cgroup_share(const struct cgroup_tree *t, const char *name, uint32_t weight,
                 uint32_t cap_percent, struct err *e);

/* At most so many tasks: processes, and threads that the kernel makes. */
int cgroup_tasks(const struct cgroup_tree *t, const char *name, uint32_t most);

/* Memory charged to it now. */
int cgroup_memory_kib(const struct cgroup_tree *t, const char *name,
                      struct cgroup_kept *kept, uint64_t *kib);

/*
 * What all processes that are or were in it have used. For processes that run
 * just now on other CPUs the figure may be a tick old; once they are dead it
 * is exact.
 */
int cgroup_cpu_ns(const struct cgroup_tree *t, const char *name,
                  struct cgroup_kept *kept, uint64_t *cpu_ns);

/*
 * Largest memory charged since the last reset. Version 2 before 6.12 cannot
 * reset: -EOPNOTSUPP, and a group to be used again is removed and made anew.
 */
int cgroup_peak_kib(const struct cgroup_tree *t, const char *name,
                    struct cgroup_kept *kept, uint64_t *peak_kib);
int cgroup_peak_reset(const struct cgroup_tree *t, const char *name,
                      struct cgroup_kept *kept);

/* How often the memory limit has killed in it. */
int cgroup_oom_kills(const struct cgroup_tree *t, const char *name,
                     struct cgroup_kept *kept, uint64_t *kills);

/* 1: no process in it. The second looks in one hierarchy only: enough where
 * whoever enters one enters all. */
int cgroup_empty(const struct cgroup_tree *t, const char *name);
int cgroup_empty_in(const struct cgroup_tree *t, enum cgroup_part part,
                    const char *name);

/* SIGKILL for all in it, now; they may take a moment to be gone. */
int cgroup_kill(const struct cgroup_tree *t, const char *name);

/* Is `word` in a list whose words are separated by any of `separators`? */
bool cgroup_word_in(const char *list, const char *word, const char *separators);

#endif
