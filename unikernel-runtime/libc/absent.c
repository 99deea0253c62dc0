// SPDX-License-Identifier: ISC
// What a domain of one process and one image cannot do.
#include "unikernel-runtime/libc/result.h"

#include <dlfcn.h>
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

int waitid(idtype_t kind, id_t id, siginfo_t *info, int options)
{
    (void)kind, (void)id, (void)info, (void)options;
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

void *dlopen(const char *path, int flags)
{
    (void)path, (void)flags;
    return NULL;
}

void *dlsym(void *restrict handle, const char *restrict name)
{
    (void)handle, (void)name;
    return NULL;
}

int dlclose(void *handle)
{
    (void)handle;
    return -1;
}

char *dlerror(void)
{
    return (char *)"an image is linked whole: nothing can be loaded";
}
