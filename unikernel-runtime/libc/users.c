// SPDX-License-Identifier: ISC
// The one user and the one group, who may do everything.
#include "unikernel-runtime/libc/result.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char name[] = "root", none[] = "", home[] = "/", shell[] = "/bin/sh";
static char *members[] = {name, NULL};
static struct passwd user = {.pw_name = name,
                             .pw_passwd = none,
                             .pw_comment = none,
                             .pw_gecos = none,
                             .pw_dir = home,
                             .pw_shell = shell};
static struct group group = {
    .gr_name = name, .gr_passwd = none, .gr_mem = members};

struct passwd *getpwuid(uid_t uid)
{
    return uid ? NULL : &user;
}

struct passwd *getpwnam(const char *wanted)
{
    return strcmp(wanted, name) ? NULL : &user;
}

struct group *getgrgid(gid_t gid)
{
    return gid ? NULL : &group;
}

struct group *getgrnam(const char *wanted)
{
    return strcmp(wanted, name) ? NULL : &group;
}

int issetugid(void)
{
    return 0;
}

char *getlogin(void)
{
    return name;
}

int setuid(uid_t uid)
{
    return result(uid ? -EINVAL : 0);
}

int seteuid(uid_t uid)
{
    return setuid(uid);
}

int setgid(gid_t gid)
{
    return result(gid ? -EINVAL : 0);
}

int setegid(gid_t gid)
{
    return setgid(gid);
}
