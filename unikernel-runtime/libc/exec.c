// SPDX-License-Identifier: ISC
// Other programs: a domain has none, so each of these says ENOSYS.
#include "unikernel-runtime/libc/result.h"

#include <spawn.h>
#include <stdio.h>
#include <unistd.h>
#include <wordexp.h>

int execv(const char *path, char *const argv[])
{
    (void)path, (void)argv;
    return result(-ENOSYS);
}

int execvp(const char *file, char *const argv[])
{
    (void)file, (void)argv;
    return result(-ENOSYS);
}

int execvpe(const char *file, char *const argv[], char *const envp[])
{
    (void)file, (void)argv, (void)envp;
    return result(-ENOSYS);
}

int fexecve(int fd, char *const argv[], char *const envp[])
{
    (void)fd, (void)argv, (void)envp;
    return result(-ENOSYS);
}

int execl(const char *path, const char *arg, ...)
{
    (void)path, (void)arg;
    return result(-ENOSYS);
}

int execle(const char *path, const char *arg, ...)
{
    (void)path, (void)arg;
    return result(-ENOSYS);
}

int execlp(const char *file, const char *arg, ...)
{
    (void)file, (void)arg;
    return result(-ENOSYS);
}

int execlpe(const char *file, const char *arg, ...)
{
    (void)file, (void)arg;
    return result(-ENOSYS);
}

int daemon(int nochdir, int noclose)
{
    (void)nochdir, (void)noclose;
    return result(-ENOSYS);
}

FILE *popen(const char *command, const char *mode)
{
    (void)command, (void)mode;
    errno = ENOSYS;
    return NULL;
}

int pclose(FILE *f)
{
    (void)f;
    return result(-ECHILD); // it is none of popen's
}

int posix_spawn(pid_t *pid, const char *path,
                const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attr, char *const argv[],
                char *const envp[])
{
    (void)pid, (void)path, (void)actions, (void)attr, (void)argv, (void)envp;
    return ENOSYS;
}

int posix_spawnp(pid_t *pid, const char *file,
                 const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attr, char *const argv[],
                 char *const envp[])
{
    return posix_spawn(pid, file, actions, attr, argv, envp);
}

// What would prepare it: refused at the first step already.
int posix_spawn_file_actions_init(posix_spawn_file_actions_t *actions)
{
    (void)actions;
    return ENOSYS;
}

int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *actions)
{
    (void)actions;
    return ENOSYS;
}

int posix_spawn_file_actions_addopen(
    posix_spawn_file_actions_t *restrict actions, int fd,
    const char *restrict path, int flags, mode_t mode)
{
    (void)actions, (void)fd, (void)path, (void)flags, (void)mode;
    return ENOSYS;
}

int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions,
                                     int fd, int onto)
{
    (void)actions, (void)fd, (void)onto;
    return ENOSYS;
}

int posix_spawn_file_actions_addclose(posix_spawn_file_actions_t *actions,
                                      int fd)
{
    (void)actions, (void)fd;
    return ENOSYS;
}

int posix_spawnattr_init(posix_spawnattr_t *attr)
{
    (void)attr;
    return ENOSYS;
}

int posix_spawnattr_destroy(posix_spawnattr_t *attr)
{
    (void)attr;
    return ENOSYS;
}

// A script's words need a shell.
int wordexp(const char *restrict words, wordexp_t *restrict out, int flags)
{
    (void)words, (void)out, (void)flags;
    return WRDE_NOSYS;
}

void wordfree(wordexp_t *out)
{
    (void)out;
}
