// SPDX-License-Identifier: ISC
/*
 * budget-peer NS: a Linux process that computes until the kernel ends it after
 * so much CPU time, by such an event as guards the budgets of domains. Prints
 * how many nanoseconds it had used in the end, and how long the longest moment
 * was that it was charged for and did not run in: one that a hypervisor below
 * took without saying so, or an interrupt. What this shows, this machine does
 * to everybody.
 */
#include <err.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_of(clockid_t id)
{
    struct timespec t;

    if (clock_gettime(id, &t) < 0)
        err(1, "clock_gettime");
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

// Computes for ever, and says how long it was away at the longest: by the clock
// that says how much it is charged for.
static void __attribute__((noreturn)) compute(volatile uint64_t *longest_ns)
{
    for (uint64_t last = clock_of(CLOCK_THREAD_CPUTIME_ID);;) {
        uint64_t now = clock_of(CLOCK_THREAD_CPUTIME_ID);

        if (now - last > *longest_ns)
            *longest_ns = now - last;
        last = now;
    }
}

int main(int argc, char **argv)
{
    struct perf_event_attr a = {.type = PERF_TYPE_SOFTWARE,
                                .size = sizeof(a),
                                .config = PERF_COUNT_SW_TASK_CLOCK,
                                .sample_period = INT64_MAX,
                                .sigtrap = 1,
                                .remove_on_exec = 1,
                                .wakeup_events = 1};
    uint64_t budget_ns = argc == 2 ? strtoull(argv[1], NULL, 10) : 0, from_ns;
    volatile uint64_t *longest_ns = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    siginfo_t info;
    int go[2], fd;
    clockid_t id;
    pid_t pid;
    char c;

    if (!budget_ns)
        errx(2, "usage: budget-peer NS");
    if (longest_ns == MAP_FAILED || pipe(go) < 0 || (pid = fork()) < 0)
        err(1, "a process");
    if (pid == 0) {
        close(go[1]);
        if (read(go[0], &c, 1) == 1)
            compute(longest_ns);
        _exit(1);
    }
    id = (~(clockid_t)pid << 3) | 2; // as clock_getcpuclockid makes it
    fd = syscall(SYS_perf_event_open, &a, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_PERIOD, &budget_ns) < 0)
        err(1, "a perf event");
    from_ns = clock_of(id);
    if (write(go[1], "", 1) != 1 ||
        waitid(P_PID, pid, &info, WEXITED | WNOWAIT) < 0)
        err(1, "waiting");
    if (info.si_status != SIGTRAP)
        errx(1, "it ended by %d", info.si_status);
    printf("%llu %llu\n", (unsigned long long)(clock_of(id) - from_ns),
           (unsigned long long)*longest_ns);
    return 0;
}
