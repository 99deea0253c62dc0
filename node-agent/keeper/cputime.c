// SPDX-License-Identifier: ISC
// The CPU time of the agent: the supervisor, its roles, and the processes that
// these keep for themselves, by the kernel's clock of each process. Monitors,
// guests and builds are not among them: those are billed.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "lib/clock.h"
#include "node-agent/keeper/keeper.h"

// The supervisor's children: the roles, ourselves among them. The file is
// opened while that is still allowed, and read anew each time.
static int children_fd = -1;

void cputime_open(void)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)getppid(),
             (int)getppid());
    children_fd = open(path, O_RDONLY | O_CLOEXEC);
}

static uint64_t process_cpu_ns(pid_t pid)
{
    clockid_t clock;

    return clock_getcpuclockid(pid, &clock) == 0 ? clock_read_ns(clock) : 0;
}

uint64_t agent_cpu_ns(void)
{
    uint64_t sum_ns = process_cpu_ns(getppid());
    char pids[256], *at = pids;
    ssize_t n = pread(children_fd, pids, sizeof(pids) - 1, 0);
    long pid;

    if (n < 0)
        n = 0;
    pids[n] = 0;
    while ((pid = strtol(at, &at, 10)) > 0)
        sum_ns += process_cpu_ns(pid);
    return sum_ns;
}
