// SPDX-License-Identifier: ISC
// Leave to connect: to what it was made for, as who made it; and nothing that
// a peer passes in its place is taken for one.

#include "node-agent/agent/ticket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/sock.h"
#include "tests/unit/lib_check.h"

static char dir[] = "/tmp/hostel-ticket-XXXXXX";
static char path[64], other[64];

static int listen_at(const char *at)
{
    int fd;

    CHECK_WORKS(fd = sock_listen(at, SOCK_STREAM, 0666, e));
    return fd;
}

static int connects(int ticket, struct err *e)
{
    struct ticket t;
    int fd;

    if (ticket_read(ticket, &t, e) < 0)
        return -e->code;
    fd = ticket_connect(&t, e);
    close(t.dir_fd);
    return fd;
}

static bool connected(int listen_fd, int fd)
{
    int with = accept(listen_fd, NULL, NULL);
    bool same = write(fd, "x", 1) == 1 && read(with, &(char){0}, 1) == 1;

    close(with);
    close(fd);
    return same;
}

static void test_good(void)
{
    int l = listen_at(path), ticket, fd;
    struct ticket_owner o;
    struct ticket t;

    CHECK_WORKS(ticket = ticket_make(path, e));
    for (int i = 0; i < 3; i++) { // as often as anybody likes
        CHECK_WORKS(ticket_check(ticket, e));
        CHECK_WORKS(ticket_read(ticket, &t, e));
        CHECK(!strcmp(t.name, "socket"));
        close(t.dir_fd);
        CHECK_WORKS(ticket_owner(ticket, &o, e));
        CHECK(o.uid == geteuid() && o.gid == getegid());
        CHECK(o.ngroups == (size_t)getgroups(0, NULL));
        free(o.groups);
        CHECK_WORKS(fd = connects(ticket, e));
        CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
        CHECK(connected(l, fd));
    }

    // The daemon goes, and comes again.
    close(l);
    CHECK_FAILS(connects(ticket, e), "refused");
    unlink(path);
    CHECK_FAILS(connects(ticket, e), "No such file");
    l = listen_at(path);
    CHECK_WORKS(fd = connects(ticket, e));
    CHECK(connected(l, fd));
    close(l);

    // Something else is there.
    unlink(path);
    l = listen_at(other);
    CHECK(symlink(other, path) == 0);
    CHECK_FAILS(connects(ticket, e), "it is no socket");
    unlink(path);
    CHECK(mkdir(path, 0700) == 0);
    CHECK_FAILS(connects(ticket, e), "it is no socket");
    rmdir(path);
    close(ticket);

    // A link at the time it is made is what it leads to.
    CHECK(symlink(other, path) == 0);
    CHECK_WORKS(ticket = ticket_make(path, e));
    unlink(path);
    CHECK_WORKS(fd = connects(ticket, e));
    CHECK(connected(l, fd));
    close(ticket);

    // Nobody takes who waits: nobody waits for that.
    CHECK_WORKS(ticket = ticket_make(other, e));
    CHECK(listen(l, 0) == 0);
    CHECK_WORKS(fd = connects(ticket, e));
    CHECK_FAILS(connects(ticket, e), "temporarily unavailable");
    close(fd);
    close(ticket);
    close(l);
    unlink(other);
}

static void test_made_of(void)
{
    CHECK_FAILS(ticket_make("/nonexistent/x", e), "/nonexistent/x: No such");
    CHECK_FAILS(ticket_make("/", e), "it is no socket");
    CHECK_FAILS(ticket_make("/dev/null", e), "it is no socket");
}

// What a ticket's message looks like on its way, changed in one place.
struct raw {
    uint64_t magic;
    char name[256];
};

struct parts {
    struct raw m;
    size_t len;
    int fd[2], nfds;
    bool credentials;
};

static struct parts good(void)
{
    return (struct parts){.m = {0x3154454b434954ull, "socket"},
                          .len = sizeof(struct raw),
                          .fd = {open(dir, O_PATH | O_CLOEXEC), -1},
                          .nfds = 1,
                          .credentials = true};
}

static void parts_send(int to, const struct parts *p)
{
    const struct ucred self = {getpid(), geteuid(), getegid()};
    char control[CMSG_SPACE(8) + CMSG_SPACE(sizeof(self))] = {0};
    struct iovec iov = {(void *)&p->m, p->len};
    struct msghdr h = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control};
    struct cmsghdr *c = (struct cmsghdr *)control;
    size_t bytes = sizeof(int) * p->nfds;

    if (p->nfds) {
        *c = (struct cmsghdr){CMSG_LEN(bytes), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(c), p->fd, bytes);
        h.msg_controllen += CMSG_SPACE(bytes);
    }
    if (p->credentials) {
        c = (struct cmsghdr *)(control + h.msg_controllen);
        *c = (struct cmsghdr){CMSG_LEN(sizeof(self)), SOL_SOCKET,
                              SCM_CREDENTIALS};
        memcpy(CMSG_DATA(c), &self, sizeof(self));
        h.msg_controllen += CMSG_SPACE(sizeof(self));
    }
    if (!h.msg_controllen)
        h.msg_control = NULL;
    CHECK(sendmsg(to, &h, 0) == (ssize_t)p->len);
}

// The end that goes on its way.
static int made_of(struct parts p, int type)
{
    int pair[2];

    CHECK(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) == 0);
    if (p.len)
        parts_send(pair[0], &p);
    close(pair[0]);
    for (int i = 0; i < p.nfds; i++)
        close(p.fd[i]);
    return pair[1];
}

static void is_none(int fd)
{
    struct ticket_owner o;

    CHECK(fd >= 0);
    CHECK_FAILS(ticket_check(fd, e), "no leave to connect");
    CHECK_FAILS(ticket_owner(fd, &o, e), "no leave to connect");
    close(fd);
}

#define NONE(change)                                                           \
    do {                                                                       \
        struct parts p = good();                                               \
                                                                               \
        change;                                                                \
        is_none(made_of(p, SOCK_SEQPACKET));                                   \
    } while (0)

static void test_others(void)
{
    struct parts anonymous = good();
    struct ticket_owner o;
    int fd = made_of(good(), SOCK_SEQPACKET);

    CHECK_WORKS(ticket_check(fd, e)); // or the rest proves nothing
    CHECK_WORKS(ticket_owner(fd, &o, e));
    free(o.groups);
    close(fd);
    NONE(p.m.magic++);
    NONE(p.m.name[0] = 0);
    NONE(strcpy(p.m.name, "."));
    NONE(strcpy(p.m.name, ".."));
    NONE(strcpy(p.m.name, "a/b"));
    NONE(memset(p.m.name, 'x', sizeof(p.m.name)));
    NONE(p.len--);
    NONE(p.len = 1);
    NONE((close(p.fd[0]), p.nfds = 0, p.len = 0));
    NONE((close(p.fd[0]), p.nfds = 0));
    NONE((close(p.fd[0]), p.fd[0] = open("/dev/null", O_RDONLY)));
    NONE((p.fd[1] = dup(p.fd[0]), p.nfds = 2));
    NONE((p.fd[1] = dup(p.fd[0]), p.nfds = 2, p.credentials = false));
    is_none(open("/dev/null", O_RDWR));
    is_none(socket(AF_INET, SOCK_DGRAM, 0));

    // Nobody says who sent it.
    anonymous.credentials = false;
    fd = made_of(anonymous, SOCK_SEQPACKET);
    CHECK_WORKS(ticket_check(fd, e));
    if (geteuid() != 65534)
        CHECK_FAILS(ticket_owner(fd, &o, e), "did not send it");
    close(fd);
}

// In a process of its own, as somebody else.
static int as_user(uid_t uid, int (*run)(int), int fd)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
            setresuid(uid, uid, uid) < 0)
            _exit(100);
        _exit(run(fd));
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int connect_fails(int ticket)
{
    struct err e = {0};

    return connects(ticket, &e) < 0 ? e.code : 0;
}

static int send_forged(int fd)
{
    struct parts p = good();

    parts_send(fd, &p);
    return 0;
}

static int make_pass(int fd)
{
    int ticket;
    struct err e;

    ticket = ticket_make(path, &e);
    return ticket < 0 || sock_send(fd, "t", 1, &ticket, 1) < 0;
}

static void test_rights(void)
{
    struct ticket_owner o;
    int l, ticket, pair[2], fd = -1;
    size_t n = 1;
    char t;

    if (geteuid() != 0) {
        puts("not as root: others' rights are not tried");
        return;
    }
    l = listen_at(path);
    chmod(dir, 0755);
    CHECK_WORKS(ticket = ticket_make(path, e));

    // By the folder's handle it is found, and still is not open to others.
    CHECK(as_user(1234, connect_fails, ticket) == 0);
    close(accept(l, NULL, NULL));
    CHECK(chmod(path, 0600) == 0);
    CHECK(as_user(1234, connect_fails, ticket) == EACCES);
    close(ticket);

    // Another's ticket is another's.
    chmod(path, 0666);
    CHECK(sock_pair(pair) == 0);
    CHECK(as_user(1234, make_pass, pair[0]) == 0);
    CHECK(sock_recv(pair[1], &t, 1, &fd, &n) == 1 && n == 1);
    CHECK_WORKS(ticket_owner(fd, &o, e));
    CHECK(o.uid == 1234 && o.gid == 1234 && o.ngroups == 0);
    free(o.groups);
    close(fd);

    // A pair that root made, and what somebody else says.
    CHECK(as_user(1234, send_forged, pair[0]) == 0);
    CHECK_WORKS(ticket_check(pair[1], e));
    CHECK_FAILS(ticket_owner(pair[1], &o, e), "did not send it");
    close(pair[0]);
    close(pair[1]);
    close(l);
    unlink(path);
}

int main(void)
{
    int before = fds_open();

    CHECK(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/socket", dir);
    snprintf(other, sizeof(other), "%s/other", dir);
    test_good();
    test_made_of();
    test_others();
    test_rights();
    CHECK(fds_open() == before);
    CHECK(rmdir(dir) == 0);
    return 0;
}
