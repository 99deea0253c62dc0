// SPDX-License-Identifier: ISC
// What a domain of one process cannot do: it fails with ENOSYS.
#include "unikernel-runtime/libc/result.h"

#include <reent.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t fork(void)
{
    return result(-ENOSYS);
}

pid_t vfork(void)
{
    return result(-ENOSYS);
}

int execve(const char *path, char *const argv[], char *const envp[])
{
    (void)path, (void)argv, (void)envp;
    return result(-ENOSYS);
}

// There are never children, so this is what POSIX wants.
pid_t wait(int *status)
{
    (void)status;
    return result(-ECHILD);
}

pid_t waitpid(pid_t pid, int *status, int options)
{
    (void)pid, (void)status, (void)options;
    return result(-ECHILD);
}

// system(NULL) asks whether there is a shell.
int system(const char *command)
{
    return command ? result(-ENOSYS) : 0;
}

int _system_r(struct _reent *reent, const char *command)
{
    (void)reent;
    return system(command);
}
