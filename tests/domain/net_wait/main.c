// SPDX-License-Identifier: ISC
// epoll and eventfd, on sockets and the other kinds of files.
#include "tests/domain/check.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct epoll_event event(uint32_t events, uint64_t n)
{
    return (struct epoll_event){.events = events, .data.u64 = n};
}

static int add(int e, int fd, uint32_t events)
{
    struct epoll_event ev = event(events, fd);
    return epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev);
}

static void levels(void)
{
    int e = epoll_create1(EPOLL_CLOEXEC), p[2];
    struct epoll_event ev[4], one;
    char c;
    CHECK(e >= 0 && pipe(p) == 0);
    CHECK(epoll_wait(e, ev, 4, 0) == 0);
    CHECK(add(e, p[0], EPOLLIN) == 0);
    CHECK(add(e, p[0], EPOLLIN) == -1 && errno == EEXIST);
    CHECK(epoll_wait(e, ev, 4, 10) == 0);
    CHECK(write(p[1], "xy", 2) == 2);
    for (int i = 0; i < 2; i++) { // until it is read
        CHECK(epoll_wait(e, ev, 4, -1) == 1);
        CHECK(ev[0].events == EPOLLIN && ev[0].data.fd == p[0]);
    }
    struct pollfd look = {.fd = e, .events = POLLIN};
    CHECK(poll(&look, 1, 0) == 1);

    // Edges: once for each change.
    one = event(EPOLLIN | EPOLLET, 7);
    CHECK(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &one) == 0);
    CHECK(epoll_wait(e, ev, 4, 0) == 1 && ev[0].data.u64 == 7);
    CHECK(epoll_wait(e, ev, 4, 0) == 0);
    CHECK(write(p[1], "z", 1) == 1);
    CHECK(epoll_wait(e, ev, 4, 0) == 1);

    // One shot: until it is set again.
    one = event(EPOLLIN | EPOLLONESHOT, 8);
    CHECK(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &one) == 0);
    CHECK(epoll_wait(e, ev, 4, 0) == 1);
    CHECK(write(p[1], "z", 1) == 1);
    CHECK(epoll_wait(e, ev, 4, 0) == 0);
    CHECK(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &one) == 0);
    CHECK(epoll_wait(e, ev, 4, 0) == 1);

    one = event(EPOLLIN, 9);
    CHECK(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &one) == 0);
    while (read(p[0], &c, 1) == 1 && c != 'z')
        continue;
    CHECK(read(p[0], &c, 1) == 1);
    CHECK(close(p[1]) == 0);
    CHECK(epoll_wait(e, ev, 4, 0) == 1 && ev[0].events & EPOLLHUP);
    CHECK(epoll_ctl(e, EPOLL_CTL_DEL, p[0], NULL) == 0);
    CHECK(epoll_ctl(e, EPOLL_CTL_DEL, p[0], NULL) == -1 && errno == ENOENT);
    CHECK(epoll_wait(e, ev, 4, 0) == 0);

    // A closed file is out of the set.
    CHECK(add(e, p[0], EPOLLIN) == 0);
    CHECK(close(p[0]) == 0);
    CHECK(epoll_wait(e, ev, 4, 0) == 0);
    int file = open("/plain", O_CREAT | O_RDWR, 0600);
    CHECK(add(e, file, EPOLLIN) == -1 && errno == EPERM);
    CHECK(add(e, e, EPOLLIN) == -1 && errno == EINVAL);
    CHECK(add(file, e, EPOLLIN) == -1 && errno == EINVAL);
    CHECK(add(e, 99, EPOLLIN) == -1 && errno == EBADF);
    CHECK(add(e, 1, EPOLLOUT) == 0); // the console
    CHECK(epoll_wait(e, ev, 4, 0) == 1 && ev[0].events == EPOLLOUT);
    close(file);
    close(e);
}

static void counters(void)
{
    eventfd_t v;
    int n = eventfd(3, EFD_NONBLOCK), s = eventfd(2, EFD_SEMAPHORE);
    CHECK(eventfd_read(n, &v) == 0 && v == 3);
    CHECK(eventfd_read(n, &v) == -1 && errno == EAGAIN);
    CHECK(eventfd_write(n, 5) == 0 && eventfd_write(n, 6) == 0);
    CHECK(eventfd_read(n, &v) == 0 && v == 11);
    CHECK(eventfd_read(s, &v) == 0 && v == 1);
    CHECK(eventfd_read(s, &v) == 0 && v == 1);
    CHECK(write(n, &v, 4) == -1 && errno == EINVAL);
    close(n);
    close(s);
}

static int bell;
static void *ring(void *unused)
{
    struct timespec t = {0, 20000000};
    nanosleep(&t, NULL);
    CHECK(eventfd_write(bell, 1) == 0);
    return unused;
}

static void woken(void)
{
    struct epoll_event ev;
    pthread_t t;
    int e = epoll_create1(0);
    bell = eventfd(0, 0);
    CHECK(add(e, bell, EPOLLIN) == 0);
    CHECK(pthread_create(&t, NULL, ring, NULL) == 0);
    CHECK(epoll_wait(e, &ev, 1, 5000) == 1 && ev.data.fd == bell);
    CHECK(pthread_join(t, NULL) == 0);
    close(bell);
    close(e);
}

#define MANY 3000

// More connections than an fd_set has room for, served by one loop.
static void many(void)
{
    static int fds[MANY];
    struct rlimit limit = {2 * MANY + 100, 2 * MANY + 100};
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(6000),
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int l = socket(AF_INET, SOCK_STREAM, 0), e = epoll_create1(0);
    CHECK(bind(l, (struct sockaddr *)&a, sizeof a) == 0 && listen(l, 100) == 0);
    CHECK(fcntl(l, F_SETFL, O_NONBLOCK) == 0 && add(e, l, EPOLLIN) == 0);
    int accepted = 0, echoed = 0;
    for (int i = 0; i < MANY; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(fds[i] >= 0);
        CHECK(connect(fds[i], (struct sockaddr *)&a, sizeof a) == 0);
        CHECK(write(fds[i], "q", 1) == 1);
        struct epoll_event ev[16];
        int n;
        while ((n = epoll_wait(e, ev, 16, 0)) > 0)
            for (int k = 0; k < n; k++) {
                char c;
                if (ev[k].data.fd == l) {
                    int s = accept4(l, NULL, NULL, SOCK_NONBLOCK);
                    CHECK(s >= 0 && add(e, s, EPOLLIN | EPOLLRDHUP) == 0);
                    accepted++;
                } else {
                    CHECK(read(ev[k].data.fd, &c, 1) == 1 && c == 'q');
                    CHECK(write(ev[k].data.fd, "a", 1) == 1);
                    echoed++;
                }
            }
    }
    CHECK(accepted == MANY && echoed == MANY);
    for (int i = 0; i < MANY; i++) {
        char c;
        CHECK(read(fds[i], &c, 1) == 1 && c == 'a');
        CHECK(close(fds[i]) == 0);
    }
    struct epoll_event ev;
    CHECK(epoll_wait(e, &ev, 1, 1000) == 1 && ev.events & EPOLLRDHUP);
}

int main(void)
{
    levels();
    counters();
    woken();
    many();
    return 0;
}
