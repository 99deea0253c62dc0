// SPDX-License-Identifier: ISC
// Unix sockets: whole messages over SOCK_SEQPACKET, descriptors included.

#ifndef LIB_SOCK_H
#define LIB_SOCK_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/err.h"

// One message carries at most this many descriptors: the keeper hands the
// spawner a domain's files, 16 devices and 8 volumes; Linux would allow 253.
#define SOCK_FDS_MAX 32

// A connected pair, close-on-exec.
int sock_pair(int fds[2]);

// Sends one message; nfds may be 0. The descriptors stay the caller's.
// MSG_NOSIGNAL always; returns 0 or -errno (-EAGAIN on a full non-blocking
// socket: nothing was sent).
int sock_send(int fd, const void *data, size_t len, const int *fds,
              size_t nfds);

// Receives one message and returns its length; 0: the peer closed (an empty
// message is never sent). *nfds: in, room in fds; out, how many came. What
// does not fit is closed and -EMSGSIZE returned, as for a message longer
// than len (then all of its descriptors are closed). fds may be NULL.
ssize_t sock_recv(int fd, void *data, size_t len, int *fds, size_t *nfds);

// Listening (an old socket file is replaced) and connecting, by type:
// SOCK_STREAM or SOCK_SEQPACKET, may carry SOCK_NONBLOCK. Return the
// descriptor or a negative code.
int sock_listen(const char *path, int type, mode_t mode, struct err *e);
int sock_connect(const char *path, int type, struct err *e);

// Is this numeric address one that only this machine can reach? 1 or 0.
int sock_loopback(const char *host);

// Who is at the other end, by the kernel.
int sock_peer(int fd, pid_t *pid, uid_t *uid);

#endif
