// SPDX-License-Identifier: ISC
// Leave to connect; see ticket.h.

#include "node-agent/agent/ticket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/sock.h"

#define MAGIC 0x3154454b434954ull /* "TICKET1" */

struct message {
    uint64_t magic;
    char name[NAME_MAX + 1];
};

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
};

#define NOT_ONE "it is no leave to connect to a socket"

/* ------------------------------------------------------------------ making */

static void control_add(struct cmsghdr *c, int type, const void *data,
                        size_t len)
{
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(c), data, len);
}

static int message_send(int fd, struct message *m, int dir_fd)
{
    const struct ucred self = {getpid(), geteuid(), getegid()};
    union control control = {0};
    struct iovec iov = {m, sizeof(*m)};
    struct msghdr h = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&h);

    control_add(c, SCM_RIGHTS, &dir_fd, sizeof(dir_fd));
    control_add(CMSG_NXTHDR(&h, c), SCM_CREDENTIALS, &self, sizeof(self));
    return sendmsg(fd, &h, MSG_NOSIGNAL) == sizeof(*m) ? 0 : -errno;
}

int ticket_make(const char *path, struct err *e)
{
    struct message m = {.magic = MAGIC};
    cleanup_close int dir = -1, from = -1, to = -1;
    cleanup_free char *real = realpath(path, NULL);
    struct stat st;
    char *slash;
    int pair[2], r;

    if (!real || stat(real, &st) < 0)
        return err_errno(e, "%s", path);
    if (!S_ISSOCK(st.st_mode))
        return err_set(e, ENOTSOCK, "%s: it is no socket", path);
    slash = strrchr(real, '/');
    snprintf(m.name, sizeof(m.name), "%s", slash + 1);
    slash[slash == real] = 0; // "/" stays
    dir = open(real, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_errno(e, "%s", real);
    r = sock_pair(pair);
    if (r < 0)
        return err_set(e, -r, "making a pair of sockets");
    from = pair[0];
    to = pair[1];
    r = message_send(from, &m, dir);
    if (r < 0)
        return err_set(e, -r, "describing %s: %s", path, strerror(-r));
    return steal_fd(&to);
}

/* ----------------------------------------------------------------- reading */

/* Of a peer who may have put anything into it. */
struct seen {
    struct message message;
    int dir_fd;
    struct ucred sender; /* uid -1: it did not say */
};

static void control_take(struct msghdr *h, struct seen *s)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level != SOL_SOCKET)
            continue;
        if (c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
            memcpy(&s->dir_fd, CMSG_DATA(c), sizeof(int));
        else if (c->cmsg_type == SCM_CREDENTIALS)
            memcpy(&s->sender, CMSG_DATA(c), sizeof(s->sender));
    }
}

/* Two would fit where credentials do not come: neither is kept. */
static void rights_close(struct msghdr *h)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            close(fd);
        }
    }
}

static bool name_ok(const char name[NAME_MAX + 1])
{
    return memchr(name, 0, NAME_MAX + 1) && *name && !strchr(name, '/') &&
           strcmp(name, ".") && strcmp(name, "..");
}

static int look(int fd, struct seen *s, struct err *e)
{
    union control control = {0};
    struct iovec iov = {&s->message, sizeof(s->message)};
    struct msghdr h = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof(control.bytes)};
    struct stat st;
    ssize_t n;

    s->dir_fd = -1;
    s->sender.uid = (uid_t)-1;
    n = recvmsg(fd, &h, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return err_set(e, EINVAL, NOT_ONE);
    control_take(&h, s);
    if (n == sizeof(s->message) && !(h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) &&
        s->message.magic == MAGIC && name_ok(s->message.name) &&
        s->dir_fd >= 0 && fstat(s->dir_fd, &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    rights_close(&h);
    return err_set(e, EINVAL, NOT_ONE);
}

int ticket_read(int fd, struct ticket *t, struct err *e)
{
    struct seen s;

    if (look(fd, &s, e) < 0)
        return -e->code;
    memcpy(t->name, s.message.name, sizeof(t->name));
    t->dir_fd = s.dir_fd;
    return 0;
}

int ticket_check(int fd, struct err *e)
{
    struct seen s;

    if (look(fd, &s, e) < 0)
        return -e->code;
    close(s.dir_fd);
    return 0;
}

/* -------------------------------------------------------------- connecting */

static int groups_get(int fd, struct ticket_owner *o, struct err *e)
{
    socklen_t len = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) < 0 &&
        errno != ERANGE)
        return err_errno(e, "whose groups");
    o->ngroups = len / sizeof(gid_t);
    o->groups = len ? malloc(len) : NULL;
    if (len && !o->groups)
        return err_set(e, ENOMEM, "no memory for groups");
    if (len && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, o->groups, &len) < 0) {
        free(steal_ptr(&o->groups));
        return err_errno(e, "whose groups");
    }
    return 0;
}

int ticket_owner(int fd, struct ticket_owner *o, struct err *e)
{
    const int one = 1;
    struct ucred maker;
    socklen_t len = sizeof(maker);
    struct seen s;

    *o = (struct ticket_owner){.uid = (uid_t)-1, .gid = (gid_t)-1};
    // A sender is told to those who have asked for it.
    if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &maker, &len) < 0 ||
        len != sizeof(maker))
        return err_set(e, EINVAL, NOT_ONE);
    if (look(fd, &s, e) < 0)
        return -e->code;
    close(s.dir_fd);
    if (s.sender.uid == (uid_t)-1 || s.sender.gid == (gid_t)-1 ||
        s.sender.uid != maker.uid || s.sender.gid != maker.gid)
        return err_set(e, EPERM,
                       "who made the leave to connect did not send it");
    o->uid = maker.uid;
    o->gid = maker.gid;
    return groups_get(fd, o, e);
}

int ticket_connect(const struct ticket *t, struct err *e)
{
    const struct open_how how = {
        .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    cleanup_close int at = -1, fd = -1;
    struct stat st;

    at = (int)syscall(SYS_openat2, t->dir_fd, t->name, &how, sizeof(how));
    if (at < 0)
        return err_errno(e, "%s", t->name);
    if (fstat(at, &st) < 0 || !S_ISSOCK(st.st_mode))
        return err_set(e, ENOTSOCK, "%s: it is no socket", t->name);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(e, "socket");
    // What was looked at and what is connected to are the same.
    snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d", at);
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
        return err_errno(e, "%s", t->name);
    return steal_fd(&fd);
}
