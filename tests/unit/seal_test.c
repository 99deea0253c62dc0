// SPDX-License-Identifier: ISC
// What a sealed role can still do, and what kills it: each try in a child.

#include "node-agent/agent/roles.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static enum role current;
static int failures;

/* As role.c would say after role_confine, which needs root. */
int role_self(void)
{
    return current;
}

/* Each returns 0 if it could do what it tried. */
static int try_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) < 0;
}
static int try_connect(void)
{
    return syscall(SYS_connect, 4, NULL, 0) < 0;
}
static int try_exec(void)
{
    char *argv[] = {"true", NULL};

    execv("/bin/true", argv);
    return 1;
}
static int try_fork(void)
{
    return syscall(SYS_fork) < 0;
}
static int try_clone(void)
{
    long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

    if (pid == 0)
        _exit(0);
    return pid < 0;
}
static int try_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0) == MAP_FAILED;
}
static int try_make_code(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return mprotect(p, 4096, PROT_READ | PROT_EXEC) < 0;
}
static int try_trace(void)
{
    return syscall(SYS_ptrace, 0, 0, 0, 0) < 0;
}
static int try_kill(void)
{
    return kill(getppid(), 0) < 0;
}
static int try_old_abi(void)
{
    long r;

    __asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory"); /* getpid */
    return r < 0;
}
static int try_undumpable(void)
{
    return prctl(PR_SET_DUMPABLE, 1) < 0;
}

static int do_memory(void)
{
    void *p = malloc(1 << 22);

    free(p);
    return p == NULL;
}
static int do_own_file(void)
{
    int fd = open("seal_test.own", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    return fd < 0 || write(fd, "x", 1) != 1 || close(fd) < 0;
}
static int do_other_file(void)
{
    int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

    return fd >= 0 || errno != EACCES;
}
static int outcome(int (*what)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct err e;

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || role_seal(&e) < 0)
            _exit(99);
        /* Past the sanitizer, which has calls of its own at the end. */
        syscall(SYS_exit_group, what());
    }
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void expect(const char *name, int (*what)(void), int want)
{
    int got = outcome(what);

    if (got == want)
        return;
    fprintf(stderr, "role %d: %s: %d, should be %d\n", current, name, got,
            want);
    failures++;
}
#define EXPECT(what, want) expect(#what, what, want)
#define KILLED             (-SIGSYS)

int main(void)
{
    static const enum role roles[] = {ROLE_API, ROLE_KEEPER, ROLE_LEDGER};
    bool has_landlock =
        syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* version */) > 0;
    char dir[] = "/tmp/seal_test.XXXXXX", path[64];

    if (!mkdtemp(dir) || chdir(dir) < 0)
        return 1;
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        current = roles[i];
        EXPECT(do_memory, 0);
        EXPECT(do_own_file, 0);
        if (has_landlock)
            EXPECT(do_other_file, 0);
        EXPECT(try_connect, KILLED);
        EXPECT(try_exec, KILLED);
        EXPECT(try_fork, KILLED);
        EXPECT(try_clone, KILLED);
        EXPECT(try_code, KILLED);
        EXPECT(try_make_code, KILLED);
        EXPECT(try_trace, KILLED);
        EXPECT(try_kill, KILLED);
        EXPECT(try_old_abi, KILLED);
        EXPECT(try_undumpable, KILLED);
    }
    current = ROLE_API;
    EXPECT(try_socket, 1); /* refused, not killed: libc may ask */
    current = ROLE_LEDGER;
    EXPECT(try_socket, KILLED);
    snprintf(path, sizeof(path), "%s/seal_test.own", dir);
    unlink(path);
    rmdir(dir);
    return failures != 0;
}
