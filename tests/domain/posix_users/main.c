// SPDX-License-Identifier: ISC
// The one user, its group, its host, and the services it knows.
#include "tests/domain/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int not_allowed(int r)
{
    return r == -1 && errno == EINVAL;
}

int main(void)
{
    CHECK(getuid() == 0 && geteuid() == 0 && getgid() == 0 && getegid() == 0);
    CHECK(!setgid(0) && !setegid(0) && !seteuid(0));
    CHECK(!setreuid(0, -1) && !setregid(-1, 0));
    CHECK(not_allowed(setgid(5)) && not_allowed(seteuid(5)));
    CHECK(not_allowed(setegid(5)) && not_allowed(setreuid(5, 5)));
    CHECK(not_allowed(setregid(5, 5)));

    const struct passwd *p = getpwnam("root");
    CHECK(p && p->pw_uid == 0 && !strcmp(p->pw_dir, "/"));
    CHECK((p = getpwuid(0)) && !strcmp(p->pw_name, "root"));
    CHECK(!getpwnam("nobody") && !getpwuid(12345));
    const struct group *g = getgrnam("root");
    CHECK(g && g->gr_gid == 0);
    CHECK((g = getgrgid(0)) && !strcmp(g->gr_name, "root"));
    CHECK(!getgrnam("wheel") && !getgrgid(77));
    setgrent();
    CHECK((g = getgrent()) && g->gr_gid == 0 && !getgrent());
    setgrent();
    CHECK(getgrent());
    endgrent();
    CHECK(getlogin() && !strcmp(getlogin(), "root"));

    CHECK(getppid() >= 0 && getppid() != getpid());
    CHECK(setpgrp() == getpid() || setpgrp() == 0);
    char name[256], small[1];
    CHECK(!gethostname(name, sizeof name) && name[0]);
    CHECK(gethostname(small, 1) == -1);

    const struct protoent *proto = getprotobynumber(6);
    CHECK(proto && !strcmp(proto->p_name, "tcp") && !getprotobynumber(200));
    const struct servent *s = getservbyport(htons(80), "tcp");
    CHECK(s && !strcmp(s->s_name, "http") && ntohs(s->s_port) == 80);
    CHECK(!getservbyport(htons(81), "tcp"));
    CHECK(ntohl(htonl(0x01020304)) == 0x01020304 && htonl(1) == 0x01000000);

    // There is no urgent data here.
    int fds[2];
    CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    CHECK(sockatmark(fds[0]) == 0 && sockatmark(-1) == -1 && errno == EBADF);
    return 0;
}
