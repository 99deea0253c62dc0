// SPDX-License-Identifier: ISC
/*
 * A CPU budget over processes of one domain: guest and monitor.
 *
 * Exact by perf's task-clock with a signal at its overflow that no handler
 * can catch; and, because each event covers one process only and may not be
 * permitted, by reading the clocks again whenever the rest of the budget
 * could have been used up.
 */
#ifndef MONITOR_BUDGET_H
#define MONITOR_BUDGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BUDGET_PROCESSES 2

struct budget {
    uint64_t limit_ns; // 0: none
    unsigned n;
    pid_t pid[BUDGET_PROCESSES];
    uint64_t base_ns[BUDGET_PROCESSES];
    int perf_fd[BUDGET_PROCESSES]; // -1: not permitted
};

void budget_open(struct budget *, uint64_t limit_ns);

// Counts a process from now on.
void budget_add(struct budget *, pid_t pid);

// CPU used so far by processes that still exist.
uint64_t budget_used_ns(const struct budget *);

// Nanoseconds until it makes sense to look again; 0 when it is spent;
// UINT64_MAX when there is no limit.
uint64_t budget_left_ns(const struct budget *);

// Has perf seen one process use up the budget? (Also after it died of it.)
bool budget_hit(const struct budget *);

#endif
