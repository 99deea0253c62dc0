// SPDX-License-Identifier: ISC
// What the monitor's loop waits for; see watch.h.

#include "hypervisor/monitor/watch.h"

#include <stddef.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

bool watch(int epoll_fd, int fd, uint32_t what, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.u32 = what};

    return fd >= 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0;
}

void unwatch(int epoll_fd, int fd)
{
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

void watch_timer(int fd, uint64_t mono_ns)
{
    struct itimerspec t = {0};

    if (mono_ns == 0)
        mono_ns = 1; // 0 would disarm
    if (mono_ns <= INT64_MAX) {
        t.it_value.tv_sec = mono_ns / 1000000000u;
        t.it_value.tv_nsec = mono_ns % 1000000000u;
    }
    timerfd_settime(fd, TFD_TIMER_ABSTIME, &t, NULL);
}
