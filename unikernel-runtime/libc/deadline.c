// SPDX-License-Identifier: ISC
// From POSIX's points in time to the kernel's deadlines.
#include "unikernel-runtime/libc/deadline.h"
#include "unikernel-runtime/kernel/clock.h"

#include <errno.h>

int timespec_ns(const struct timespec *ts, uint64_t *ns)
{
    if (ts->tv_nsec < 0 || ts->tv_nsec >= (long)NS_PER_S)
        return -EINVAL;
    *ns = UINT64_MAX - 1; // as good as never, and not SCHED_NEVER
    if (ts->tv_sec < 0)
        *ns = 0;
    else if ((uint64_t)ts->tv_sec < UINT64_MAX / NS_PER_S)
        *ns = ts->tv_sec * NS_PER_S + ts->tv_nsec;
    return 0;
}

int deadline_of(const struct timespec *until, int monotonic,
                uint64_t *deadline_ns)
{
    uint64_t ns;
    int r = timespec_ns(until, &ns);
    if (r < 0)
        return r;
    if (!monotonic) {
        uint64_t wall = clock_wall_ns(), left = ns > wall ? ns - wall : 0;
        uint64_t now = clock_real_ns();
        ns = left > UINT64_MAX - 1 - now ? UINT64_MAX - 1 : now + left;
    }
    *deadline_ns = ns;
    return 0;
}
