// SPDX-License-Identifier: ISC
// The one process is its own group, session and host.
#include "unikernel-runtime/libc/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

static int is_self(pid_t pid)
{
    return pid == 0 || pid == getpid();
}

pid_t getpgrp(void)
{
    return getpid();
}

pid_t getpgid(pid_t pid)
{
    return is_self(pid) ? getpid() : result(-ESRCH);
}

pid_t getsid(pid_t pid)
{
    return getpgid(pid);
}

// It leads a session already.
pid_t setsid(void)
{
    return result(-EPERM);
}

int setpgid(pid_t pid, pid_t group)
{
    if (!is_self(pid))
        return result(-ESRCH);
    return result(is_self(group) ? 0 : -EPERM);
}

int setpgrp(void)
{
    return 0;
}

pid_t tcgetpgrp(int fd)
{
    return isatty(fd) ? getpid() : -1;
}

int tcsetpgrp(int fd, pid_t group)
{
    if (!isatty(fd))
        return -1;
    return result(is_self(group) ? 0 : -EPERM);
}

// What the host gives the domain is not the domain's to change.
int nice(int by)
{
    return result(by < 0 ? -EPERM : 0);
}

int getpriority(int which, id_t who)
{
    if (which < PRIO_PROCESS || which > PRIO_USER)
        return result(-EINVAL);
    return result(who > 1 ? -ESRCH : 0);
}

int setpriority(int which, id_t who, int value)
{
    if (getpriority(which, who) < 0)
        return -1;
    return nice(value);
}

int sethostname(const char *name, size_t len)
{
    (void)name, (void)len;
    return result(-EPERM);
}

int chroot(const char *path)
{
    (void)path;
    return result(-EPERM);
}

int getdomainname(char *name, size_t len)
{
    if (!len)
        return result(-EINVAL);
    *name = '\0';
    return 0;
}

long gethostid(void)
{
    return 0;
}

int getdtablesize(void)
{
    return sysconf(_SC_OPEN_MAX);
}

char *secure_getenv(const char *name)
{
    return getenv(name);
}

char *ctermid(char *path)
{
    static char console[] = "/dev/console";
    return path ? strcpy(path, console) : console;
}

int ttyname_r(int fd, char *path, size_t len)
{
    if (!isatty(fd))
        return errno;
    if (len <= strlen(ctermid(NULL)))
        return ERANGE;
    ctermid(path);
    return 0;
}

char *ttyname(int fd)
{
    return isatty(fd) ? ctermid(NULL) : NULL;
}
