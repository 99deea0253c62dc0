// SPDX-License-Identifier: ISC
// Connecting to back ends outside; see outside.h.

#include "hypervisor/monitor/outside.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hypervisor/monitor/qsd.h"
#include "lib/cleanup.h"
#include "lib/sock.h"

int outside_open(const struct disk *d, struct hvc_device *m,
                 int fds[OUTSIDE_BLOCK_FDS], struct err *e)
{
    cleanup_close int socket_fd = -1, call_fd = -1, kick_fd = -1;

    socket_fd = d->format == DISK_VHOST_USER
                    ? sock_connect(d->target, SOCK_STREAM, e)
                    : qsd_start(d, e);
    if (socket_fd < 0)
        return err_prefix(e, "disk");
    call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (call_fd < 0 || kick_fd < 0)
        return err_errno(e, "eventfd");
    *m = disk_outside();
    fds[0] = steal_fd(&socket_fd);
    fds[1] = steal_fd(&call_fd);
    fds[2] = steal_fd(&kick_fd);
    return 0;
}
