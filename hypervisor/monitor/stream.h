// SPDX-License-Identifier: ISC
// Streams to whoever looks inside a domain (HVC_ATTACH), by the system calls
// a monitor has; they never wait.

#ifndef MONITOR_STREAM_H
#define MONITOR_STREAM_H

#include <sys/socket.h>
#include <sys/types.h>

static inline ssize_t stream_send(int fd, const void *data, size_t len)
{
    struct iovec iov = {(void *)data, len};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

    return sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static inline ssize_t stream_recv(int fd, void *data, size_t len)
{
    struct iovec iov = {data, len};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

    return recvmsg(fd, &m, MSG_DONTWAIT);
}

#endif
