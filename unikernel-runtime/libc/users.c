// SPDX-License-Identifier: ISC
// The one user and the one group, who may do everything.
#include "unikernel-runtime/libc/result.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <stdint.h>
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

int setreuid(uid_t real, uid_t effective)
{
    // -1 leaves one as it is; the types are short.
    return result((uint16_t)(real + 1) > 1 || (uint16_t)(effective + 1) > 1
                      ? -EINVAL
                      : 0);
}

int setregid(gid_t real, gid_t effective)
{
    // -1 leaves one as it is; the types are short.
    return result((uint16_t)(real + 1) > 1 || (uint16_t)(effective + 1) > 1
                      ? -EINVAL
                      : 0);
}

// No groups besides the one.
int getgroups(int n, gid_t *groups)
{
    (void)n, (void)groups;
    return 0;
}

int setgroups(int n, const gid_t *groups)
{
    (void)groups;
    return result(n ? -EINVAL : 0);
}

int initgroups(const char *wanted, gid_t gid)
{
    (void)wanted;
    return result(gid ? -EINVAL : 0);
}

int getlogin_r(char *out, size_t len)
{
    return strlcpy(out, name, len) < len ? 0 : ERANGE;
}

// The strings of both are static, so `data` is not needed.
static int user_copy(const struct passwd *found, struct passwd *out,
                     struct passwd **result_out)
{
    if (found)
        *out = *found;
    *result_out = found ? out : NULL;
    return 0;
}

int getpwnam_r(const char *wanted, struct passwd *out, char *data, size_t len,
               struct passwd **found)
{
    (void)data, (void)len;
    return user_copy(getpwnam(wanted), out, found);
}

int getpwuid_r(uid_t uid, struct passwd *out, char *data, size_t len,
               struct passwd **found)
{
    (void)data, (void)len;
    return user_copy(getpwuid(uid), out, found);
}

static int group_copy(const struct group *found, struct group *out,
                      struct group **result_out)
{
    if (found)
        *out = *found;
    *result_out = found ? out : NULL;
    return 0;
}

int getgrnam_r(const char *wanted, struct group *out, char *data, size_t len,
               struct group **found)
{
    (void)data, (void)len;
    return group_copy(getgrnam(wanted), out, found);
}

int getgrgid_r(gid_t gid, struct group *out, char *data, size_t len,
               struct group **found)
{
    (void)data, (void)len;
    return group_copy(getgrgid(gid), out, found);
}

static int users_read, groups_read;

void setpwent(void)
{
    users_read = 0;
}

struct passwd *getpwent(void)
{
    return users_read++ ? NULL : &user;
}

void endpwent(void)
{
    setpwent();
}

void setgrent(void)
{
    groups_read = 0;
}

struct group *getgrent(void)
{
    return groups_read++ ? NULL : &group;
}

void endgrent(void)
{
    setgrent();
}
