// SPDX-License-Identifier: ISC
// CPU budgets by perf events; see cpu_watch.h.

#include "node-agent/spawner/cpu_watch.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// The event's timer and its count are of two clocks: this much may be missing
// from the count when the timer fires. On a virtual machine that is itself
// short of CPUs it was more than a tenth of a millisecond, once in hundreds.
#define TIMER_NS 500000u

// Between what a process may use and what the kernel was told, at most; and how
// often to tell it.
#define SLIP_NS    20000u
#define TELL_TRIES 8

static int event_open(pid_t pid)
{
    struct perf_event_attr a = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof(a),
        .config = PERF_COUNT_SW_TASK_CLOCK,
        .sample_period = INT64_MAX, /* the real one comes with the start */
        .sigtrap = 1,
        .remove_on_exec = 1, /* sigtrap asks for it */
        .wakeup_events = 1,
    };
    int fd =
        syscall(SYS_perf_event_open, &a, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

static uint64_t count_read(int fd)
{
    uint64_t count;

    return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

int cpu_watch_open(struct cpu_watch *w, const pid_t pid[CPU_WATCH_PROCESSES])
{
    *w = (struct cpu_watch)CPU_WATCH_INIT;
    for (int i = 0; i < CPU_WATCH_PROCESSES; i++) {
        int fd = pid[i] > 0 ? event_open(pid[i]) : -ESRCH;

        if (fd < 0) {
            cpu_watch_close(w);
            return fd;
        }
        w->fd[i] = fd;
    }
    return 0;
}

// They have counted since they were made: to tell them when to begin is an
// interrupt of another CPU for each.
void cpu_watch_start(struct cpu_watch *w, uint64_t used_ns)
{
    for (int i = 0; i < CPU_WATCH_PROCESSES; i++)
        if (w->fd[i] >= 0)
            used_ns -= count_read(w->fd[i]);
    w->base_ns = used_ns; // less than nothing, perhaps: the sum is not
}

uint64_t cpu_watch_used_ns(const struct cpu_watch *w)
{
    uint64_t used = w->base_ns, count;

    for (int i = 0; i < CPU_WATCH_PROCESSES; i++) {
        if (w->fd[i] < 0 ||
            read(w->fd[i], &count, sizeof(count)) != sizeof(count))
            return 0;
        used += count;
    }
    return used;
}

// The period is reckoned from the moment that the kernel hears of it, and the
// process runs meanwhile: if we were held up it is told again, what is left
// now.
static void limit_set(struct cpu_watch *w, int i, uint64_t limit_ns)
{
    uint64_t count = count_read(w->fd[i]), before;

    for (int n = 0; n < TELL_TRIES; n++) {
        uint64_t left_ns = limit_ns > count ? limit_ns - count : 1;

        before = count;
        ioctl(w->fd[i], PERF_EVENT_IOC_PERIOD, &left_ns);
        count = count_read(w->fd[i]);
        if (count - before < SLIP_NS)
            break;
    }
    w->limit_ns[i] = limit_ns;
}

void cpu_watch_allow(struct cpu_watch *w, uint64_t budget_ns)
{
    uint64_t count[CPU_WATCH_PROCESSES], limit_ns = budget_ns - w->base_ns;

    for (int i = 0; i < CPU_WATCH_PROCESSES; i++) {
        count[i] = w->fd[i] < 0 ? 0 : count_read(w->fd[i]);
        limit_ns -= count[i];
    }
    // Each is at its limit when it has used all that the others have not. Of
    // one that computes, while its monitor sleeps, this does not change, and
    // then it is not told again either.
    for (int i = 0; i < CPU_WATCH_PROCESSES; i++) {
        uint64_t to_ns = limit_ns + count[i];

        if (w->fd[i] < 0)
            continue;
        if (!w->limit_ns[i] || to_ns > w->limit_ns[i] ||
            w->limit_ns[i] - to_ns > SLIP_NS)
            limit_set(w, i, to_ns);
    }
}

bool cpu_watch_hit(const struct cpu_watch *w)
{
    for (int i = 0; i < CPU_WATCH_PROCESSES; i++)
        if (w->fd[i] >= 0 && w->limit_ns[i] &&
            count_read(w->fd[i]) + TIMER_NS >= w->limit_ns[i])
            return true;
    return false;
}

void cpu_watch_close(struct cpu_watch *w)
{
    for (int i = 0; i < CPU_WATCH_PROCESSES; i++) {
        if (w->fd[i] >= 0)
            close(w->fd[i]);
        w->fd[i] = -1;
    }
}
