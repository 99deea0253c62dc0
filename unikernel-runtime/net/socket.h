// SPDX-License-Identifier: ISC
/*
 * Sockets: a kind of open file, of which each protocol is a kind in turn.
 *
 * Functions return 0 or more, or -errno. Those of a protocol are called with
 * the network locked.
 */
#ifndef RT_SOCKET_H
#define RT_SOCKET_H

#include "unikernel-runtime/kernel/sched.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

struct file;
struct iovec;
struct extent;
struct socket;

// A name of a socket, of any family.
struct name {
    socklen_t len;
    union {
        struct sockaddr any;
        struct sockaddr_storage storage;
    };
};

// What is to be sent or received: `len` bytes in `n` parts.
struct parts {
    const struct iovec *part;
    int n;
    size_t len;
    struct extent *extent; // they lie in it, to be sent from there; or NULL
};

struct socket_ops {
    size_t size; // of the protocol's struct, which begins with struct socket
    size_t room; // SO_RCVBUF, SO_SNDBUF at first
    int extents; // `send` takes parts that lie in one
    int (*open)(struct socket *s);   // makes the protocol's own part of it
    void (*close)(struct socket *s); // and frees s, now or later
    int (*bind)(struct socket *s, const struct name *to);
    int (*listen)(struct socket *s, int backlog);
    int (*accept)(struct socket *s, struct socket **out, int flags);
    int (*connect)(struct socket *s, const struct name *to, int flags);
    int (*shutdown)(struct socket *s, int how);
    ssize_t (*send)(struct socket *s, const struct parts *p,
                    const struct name *to, int flags);
    // *flags: MSG_* in, MSG_TRUNC out; `from` may be NULL.
    ssize_t (*receive)(struct socket *s, const struct parts *p,
                       struct name *from, int *flags);
    int (*name)(struct socket *s, struct name *out, int peer);
    // -ENOPROTOOPT for those that socket_option.c shall look at.
    int (*set)(struct socket *s, int level, int option, int value);
    int (*get)(struct socket *s, int level, int option, int *value);
    size_t (*readable)(struct socket *s); // bytes, for FIONREAD
    short (*poll)(struct socket *s);      // the scheduler is locked
};

struct socket {
    const struct socket_ops *ops;
    struct file *file; // NULL while nobody has a descriptor of it
    int family, type, protocol;
    int error; // SO_ERROR: errno of what went wrong since it was last asked
    uint8_t read_shut, write_shut; // no more will come, may be sent
    uint8_t listening, broadcast, reuse_port, v6_only;
    struct waitq readers, writers;
    uint64_t receive_timeout_ns, send_timeout_ns; // 0: none
    struct linger linger;
    size_t receive_room, send_room; // SO_RCVBUF, SO_SNDBUF
};

// By family, type and protocol; NULL and an error.
const struct socket_ops *socket_kind(int family, int type, int *protocol,
                                     int *error);

extern const struct socket_ops tcp_ops, udp_ops, raw_ops, pair_ops;

// A socket of which `open` has not been called yet, or NULL.
struct socket *socket_new(const struct socket_ops *ops, int family, int type,
                          int protocol);

// A descriptor for `s`, which is closed if there is none. `flags`: O_NONBLOCK.
int socket_publish(struct socket *s, int flags);

int socket_open(int family, int type, int protocol);

// The socket behind a descriptor's file, or NULL.
struct socket *socket_of(struct file *f);

// Network locked: whoever waits for `s` looks again.
void socket_changed(struct socket *s);

// Network locked: sleeps in `q` until the socket has changed. `deadline_ns` by
// socket_deadline. -EAGAIN when that has passed or flags have MSG_DONTWAIT.
uint64_t socket_deadline(uint64_t timeout_ns);
int socket_wait(struct waitq *q, uint64_t deadline_ns, int flags);

// Takes the pending error: 0, or negative.
int socket_error_take(struct socket *s);

// Between parts and other memory: `len` bytes from or to offset `at`.
void parts_get(const struct parts *p, size_t at, void *to, size_t len);
void parts_put(const struct parts *p, size_t at, const void *from, size_t len);

int socket_option_set(struct socket *s, int level, int option,
                      const void *value, socklen_t len);
int socket_option_get(struct socket *s, int level, int option, void *value,
                      socklen_t *len);

int pair_open(int type, int flags, int fds[2]);

#endif
