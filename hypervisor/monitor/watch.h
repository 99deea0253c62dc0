// SPDX-License-Identifier: ISC
// What the monitor's loop waits for.

#ifndef MONITOR_WATCH_H
#define MONITOR_WATCH_H

#include <stdbool.h>
#include <stdint.h>

enum watch {
    WATCH_LISTEN,
    WATCH_CONTROL,
    WATCH_DOORBELL,
    WATCH_EXIT,
    WATCH_TIMER,
    WATCH_LEASE,
    WATCH_SINK,
    WATCH_SOURCE,
    WATCH_DEBUG,
    WATCH_STREAM,
    WATCH_TRACE,
    WATCH_DEVICE = 64 // and all above: of back ends, see dev/device.c
};

// Watches a descriptor, as one of enum watch or more, for epoll events. False
// for what cannot be watched because it never waits: files, /dev/null.
bool watch(int epoll_fd, int fd, uint32_t what, uint32_t events);
void unwatch(int epoll_fd, int fd);

// Sets a timerfd to an absolute time on CLOCK_MONOTONIC; one that has passed
// fires at once, UINT64_MAX disarms.
void watch_timer(int fd, uint64_t mono_ns);

#endif
