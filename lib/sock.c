// SPDX-License-Identifier: ISC
// Unix sockets; see sock.h.

#include "lib/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/cleanup.h"

union sock_control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int) * SOCK_FDS_MAX)];
};

int sock_pair(int fds[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return -errno;
    return 0;
}

int sock_send(int fd, const void *data, size_t len, const int *fds, size_t nfds)
{
    union sock_control control = {0};
    struct iovec iov = {.iov_base = (void *)data, .iov_len = len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n;

    if (nfds > SOCK_FDS_MAX || len == 0)
        return -EINVAL;
    if (nfds) {
        struct cmsghdr *c;

        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
    }
    do {
        n = sendmsg(fd, &msg, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    return (size_t)n == len ? 0 : -EMSGSIZE;
}

ssize_t sock_recv(int fd, void *data, size_t len, int *fds, size_t *nfds)
{
    union sock_control control = {0};
    struct iovec iov = {.iov_base = data, .iov_len = len};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof(control.bytes)};
    size_t room = fds && nfds ? *nfds : 0, got = 0;
    int surplus = 0;
    ssize_t n;

    do {
        n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (nfds)
        *nfds = 0;
    if (n < 0)
        return -errno;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
            int got_fd;

            memcpy(&got_fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (got < room) {
                fds[got++] = got_fd;
            } else {
                close(got_fd);
                surplus++;
            }
        }
    }
    if (surplus || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
        while (got)
            close(fds[--got]);
        return -EMSGSIZE;
    }
    if (nfds)
        *nfds = got;
    return n;
}

static int sock_address(const char *path, struct sockaddr_un *a, struct err *e)
{
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(a->sun_path))
        return err_set(e, ENAMETOOLONG,
                       "%s: a socket's path may have at most %zu bytes", path,
                       sizeof(a->sun_path) - 1);
    strcpy(a->sun_path, path);
    return 0;
}

int sock_listen(const char *path, int type, mode_t mode, struct err *e)
{
    cleanup_close int fd = -1;
    struct sockaddr_un a;
    struct stat st;
    int r = sock_address(path, &a, e);

    if (r < 0)
        return r;
    fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(e, "socket");
    // Replace a dead node's socket, never another kind of file.
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
        return err_errno(e, "listening on %s", path);
    if (chmod(path, mode) < 0 || listen(fd, 128) < 0)
        return err_errno(e, "listening on %s", path);
    return steal_fd(&fd);
}

int sock_connect(const char *path, int type, struct err *e)
{
    cleanup_close int fd = -1;
    struct sockaddr_un a;
    int r = sock_address(path, &a, e);

    if (r < 0)
        return r;
    fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(e, "socket");
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
        return err_errno(e, "connecting to %s", path);
    return steal_fd(&fd);
}

int sock_peer(int fd, pid_t *pid, uid_t *uid)
{
    struct ucred c;
    socklen_t len = sizeof(c);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &len) < 0)
        return -errno;
    *pid = c.pid;
    *uid = c.uid;
    return 0;
}

int sock_loopback(const char *host)
{
    struct in6_addr v6;
    struct in_addr v4;

    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}
