// SPDX-License-Identifier: ISC
// A CPU budget; see budget.h.

#include "hypervisor/monitor/budget.h"

#include <linux/perf_event.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

// Processes run at the same time: the rest may go in a fraction of it.
// Looking more often than this costs more than it finds.
#define LOOK_MIN_NS 200000u

// As clock_getcpuclockid(3) makes it, without asking if the process exists.
static clockid_t cpu_clock(pid_t pid)
{
    return (~(clockid_t)pid << 3) | 2;
}

static uint64_t cpu_ns(pid_t pid)
{
    struct timespec t;

    if (clock_gettime(cpu_clock(pid), &t) < 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

void budget_open(struct budget *b, uint64_t limit_ns)
{
    *b = (struct budget){.limit_ns = limit_ns, .perf_fd = {-1, -1}};
}

static int perf_open(pid_t pid, uint64_t period_ns)
{
    struct perf_event_attr a = {.type = PERF_TYPE_SOFTWARE,
                                .size = sizeof(a),
                                .config = PERF_COUNT_SW_TASK_CLOCK,
                                .sample_period = period_ns,
                                .sigtrap = 1,
                                .remove_on_exec = 1,
                                .wakeup_events = 1};
    int fd =
        syscall(SYS_perf_event_open, &a, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);

    if (fd >= 0)
        return fd;
    a.exclude_kernel = 1; // what an ordinary user may have
    a.exclude_hv = 1;
    return syscall(SYS_perf_event_open, &a, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

void budget_add(struct budget *b, pid_t pid)
{
    unsigned i = b->n++;

    b->pid[i] = pid;
    b->base_ns[i] = cpu_ns(pid);
    b->perf_fd[i] = b->limit_ns ? perf_open(pid, b->limit_ns) : -1;
}

uint64_t budget_used_ns(const struct budget *b)
{
    uint64_t used = 0;

    for (unsigned i = 0; i < b->n; i++) {
        uint64_t now = cpu_ns(b->pid[i]);

        if (now > b->base_ns[i])
            used += now - b->base_ns[i];
    }
    return used;
}

uint64_t budget_left_ns(const struct budget *b)
{
    uint64_t used, left;

    if (!b->limit_ns)
        return UINT64_MAX;
    used = budget_used_ns(b);
    if (used >= b->limit_ns)
        return 0;
    left = (b->limit_ns - used) / BUDGET_PROCESSES;
    return left < LOOK_MIN_NS ? LOOK_MIN_NS : left;
}

bool budget_hit(const struct budget *b)
{
    for (unsigned i = 0; i < b->n; i++) {
        uint64_t count;

        if (b->perf_fd[i] >= 0 &&
            read(b->perf_fd[i], &count, sizeof(count)) == sizeof(count) &&
            count >= b->limit_ns)
            return true;
    }
    return false;
}
