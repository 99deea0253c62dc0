// SPDX-License-Identifier: ISC
// poll and select: looking at files again after each event, until one of them
// is as it is wanted.
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/lock.h"
#include "unikernel-runtime/libc/cancel.h"
#include "unikernel-runtime/libc/deadline.h"
#include "unikernel-runtime/libc/result.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/select.h>

static short wanted(const struct pollfd *p, struct file *f)
{
    short now = f->ops->poll ? f->ops->poll(f) : POLLIN | POLLOUT;
    if (now & POLLIN)
        now |= POLLRDNORM;
    if (now & POLLOUT)
        now |= POLLWRNORM;
    return now & (p->events | POLLERR | POLLHUP);
}

static int look(struct pollfd *fds, nfds_t n, struct file **files)
{
    int count = 0;
    for (nfds_t i = 0; i < n; i++) {
        fds[i].revents = 0;
        if (files[i])
            fds[i].revents = wanted(&fds[i], files[i]);
        else if (fds[i].fd >= 0)
            fds[i].revents = POLLNVAL;
        count += fds[i].revents != 0;
    }
    return count;
}

static int poll_until(struct pollfd *fds, nfds_t n, uint64_t deadline_ns)
{
    struct file *few[16], **files = few;
    if (n > FD_MAX)
        return -EINVAL;
    if (n > sizeof few / sizeof *few)
        files = malloc(n * sizeof *files);
    if (!files)
        return -ENOMEM;
    for (nfds_t i = 0; i < n; i++)
        files[i] = fd_get(fds[i].fd);

    int count, r;
    do {
        r = 0;
        sched_lock();
        while (!(count = look(fds, n, files)) && !r && deadline_ns)
            r = event_wait_any(deadline_ns);
        sched_unlock();
    } while (!count && r == -EINTR && !wait_was_handled(r));

    for (nfds_t i = 0; i < n; i++)
        if (files[i])
            fd_put(files[i]);
    if (files != few)
        free(files);
    return count || r != -EINTR ? count : r;
}

// 0 means not to wait at all.
static uint64_t after_ns(uint64_t ns)
{
    return ns ? clock_real_ns() + ns : 0;
}

int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    uint64_t deadline_ns =
        timeout_ms < 0 ? SCHED_NEVER : after_ns(timeout_ms * 1000000ul);
    CANCEL_POINT(poll_until(fds, n, deadline_ns));
}

// Relative; NULL is for ever.
static int deadline_after(const struct timespec *timeout, uint64_t *deadline_ns)
{
    *deadline_ns = SCHED_NEVER;
    if (!timeout)
        return 0;
    uint64_t ns;
    if (timeout->tv_sec < 0 || timespec_ns(timeout, &ns) < 0)
        return -EINVAL;
    if (ns < SCHED_NEVER / 2)
        *deadline_ns = after_ns(ns);
    return 0;
}

// Runs `call` with `mask` in place of the thread's own.
#define MASKED(mask, call)                                                     \
    do {                                                                       \
        uint8_t before_point = cancel_enter();                                 \
        sigset_t before;                                                       \
        if (mask)                                                              \
            sigprocmask(SIG_SETMASK, mask, &before);                           \
        int masked_r = call;                                                   \
        if (mask)                                                              \
            sigprocmask(SIG_SETMASK, &before, NULL);                           \
        return result(cancel_leave(before_point, masked_r));                   \
    } while (0)

int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
          const sigset_t *mask)
{
    uint64_t deadline_ns;
    int r = deadline_after(timeout, &deadline_ns);
    if (r < 0)
        return result(r);
    MASKED(mask, poll_until(fds, n, deadline_ns));
}

static int has(const fd_set *set, int fd)
{
    return set && FD_ISSET(fd, set);
}

static int select_until(int n, fd_set *r, fd_set *w, fd_set *e,
                        uint64_t deadline_ns)
{
    if (n < 0 || n > FD_SETSIZE)
        return -EINVAL;
    struct pollfd *fds = malloc((n ? n : 1) * sizeof *fds);
    if (!fds)
        return -ENOMEM;
    nfds_t used = 0;
    for (int fd = 0; fd < n; fd++) {
        short events = (has(r, fd) ? POLLIN : 0) | (has(w, fd) ? POLLOUT : 0) |
                       (has(e, fd) ? POLLPRI : 0);
        if (events)
            fds[used++] = (struct pollfd){.fd = fd, .events = events};
    }
    int count = poll_until(fds, used, deadline_ns);
    for (nfds_t i = 0; count > 0 && i < used; i++)
        if (fds[i].revents & POLLNVAL)
            count = -EBADF;
    if (count >= 0) {
        count = 0;
        for (nfds_t i = 0; i < used; i++) {
            int fd = fds[i].fd, got = fds[i].revents;
            if (has(r, fd) && !(got & (POLLIN | POLLHUP | POLLERR)))
                FD_CLR(fd, r);
            if (has(w, fd) && !(got & (POLLOUT | POLLERR)))
                FD_CLR(fd, w);
            if (has(e, fd) && !(got & POLLPRI))
                FD_CLR(fd, e);
            count += has(r, fd) + has(w, fd) + has(e, fd);
        }
    }
    free(fds);
    return count;
}

int select(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *timeout)
{
    uint64_t deadline_ns;
    struct timespec ts;
    if (timeout) {
        if (timeout->tv_usec < 0 || timeout->tv_usec >= 1000000)
            return result(-EINVAL);
        ts = (struct timespec){timeout->tv_sec, timeout->tv_usec * 1000};
    }
    int error = deadline_after(timeout ? &ts : NULL, &deadline_ns);
    CANCEL_POINT(error < 0 ? error : select_until(n, r, w, e, deadline_ns));
}

int pselect(int n, fd_set *r, fd_set *w, fd_set *e,
            const struct timespec *timeout, const sigset_t *mask)
{
    uint64_t deadline_ns;
    int error = deadline_after(timeout, &deadline_ns);
    if (error < 0)
        return result(error);
    MASKED(mask, select_until(n, r, w, e, deadline_ns));
}
