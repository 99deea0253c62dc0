// SPDX-License-Identifier: ISC
// The one process: its end, its memory, and who it is.
#include "unikernel-runtime/fs/outputs.h"
#include "unikernel-runtime/kernel/end.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/pages.h"
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/libc/result.h"

#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define PID 1

void (*exit_hook)(void);

void _exit(int status)
{
    if (exit_hook)
        exit_hook();
    end_domain(HV_SHUTDOWN_POWEROFF, status & 0xff);
}

void *sbrk(ptrdiff_t by)
{
    void *old = pages_heap_grow(by);
    if (old)
        return old;
    errno = ENOMEM;
    return (void *)-1;
}

int posix_memalign(void **out, size_t align, size_t len)
{
    if (align < sizeof(void *) || align & (align - 1))
        return EINVAL;
    void *p = memalign(align, len); // not aligned_alloc, which comes here
    if (!p)
        return ENOMEM;
    *out = p;
    return 0;
}

pid_t getpid(void)
{
    return PID;
}

pid_t getppid(void)
{
    return 0;
}

uid_t getuid(void)
{
    return 0;
}

uid_t geteuid(void)
{
    return 0;
}

gid_t getgid(void)
{
    return 0;
}

gid_t getegid(void)
{
    return 0;
}

long sysconf(int name)
{
    switch (name) {
    case _SC_ARG_MAX:
        return HV_CMDLINE_MAX;
    case _SC_OPEN_MAX:
        return fd_limit;
    case _SC_PAGESIZE:
        return HV_PAGE;
    case _SC_CLK_TCK:
        return CLOCKS_PER_SEC;
    case _SC_NPROCESSORS_CONF:
    case _SC_NPROCESSORS_ONLN:
        return 1;
    case _SC_PHYS_PAGES:
        return start_info->memory_kib * 1024 / HV_PAGE;
    case _SC_MONOTONIC_CLOCK:
        return _POSIX_MONOTONIC_CLOCK;
    default:
        return result(-EINVAL);
    }
}

int getpagesize(void)
{
    return HV_PAGE;
}

int gethostname(char *name, size_t len)
{
    if (strlcpy(name, start_info->domain_name, len) >= len)
        return result(-ENAMETOOLONG);
    return 0;
}

int uname(struct utsname *u)
{
    *u = (struct utsname){.sysname = "Hostel",
                          .release = "1",
                          .version = "ABI 1",
                          .machine = "x86_64"};
    gethostname(u->nodename, sizeof u->nodename);
    return 0;
}
