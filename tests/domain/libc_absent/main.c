// SPDX-License-Identifier: ISC
// What one process in a domain cannot do fails cleanly.
#include "tests/domain/check.h"

#include <errno.h>
#include <signal.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int got;

static void handler(int signal)
{
    got = signal;
}

int main(void)
{
    CHECK(fork() < 0 && errno == ENOSYS);
    CHECK(execve("/bin/sh", NULL, NULL) < 0 && errno == ENOSYS);
    CHECK(wait(NULL) < 0 && errno == ECHILD);
    CHECK(system("true") < 0 && errno == ENOSYS);
    CHECK(kill(12345, SIGTERM) < 0 && errno == ESRCH);
    CHECK(kill(getpid(), 0) == 0);

    signal(SIGUSR1, handler);
    CHECK(kill(getpid(), SIGUSR1) == 0 && got == SIGUSR1);
    CHECK(raise(SIGCHLD) == 0);

    struct utsname u;
    CHECK(uname(&u) == 0 && u.sysname[0]);
    raise(SIGTERM);
    return 0;
}
