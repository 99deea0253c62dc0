// SPDX-License-Identifier: ISC
// From POSIX's points in time to the kernel's deadlines.
#ifndef RT_DEADLINE_H
#define RT_DEADLINE_H

#include <stdint.h>
#include <time.h>

// `until`, by the wall clock or by the real clock, as a deadline of the real
// clock: 0, or -EINVAL.
int deadline_of(const struct timespec *until, int monotonic,
                uint64_t *deadline_ns);

// ns of a relative time, or of one since a clock's start; -EINVAL.
int timespec_ns(const struct timespec *ts, uint64_t *ns);

#endif
