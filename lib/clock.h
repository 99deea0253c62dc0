// SPDX-License-Identifier: ISC
// Clocks in nanoseconds.

#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_read_ns(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

// Since boot, never set back: for durations and deadlines.
static inline uint64_t clock_mono_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC);
}

// Since boot, sleep of the machine included: for how much time went by between
// two readings of the real clock.
static inline uint64_t clock_boot_ns(void)
{
    return clock_read_ns(CLOCK_BOOTTIME);
}

// Since 1970: for what people and other machines read. It may be set, ahead or
// back, at any moment: lib/clock_watch.h tells.
static inline uint64_t clock_real_ns(void)
{
    return clock_read_ns(CLOCK_REALTIME);
}

#endif
