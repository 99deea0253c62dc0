// SPDX-License-Identifier: ISC
/*
 * Cold start of a domain, with this program in the spawner's place: it makes
 * slots through a nursery and drives their monitors with the messages of
 * monitor/control.h.
 *
 *   coldstart.fresh  a clean slot is ready: from sending HVC_PREPARE with
 *                    HVC_F_GO to the console's first byte in a pipe
 *   coldstart.pool   the image is mapped already: from sending HVC_GO
 *   coldstart.slot   what making a slot costs, its cgroups included
 *
 * Each round measures all three and the peer, a static glibc program by vfork
 * and exec from the decision to its first byte. Medians of all rounds.
 *
 *   coldstart [-n ROUNDS] [-v] [IMAGE]
 */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tests/domain/drive.h"

static const char *hello;
static int image_fd;

static void hello_end(struct driven *d)
{
    struct hvc_exited x;

    drive_await(d, HVC_EXITED, &x);
    if (x.cause != HVC_POWEROFF || x.status != 0)
        errx(1, "hello ended with cause %u: %s", x.cause, x.text);
    drive_free(d);
}

// --------------------------------------------------------------- measuring

static void first_byte(int fd)
{
    char byte;

    if (read(fd, &byte, 1) != 1)
        errx(1, "no console output");
}

static double since(uint64_t start_ns)
{
    return (clock_mono_ns() - start_ns) / 1e3;
}

static double peer(void)
{
    uint64_t start = clock_mono_ns();
    double us;
    int p[2];
    pid_t pid;

    if (pipe2(p, O_CLOEXEC) < 0)
        err(1, "pipe");
    pid = vfork();
    if (pid == 0) {
        dup2(p[1], 1);
        execl(hello, "hello", NULL);
        _exit(127);
    }
    close(p[1]);
    first_byte(p[0]);
    us = since(start);
    close(p[0]);
    waitpid(pid, NULL, 0);
    return us;
}

static char *const arguments[] = {"hello", NULL};

static double fresh(unsigned number)
{
    const struct hvc_prepare p = {.flags = HVC_F_GO, .lease_ns = UINT64_MAX};
    struct driven d;
    uint64_t start;
    double us;
    int pipe_fd[2];

    drive_make(&d, number);
    usleep(200); // until the monitor and its zygote sleep
    if (pipe2(pipe_fd, O_CLOEXEC) < 0)
        err(1, "pipe");
    start = clock_mono_ns();
    drive_prepare(&d, &p, arguments, image_fd, pipe_fd[1]);
    first_byte(pipe_fd[0]);
    us = since(start);
    hello_end(&d);
    close(pipe_fd[0]);
    close(pipe_fd[1]);
    return us;
}

static double pool(unsigned number, double *slot_us)
{
    const struct hvc_prepare p = {.flags = 0};
    uint64_t start = clock_mono_ns();
    struct driven d;
    double us;
    int pipe_fd[2];

    drive_make(&d, number);
    *slot_us = since(start);
    if (pipe2(pipe_fd, O_CLOEXEC) < 0)
        err(1, "pipe");
    drive_prepare(&d, &p, arguments, image_fd, pipe_fd[1]);
    drive_await(&d, HVC_PREPARED, NULL);
    usleep(200);
    start = clock_mono_ns();
    drive_go(&d, UINT64_MAX);
    first_byte(pipe_fd[0]);
    us = since(start);
    hello_end(&d);
    close(pipe_fd[0]);
    close(pipe_fd[1]);
    return us;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

struct series {
    const char *name;
    double *us;
};

static double median(struct series *s, int n)
{
    qsort(s->us, n, sizeof(double), by_value);
    return s->us[n / 2];
}

static void details(const struct series *s, int n)
{
    fprintf(stderr,
            "%-6s min %.1f  p10 %.1f  p50 %.1f  p90 %.1f  p99 %.1f us\n",
            s->name, s->us[0], s->us[n / 10], s->us[n / 2], s->us[n * 9 / 10],
            s->us[n * 99 / 100]);
}

int main(int argc, char **argv)
{
    const char *build = getenv("HOSTEL_BUILD");
    char image[4096], peer_path[4096];
    struct series s[4] = {{"peer", 0}, {"fresh", 0}, {"pool", 0}, {"slot", 0}};
    bool verbose = false;
    int rounds = 1000, o;
    double m[4];

    while ((o = getopt(argc, argv, "n:v")) != -1) {
        if (o == 'n')
            rounds = atoi(optarg);
        else if (o == 'v')
            verbose = true;
        else
            return 2;
    }
    if (rounds < 1)
        return 2;
    build = build ? build : "build";
    snprintf(image, sizeof(image), "%s", argv[optind] ? argv[optind] : "");
    if (!*image)
        snprintf(image, sizeof(image), "%s/images/hello", build);
    snprintf(peer_path, sizeof(peer_path), "%s/bench/hello", build);
    hello = peer_path;
    image_fd = open(image, O_RDONLY | O_CLOEXEC);
    if (image_fd < 0)
        err(1, "%s", image);
    drive_open();
    for (int i = 0; i < 4; i++)
        s[i].us = calloc(rounds, sizeof(double));
    for (int i = 0; i < rounds; i++) {
        s[0].us[i] = peer();
        s[1].us[i] = fresh(2 * i % 64);
        s[2].us[i] = pool((2 * i + 1) % 64, &s[3].us[i]);
    }
    for (int i = 0; i < 4; i++)
        m[i] = median(&s[i], rounds);
    for (int i = 0; verbose && i < 4; i++)
        details(&s[i], rounds);
    printf("bench coldstart.fresh %.1f us vfork+exec %.1f ratio %.3f\n", m[1],
           m[0], m[1] / m[0]);
    printf("bench coldstart.pool %.1f us vfork+exec %.1f ratio %.3f\n", m[2],
           m[0], m[2] / m[0]);
    printf("bench coldstart.slot %.1f us\n", m[3]);
    drive_close();
    return 0;
}
