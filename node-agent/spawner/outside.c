// SPDX-License-Identifier: ISC
// Connections to back ends outside; see outside.h.

#include "node-agent/spawner/outside.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/sock.h"
#include "node-agent/agent/ticket.h"
#include "node-agent/spawner/spawner.h"

/* Until a process that connects gives up, and until nobody waits for it any
 * more: it has had its say by then, or is stuck in a file system. */
#define CONNECT_S  10
#define AWAITED_NS 12000000000ull

#define DEVICE_FDS 4 /* socket, call, one kick, and the ticket, to be kept */

/* Where the process that connects has what it needs; it keeps nothing else of
 * the spawner's open, which others wait to see closed. */
enum { TICKET_FD = 3, REPORT_FD, CONNECT_FDS };

struct report {
    uint64_t serial;
    uint32_t index; /* of the device */
    uint32_t code;  /* 0: with the connection */
    char text[256];
};

int outside_open(struct spawner *p, struct err *e)
{
    int r = sock_pair(p->outside_fd);

    if (r < 0)
        return err_set(e, -r, "making a socket for connections");
    return spawner_watch(p, p->outside_fd[0], WATCH_OUTSIDE, NULL) < 0
               ? err_errno(e, "watching connections")
               : 0;
}

/* ------------------------------------------------- the process that connects
 */

/* For good: what it does from here on it does as that user. Root stays root
 * with the spawner's capabilities, which is less than what created the domain.
 */
static int become(const struct spawner *p, struct err *e)
{
    struct ticket_owner o;

    if (ticket_owner(TICKET_FD, &o, e) < 0)
        return -e->code;
    if (o.uid >= p->cfg->uid_base &&
        o.uid - p->cfg->uid_base < UID_VOLUME(0, VOLUMES_MAX))
        return err_set(e, EPERM, "a role or a domain asks for it");
    if (setgroups(o.ngroups, o.groups) < 0 ||
        setresgid(o.gid, o.gid, o.gid) < 0 ||
        setresuid(o.uid, o.uid, o.uid) < 0)
        return err_errno(e, "becoming user %u", o.uid);
    return 0;
}

static int connect_as_owner(const struct spawner *p, struct err *e)
{
    struct ticket t;

    if (become(p, e) < 0 || ticket_read(TICKET_FD, &t, e) < 0)
        return -e->code;
    return ticket_connect(&t, e);
}

static void descriptors_place(const struct spawner *p, int ticket_fd)
{
    int ticket = fcntl(ticket_fd, F_DUPFD_CLOEXEC, CONNECT_FDS);
    int report = fcntl(p->outside_fd[1], F_DUPFD_CLOEXEC, CONNECT_FDS);

    if (dup2(ticket, TICKET_FD) < 0 || dup2(report, REPORT_FD) < 0)
        _exit(1);
    close_range(CONNECT_FDS, ~0u, 0);
}

static _Noreturn void connect_run(const struct spawner *p, int ticket_fd,
                                  uint64_t serial, uint32_t index)
{
    struct report r = {.serial = serial, .index = index};
    struct err e = {0};
    sigset_t none;
    int fd;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    alarm(CONNECT_S);
    descriptors_place(p, ticket_fd);
    fd = connect_as_owner(p, &e);
    r.code = fd < 0 ? (uint32_t)-fd : 0;
    ipc_text(r.text, fd < 0 ? e.text : "");
    sock_send(REPORT_FD, &r, sizeof(r), &fd, fd >= 0);
    _exit(0);
}

/* By a process between, so that it is nobody's of ours to wait for. */
static int connect_begin(struct spawner *p, int ticket_fd, uint64_t serial,
                         uint32_t index, struct err *e)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        pid = fork();
        if (pid == 0)
            connect_run(p, ticket_fd, serial, index);
        _exit(pid < 0);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid < 0 || status ? err_set(e, EAGAIN, "no process can be made") : 0;
}

/* ------------------------------------------------------------ of one domain */

static bool has_outside(const struct dom_devices *d)
{
    for (uint32_t i = 0; d && i < d->n; i++)
        if (device_is_outside(&d->at[i]))
            return true;
    return false;
}

int outside_begin(struct spawner *p, const struct dom_devices *devices,
                  const int *fds, struct outside **out, struct err *e)
{
    struct outside *o;

    *out = NULL;
    if (!has_outside(devices))
        return 0;
    o = calloc(1, sizeof(*o));
    if (!o)
        return err_set(e, ENOMEM, "no memory for a waiting domain");
    o->serial = ++p->outside_serial;
    o->due_ns = clock_mono_ns() + AWAITED_NS;
    for (uint32_t i = 0; i < HV_DEVICE_MAX; i++)
        o->fd[i] = -1;
    for (uint32_t i = 0; i < devices->n && !o->why.code; i++) {
        if (!device_is_outside(&devices->at[i]))
            continue;
        if (connect_begin(p, fds[i], o->serial, i, &o->why) == 0)
            o->awaited |= 1u << i;
        else
            o->failed = i;
    }
    o->next = p->outsides;
    p->outsides = o;
    spawner_wake_at(p, o->due_ns);
    *out = o;
    return 0;
}

void outside_free(struct spawner *p, struct outside *o)
{
    struct outside **at = &p->outsides;

    if (!o)
        return;
    while (*at != o)
        at = &(*at)->next;
    *at = o->next;
    for (uint32_t i = 0; i < HV_DEVICE_MAX; i++)
        if (o->fd[i] >= 0)
            close(o->fd[i]);
    free(o);
}

void outside_hear(struct spawner *p)
{
    struct outside *o = p->outsides;
    cleanup_close int fd = -1;
    struct report r;
    size_t nfds = 1;
    ssize_t n = sock_recv(p->outside_fd[0], &r, sizeof(r), &fd, &nfds);

    if (n != sizeof(r) || r.index >= HV_DEVICE_MAX || (nfds == 1) != !r.code)
        return;
    while (o && o->serial != r.serial)
        o = o->next;
    if (!o || !(o->awaited >> r.index & 1)) // nobody waits any more
        return;
    o->awaited &= ~(1u << r.index);
    r.text[sizeof(r.text) - 1] = 0;
    if (r.code) {
        o->failed = r.index;
        err_set(&o->why, (int)r.code, "%s", r.text);
    } else {
        o->fd[r.index] = steal_fd(&fd);
    }
}

bool outside_awaits(struct spawner *p, struct outside *o)
{
    if (!o || !o->awaited || o->why.code)
        return false;
    if (clock_mono_ns() >= o->due_ns) {
        o->failed = __builtin_ctz(o->awaited);
        err_set(&o->why, ETIMEDOUT, "its file system does not answer");
        return false;
    }
    spawner_wake_at(p, o->due_ns);
    return true;
}

bool outside_may_come(const struct err *why)
{
    return why->code == ENOENT || why->code == ECONNREFUSED ||
           why->code == EAGAIN || why->code == ETIMEDOUT;
}

int outside_send(int conn_fd, const struct hvc_device *m, int sock_fd,
                 int ticket_fd)
{
    cleanup_close int call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    cleanup_close int kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    const int fds[DEVICE_FDS] = {sock_fd, call, kick, ticket_fd};
    struct hvc_device d = *m;

    if (call < 0 || kick < 0)
        return -errno;
    d.flags |= HVC_D_KEPT;
    return sock_send(conn_fd, &d, sizeof(d), fds, DEVICE_FDS);
}
