// SPDX-License-Identifier: ISC
// Pipes, poll and select, between threads and on the console.
#define _GNU_SOURCE
#include "tests/domain/check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES (3 << 20)

static int fds[2];

static unsigned char expected(size_t i)
{
    return i * 7 + (i >> 11);
}

static void *writer(void *argument)
{
    static unsigned char block[10007];
    for (size_t at = 0; at < BYTES;) {
        size_t n = BYTES - at < sizeof block ? BYTES - at : sizeof block;
        for (size_t i = 0; i < n; i++)
            block[i] = expected(at + i);
        CHECK(write(fds[1], block, n) == (ssize_t)n);
        at += n;
    }
    CHECK(!close(fds[1]));
    return argument;
}

static void transfer(void)
{
    pthread_t t;
    CHECK(!pipe(fds));
    CHECK(!pthread_create(&t, NULL, writer, NULL));
    static unsigned char block[8191];
    size_t at = 0;
    ssize_t n;
    while ((n = read(fds[0], block, sizeof block)) > 0)
        for (ssize_t i = 0; i < n; i++, at++)
            CHECK(block[i] == expected(at));
    CHECK(n == 0 && at == BYTES);
    CHECK(!close(fds[0]) && !pthread_join(t, NULL));
}

static volatile sig_atomic_t broken;
static void on_pipe(int sig)
{
    (void)sig;
    broken++;
}

static void nonblocking(void)
{
    char c, big[5000];
    CHECK(!pipe2(fds, O_NONBLOCK));
    CHECK(read(fds[0], &c, 1) == -1 && errno == EAGAIN);
    size_t all = 0;
    ssize_t n;
    memset(big, 'x', sizeof big);
    while ((n = write(fds[1], big, sizeof big)) > 0)
        all += n;
    CHECK(n == -1 && errno == EAGAIN && all >= 60000);
    struct pollfd p = {.fd = fds[1], .events = POLLOUT};
    CHECK(poll(&p, 1, 0) == 0);
    while ((n = read(fds[0], big, sizeof big)) > 0)
        all -= n;
    CHECK(!all && poll(&p, 1, 0) == 1 && p.revents == POLLOUT);
    struct stat st;
    CHECK(!fstat(fds[0], &st) && S_ISFIFO(st.st_mode));
    CHECK(lseek(fds[0], 0, SEEK_SET) == -1 && errno == ESPIPE);
    CHECK(pread(fds[0], big, 1, 0) == -1 && errno == ESPIPE);
    CHECK(!close(fds[0]));
    signal(SIGPIPE, on_pipe);
    CHECK(write(fds[1], "x", 1) == -1 && errno == EPIPE && broken == 1);
    p.events = 0;
    CHECK(poll(&p, 1, -1) == 1 && p.revents == POLLERR);
    CHECK(!close(fds[1]));
    CHECK(poll(&p, 1, -1) == 1 && p.revents == POLLNVAL);
}

static void *later(void *argument)
{
    usleep(10000);
    CHECK(write(*(int *)argument, "!", 1) == 1);
    return NULL;
}

static void waiting(void)
{
    int a[2], b[2];
    pthread_t t;
    char c;
    CHECK(!pipe(a) && !pipe(b));
    struct pollfd p[2] = {{.fd = a[0], .events = POLLIN},
                          {.fd = b[0], .events = POLLIN}};
    CHECK(poll(p, 2, 5) == 0);
    CHECK(!pthread_create(&t, NULL, later, &b[1]));
    CHECK(poll(p, 2, -1) == 1 && !p[0].revents && p[1].revents == POLLIN);
    CHECK(read(b[0], &c, 1) == 1 && c == '!' && !pthread_join(t, NULL));

    fd_set r, w;
    FD_ZERO(&r);
    FD_ZERO(&w);
    FD_SET(a[0], &r);
    FD_SET(b[0], &r);
    FD_SET(a[1], &w);
    CHECK(select(b[1] + 1, &r, &w, NULL, NULL) == 1);
    CHECK(FD_ISSET(a[1], &w) && !FD_ISSET(a[0], &r));
    FD_SET(a[0], &r);
    CHECK(!pthread_create(&t, NULL, later, &a[1]));
    CHECK(select(b[1] + 1, &r, NULL, NULL, NULL) == 1 && FD_ISSET(a[0], &r));
    CHECK(!FD_ISSET(b[0], &r) && !pthread_join(t, NULL));

    // The end of the other side.
    CHECK(!close(b[1]) && poll(p + 1, 1, -1) == 1 && p[1].revents == POLLHUP);
    CHECK(dup2(a[0], b[0]) == b[0] && read(b[0], &c, 1) == 1);
    CHECK(fcntl(b[0], F_GETFL) == O_RDONLY);

    // Standard input, which comes after a while, and a pipe beside it.
    p[0] = (struct pollfd){.fd = 0, .events = POLLIN};
    p[1] = (struct pollfd){.fd = a[0], .events = POLLIN};
    CHECK(poll(p, 2, 5000) == 1 && p[0].revents == POLLIN && !p[1].revents);
    char line[8];
    CHECK(read(0, line, sizeof line) == 3 && !memcmp(line, "in\n", 3));
}

int main(void)
{
    transfer();
    nonblocking();
    waiting();
    return 0;
}
