// SPDX-License-Identifier: ISC
/*
 * meter-cpu COMMAND [ARGUMENT]...: runs it, its output dropped, and prints the
 * nanoseconds of CPU that the kernel charged it (getrusage of the child: its
 * precise sum, not ticks).
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static long long ns(struct timeval t)
{
    return (t.tv_sec * 1000000ll + t.tv_usec) * 1000;
}

int main(int argc, char **argv)
{
    struct rusage used;
    int status;
    pid_t pid;

    if (argc < 2)
        errx(2, "usage: meter-cpu COMMAND [ARGUMENT]...");
    pid = fork();
    if (pid < 0)
        err(1, "fork");
    if (pid == 0) {
        dup2(open("/dev/null", O_WRONLY), 1);
        execv(argv[1], argv + 1);
        err(127, "%s", argv[1]);
    }
    if (wait4(pid, &status, 0, &used) != pid || status != 0)
        errx(1, "%s ended with status %d", argv[1], status);
    printf("%lld\n", ns(used.ru_utime) + ns(used.ru_stime));
    return 0;
}
