// SPDX-License-Identifier: ISC
/*
 * The hard end of a CPU budget: perf counts the CPU time of a domain's two
 * processes and, at the budget, sends the one that used it up a signal that
 * it cannot catch, within microseconds (perf's `sigtrap`).
 *
 * Each event sees one process. So the owner looks now and then at what both
 * have used, by the same events, which read live where a control group's
 * figure is a tick old, and allows each of them what is left.
 */
#ifndef SPAWNER_CPU_WATCH_H
#define SPAWNER_CPU_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CPU_WATCH_PROCESSES 2

struct cpu_watch {
    int fd[CPU_WATCH_PROCESSES];            /* -1: none */
    uint64_t base_ns;                       /* used when they had counted 0 */
    uint64_t limit_ns[CPU_WATCH_PROCESSES]; /* its count at its end; 0: none */
};
#define CPU_WATCH_INIT                                                         \
    {                                                                          \
        .fd = { -1, -1 }                                                       \
    }

/* Events that count and end nobody before they are told when. 0, or -errno when they are not allowed;
 * then the other functions do nothing. */
int cpu_watch_open(struct cpu_watch *w, const pid_t pid[CPU_WATCH_PROCESSES]);

/* By now so much has been used. */
void cpu_watch_start(struct cpu_watch *w, uint64_t used_ns);

/* What both have used by now; 0 when nobody counts. */
uint64_t cpu_watch_used_ns(const struct cpu_watch *w);

/* Together they may use so much, what was used before the events counted
 * included. After cpu_watch_start, and again now and then. */
void cpu_watch_allow(struct cpu_watch *w, uint64_t budget_ns);

/*
 * Has the event of one of them come to its end, and so ended it? Also after
 * its death, which is when it matters: what the kernel's other clocks say then
 * can be milliseconds less on a machine that is short of CPUs.
 */
bool cpu_watch_hit(const struct cpu_watch *w);

void cpu_watch_close(struct cpu_watch *w);

#endif
