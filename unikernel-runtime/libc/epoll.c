// SPDX-License-Identifier: ISC
// epoll and eventfd.
#include "unikernel-runtime/fs/counter.h"
#include "unikernel-runtime/fs/epoll.h"
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/sched.h"
#include "unikernel-runtime/libc/cancel.h"
#include "unikernel-runtime/libc/result.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

_Static_assert(EPOLL_CLOEXEC == O_CLOEXEC && EFD_CLOEXEC == O_CLOEXEC &&
                   EFD_NONBLOCK == O_NONBLOCK,
               "headers cannot include <fcntl.h>");

int epoll_create1(int flags)
{
    return result(flags & ~EPOLL_CLOEXEC ? -EINVAL : epoll_open());
}

int epoll_create(int size)
{
    return size > 0 ? epoll_create1(0) : result(-EINVAL);
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    struct epoll_event none = {0};
    struct file *f = fd_get(epoll);
    if (!f)
        return result(-EBADF);
    int r = epoll == fd ? -EINVAL
                        : epoll_change(f, operation, fd, event ? event : &none);
    fd_put(f);
    return result(r);
}

int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout_ms)
{
    uint8_t before = cancel_enter();
    struct file *f = fd_get(epoll);
    if (!f)
        return result(cancel_leave(before, -EBADF));
    uint64_t deadline_ns = timeout_ms < 0 ? SCHED_NEVER
                           : timeout_ms == 0
                               ? 0
                               : clock_real_ns() + timeout_ms * 1000000ul;
    int r = epoll_collect(f, events, max, deadline_ns);
    fd_put(f);
    return result(cancel_leave(before, r));
}

int epoll_pwait(int epoll, struct epoll_event *events, int max, int timeout_ms,
                const sigset_t *mask)
{
    sigset_t before;
    if (mask)
        sigprocmask(SIG_SETMASK, mask, &before);
    int r = epoll_wait(epoll, events, max, timeout_ms);
    if (mask)
        sigprocmask(SIG_SETMASK, &before, NULL);
    return r;
}

int eventfd(unsigned count, int flags)
{
    if (flags & ~(EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC))
        return result(-EINVAL);
    return result(
        counter_open(count, flags & EFD_SEMAPHORE, flags & EFD_NONBLOCK));
}

int eventfd_read(int fd, eventfd_t *value)
{
    return read(fd, value, sizeof *value) == sizeof *value ? 0 : -1;
}

int eventfd_write(int fd, eventfd_t value)
{
    return write(fd, &value, sizeof value) == sizeof value ? 0 : -1;
}
