// SPDX-License-Identifier: ISC
/*
 * The hard end of a CPU budget: perf counts the CPU time of a domain's two
 * processes and, at the budget, sends the one that used it up a signal that
 * it cannot catch, within microseconds (perf's `sigtrap`).
 *
 * Each event sees one process; the sum is what the spawner's own looks are
 * for (slot.c), and all there is where the kernel does not allow events.
 */
#ifndef SPAWNER_CPU_WATCH_H
#define SPAWNER_CPU_WATCH_H

#include <stdint.h>
#include <sys/types.h>

#define CPU_WATCH_PROCESSES 2

struct cpu_watch {
    int fd[CPU_WATCH_PROCESSES]; /* -1: none */
};
#define CPU_WATCH_INIT                                                         \
    {                                                                          \
        .fd = { -1, -1 }                                                       \
    }

/* Prepare events, not counting yet. 0, or -errno when they are not allowed. */
int cpu_watch_open(struct cpu_watch *w, const pid_t pid[CPU_WATCH_PROCESSES]);

/* Each of the processes may use so much from now on. */
void cpu_watch_start(struct cpu_watch *w, uint64_t cpu_ns);

void cpu_watch_close(struct cpu_watch *w);

#endif
