// What a domain does not have says so, by the error that POSIX gives it.
#define _GNU_SOURCE
#include "tests/domain/check.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wordexp.h>

extern char **environ;

#define FAILS(call, error)                                                     \
    do {                                                                       \
        errno = 0;                                                             \
        CHECK((call) == -1 && errno == (error));                               \
    } while (0)

int main(void)
{
    char *argv[] = {(char *)"/bin/true", NULL};
    FAILS(fork(), ENOSYS);
    FAILS(vfork(), ENOSYS);
    FAILS(execv(argv[0], argv), ENOSYS);
    FAILS(execve(argv[0], argv, environ), ENOSYS);
    FAILS(execvp(argv[0], argv), ENOSYS);
    FAILS(execvpe(argv[0], argv, environ), ENOSYS);
    FAILS(fexecve(0, argv, environ), ENOSYS);
    FAILS(execl(argv[0], argv[0], NULL), ENOSYS);
    FAILS(execle(argv[0], argv[0], NULL, environ), ENOSYS);
    FAILS(execlp(argv[0], argv[0], NULL), ENOSYS);
    FAILS(daemon(0, 0), ENOSYS);
    FAILS(system("true"), ENOSYS);
    CHECK(system(NULL) == 0);
    errno = 0;
    CHECK(!popen("true", "r") && errno == ENOSYS);
    pid_t pid;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    CHECK(posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) == ENOSYS);
    CHECK(posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) == ENOSYS);
    CHECK(posix_spawn_file_actions_init(&actions) == ENOSYS);
    CHECK(posix_spawnattr_init(&attr) == ENOSYS);
    wordexp_t words;
    CHECK(wordexp("$HOME", &words, 0) == WRDE_NOSYS);
    FAILS(wait(NULL), ECHILD);
    FAILS(waitpid(-1, NULL, 0), ECHILD);
    FAILS(waitid(P_ALL, 0, NULL, WEXITED), ECHILD);
    FAILS(mkfifo("/fifo", 0600), ENOSYS);
    FAILS(mknod("/node", S_IFCHR, 0), ENOSYS);
    FAILS(sigaltstack(NULL, NULL), ENOSYS);
    struct timespec now = {1, 0};
    FAILS(clock_settime(CLOCK_REALTIME, &now), EPERM);
    FAILS(adjtime(&(struct timeval){0}, NULL), EPERM);
    FAILS(settimeofday(&(struct timeval){0}, NULL), EPERM);
    FAILS(sethostname("x", 1), EPERM);
    FAILS(chroot("/"), EPERM);
    FAILS(setuid(1), EINVAL);
    FAILS(setsid(), EPERM);
    FAILS(kill(99, SIGTERM), ESRCH);
    CHECK(!dlopen("lib.so", RTLD_NOW) && dlerror());
    return 0;
}
