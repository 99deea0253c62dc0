// SPDX-License-Identifier: ISC
// Clocks that a test sets: included by one file of a unit test, it stands in
// for libc's. The program under test is the one that users run.
#ifndef TESTS_UNIT_CLOCK_SHIFT_H
#define TESTS_UNIT_CLOCK_SHIFT_H

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SHIFT_HOUR_NS (3600ll * 1000000000)
#define SHIFT_DAY_NS  (24 * SHIFT_HOUR_NS)

// Added to the real clock (somebody sets it), and to all (time goes by).
static int64_t shift_set_ns, shift_pass_ns;

int clock_gettime(clockid_t id, struct timespec *t)
{
    long r = syscall(SYS_clock_gettime, id, t);
    int64_t ns;

    if (r < 0 ||
        (id != CLOCK_REALTIME && id != CLOCK_MONOTONIC && id != CLOCK_BOOTTIME))
        return (int)r;
    ns = t->tv_sec * 1000000000ll + t->tv_nsec + shift_pass_ns;
    if (id == CLOCK_REALTIME)
        ns += shift_set_ns;
    t->tv_sec = ns / 1000000000;
    t->tv_nsec = ns % 1000000000;
    return 0;
}

time_t time(time_t *out)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    if (out)
        *out = t.tv_sec;
    return t.tv_sec;
}

#endif
