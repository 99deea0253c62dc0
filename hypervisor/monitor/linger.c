// SPDX-License-Identifier: ISC
// Outliving the domain, for its devices; see linger.h.

#include "hypervisor/monitor/linger.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hypervisor/monitor/controller.h"
#include "lib/clock.h"
#include "lib/sock.h"

// Room for a message, of which nothing is read but the head: with less it
// would count as damaged.
static union {
    struct hvc_head head;
    struct hvc_prepare prepare;
    struct hvc_input input;
} heard DEVICE_MEMORY;

// What a controller may pass along.
#define FDS_MAX HVC_KEEP_FDS

static void hang_up(struct monitor *m)
{
    if (m->conn_fd >= 0)
        close(m->conn_fd);
    m->conn_fd = -1;
}

// True: it has all it wants.
static bool hear(struct monitor *m)
{
    int fds[FDS_MAX];
    size_t nfds = FDS_MAX;
    ssize_t n = sock_recv(m->conn_fd, &heard, sizeof(heard), fds, &nfds);

    for (size_t i = 0; n > 0 && i < nfds; i++)
        close(fds[i]);
    if (n == -EAGAIN || n == -EMSGSIZE)
        return false;
    if (n < (ssize_t)sizeof(heard.head)) {
        hang_up(m);
        return false;
    }
    if (heard.head.type == HVC_GIVE)
        controller_give(m);
    return heard.head.type == HVC_GIVE || heard.head.type == HVC_STOP;
}

// The next one, or the old one's successor.
static void greet(struct monitor *m)
{
    int fd = accept4(m->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    hang_up(m);
    m->conn_fd = fd;
    if (controller_ready(m) < 0)
        hang_up(m);
}

void linger(struct monitor *m)
{
    const uint64_t until_ns = clock_mono_ns() + LINGER_MS * 1000000ull;

    hang_up(m);
    m->state = HVC_DEAD;
    for (uint64_t now_ns; (now_ns = clock_mono_ns()) < until_ns;) {
        struct pollfd p[2] = {{.fd = m->listen_fd, .events = POLLIN},
                              {.fd = m->conn_fd, .events = POLLIN}};

        if (poll(p, 2, (until_ns - now_ns) / 1000000 + 1) <= 0)
            continue;
        if (p[1].revents && hear(m))
            return;
        if (p[0].revents)
            greet(m);
    }
}
