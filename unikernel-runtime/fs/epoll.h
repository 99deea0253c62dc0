// SPDX-License-Identifier: ISC
// Sets of files to wait for.
#ifndef RT_EPOLL_H
#define RT_EPOLL_H

#include <stdint.h>

struct file;
struct epoll_event;

// A new descriptor, or an error.
int epoll_open(void);

// EPOLL_CTL_*, as epoll_ctl(2); -EINVAL if `set` is of another kind.
int epoll_change(struct file *set, int operation, int fd,
                 const struct epoll_event *event);

// How many of `events` were filled; 0 when the deadline (of the real clock; 0:
// no wait) has passed; -EINTR.
int epoll_collect(struct file *set, struct epoll_event *events, int max,
                  uint64_t deadline_ns);

#endif
