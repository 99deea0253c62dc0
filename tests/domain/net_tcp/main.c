// SPDX-License-Identifier: ISC
// TCP over the loopback: what POSIX promises of stream sockets.
#include "tests/domain/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

static struct sockaddr_in at(uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

static int listen_at(uint16_t port)
{
    struct sockaddr_in a = at(port);
    int one = 1, s = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(s >= 0);
    CHECK(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
    CHECK(bind(s, (struct sockaddr *)&a, sizeof a) == 0);
    CHECK(listen(s, 16) == 0);
    return s;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in a = at(port);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(s >= 0);
    CHECK(connect(s, (struct sockaddr *)&a, sizeof a) == 0);
    return s;
}

// A connected pair, by way of a listener.
static void pair(int *client, int *server)
{
    int l = listen_at(4000);
    *client = connect_to(4000);
    struct sockaddr_in peer, own;
    socklen_t len = sizeof peer;
    *server = accept(l, (struct sockaddr *)&peer, &len);
    CHECK(*server >= 0 && len == sizeof peer);
    CHECK(peer.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    len = sizeof own;
    CHECK(getsockname(*client, (struct sockaddr *)&own, &len) == 0);
    CHECK(own.sin_port == peer.sin_port);
    len = sizeof own;
    CHECK(getpeername(*client, (struct sockaddr *)&own, &len) == 0);
    CHECK(ntohs(own.sin_port) == 4000);
    CHECK(close(l) == 0);
}

static void bytes(void)
{
    int a, b;
    char got[16];
    pair(&a, &b);
    CHECK(write(a, "hello", 5) == 5);
    CHECK(recv(b, got, 2, MSG_PEEK) == 2 && !memcmp(got, "he", 2));
    int n = 0;
    CHECK(ioctl(b, FIONREAD, &n) == 0 && n == 5);
    CHECK(read(b, got, sizeof got) == 5 && !memcmp(got, "hello", 5));
    CHECK(recv(b, got, sizeof got, MSG_DONTWAIT) == -1 && errno == EAGAIN);

    struct iovec v[] = {{"one ", 4}, {"", 0}, {"two", 3}};
    CHECK(writev(b, v, 3) == 7);
    struct iovec w[] = {{got, 3}, {got + 3, 4}};
    CHECK(readv(a, w, 2) == 7 && !memcmp(got, "one two", 7));

    struct msghdr m = {.msg_iov = v, .msg_iovlen = 3};
    CHECK(sendmsg(b, &m, 0) == 7);
    CHECK(recv(a, got, 7, MSG_WAITALL) == 7 && !memcmp(got, "one two", 7));

    struct stat st;
    CHECK(fstat(a, &st) == 0 && S_ISSOCK(st.st_mode));
    CHECK(lseek(a, 0, SEEK_SET) == -1 && errno == ESPIPE);
    int c = dup(a);
    CHECK(close(a) == 0 && write(c, "x", 1) == 1 && read(b, got, 1) == 1);

    CHECK(shutdown(c, SHUT_WR) == 0);
    CHECK(read(b, got, 1) == 0);
    CHECK(write(b, "back", 4) == 4 && read(c, got, 4) == 4);
    signal(SIGPIPE, SIG_IGN);
    CHECK(write(c, "x", 1) == -1 && errno == EPIPE);
    CHECK(close(b) == 0);
    CHECK(read(c, got, 1) == 0);
    CHECK(close(c) == 0);
}

static volatile int signalled;
static void count(int sig)
{
    (void)sig;
    signalled++;
}

static void signals(void)
{
    int a, b;
    char c;
    pair(&a, &b);
    struct linger hard = {1, 0};
    CHECK(setsockopt(b, SOL_SOCKET, SO_LINGER, &hard, sizeof hard) == 0);
    CHECK(close(b) == 0); // a reset
    CHECK(read(a, &c, 1) == -1 && errno == ECONNRESET);
    CHECK(read(a, &c, 1) == 0);
    signal(SIGPIPE, count);
    CHECK(write(a, "x", 1) == -1 && errno == EPIPE && signalled == 1);
    CHECK(send(a, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE &&
          signalled == 1);
    close(a);

    // Unread data turns a close into a reset.
    pair(&a, &b);
    CHECK(write(a, "unread", 6) == 6);
    close(b);
    CHECK(read(a, &c, 1) == -1 && errno == ECONNRESET);
    close(a);

    // A handler ends a read, or with SA_RESTART does not.
    pair(&a, &b);
    struct sigaction act = {.sa_handler = count};
    struct itimerval soon = {.it_value.tv_usec = 20000};
    CHECK(sigaction(SIGALRM, &act, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
    CHECK(read(a, &c, 1) == -1 && errno == EINTR);
    act.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGALRM, &act, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
    struct timeval limit = {0, 200000};
    CHECK(setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    signalled = 0;
    CHECK(read(a, &c, 1) == -1 && errno == EAGAIN && signalled == 1);
    close(a);
    close(b);
}

static void refused(void)
{
    struct sockaddr_in a = at(4999);
    int s = socket(AF_INET, SOCK_STREAM, 0), error;
    CHECK(connect(s, (struct sockaddr *)&a, sizeof a) == -1 &&
          errno == ECONNREFUSED);
    CHECK(close(s) == 0);
    s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int r = connect(s, (struct sockaddr *)&a, sizeof a);
    CHECK(r == -1 && (errno == EINPROGRESS || errno == ECONNREFUSED));
    if (errno == EINPROGRESS) {
        struct pollfd p = {.fd = s, .events = POLLOUT};
        CHECK(poll(&p, 1, 1000) == 1 && p.revents & POLLERR);
        socklen_t len = sizeof error;
        CHECK(getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &len) == 0);
        CHECK(error == ECONNREFUSED);
        CHECK(getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &len) == 0);
        CHECK(error == 0);
    }
    char c;
    close(s);
    s = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(read(s, &c, 1) == -1 && errno == ENOTCONN);
    CHECK(send(s, "x", 1, MSG_NOSIGNAL) == -1 && errno == ENOTCONN);
    CHECK(accept(s, NULL, NULL) == -1 && errno == EINVAL);
    CHECK(getpeername(s, (struct sockaddr *)&a, &(socklen_t){sizeof a}) == -1 &&
          errno == ENOTCONN);
    close(s);
    CHECK(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP) == -1 &&
          errno == EPROTONOSUPPORT);
    CHECK(socket(77, SOCK_STREAM, 0) == -1 && errno == EAFNOSUPPORT);
    CHECK(bind(0, (struct sockaddr *)&a, sizeof a) == -1 && errno == ENOTSOCK);
    CHECK(listen(99, 1) == -1 && errno == EBADF);
}

static void addresses(void)
{
    struct sockaddr_in a = at(4001), elsewhere = at(4001);
    elsewhere.sin_addr.s_addr = inet_addr("192.0.2.1");
    int l = listen_at(4001), s = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(s, (struct sockaddr *)&elsewhere, sizeof a) == -1 &&
          errno == EADDRNOTAVAIL);
    CHECK(bind(s, (struct sockaddr *)&a, sizeof a) == -1 &&
          errno == EADDRINUSE);
    CHECK(bind(s, (struct sockaddr *)&a, 4) == -1 && errno == EINVAL);
    CHECK(connect(s, (struct sockaddr *)&elsewhere, sizeof a) == -1 &&
          errno == ENETUNREACH);
    close(s);
    close(l);
    // An own choice of port.
    a = at(0);
    s = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t len = sizeof a;
    CHECK(bind(s, (struct sockaddr *)&a, sizeof a) == 0);
    CHECK(getsockname(s, (struct sockaddr *)&a, &len) == 0 && a.sin_port != 0);
    close(s);
}

static void options(void)
{
    int s = socket(AF_INET, SOCK_STREAM, 0), value, on = 1;
    socklen_t len = sizeof value;
    static const struct {
        int level, option;
    } flags[] = {{SOL_SOCKET, SO_REUSEADDR},
                 {SOL_SOCKET, SO_REUSEPORT},
                 {SOL_SOCKET, SO_KEEPALIVE},
                 {IPPROTO_TCP, TCP_NODELAY}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        CHECK(getsockopt(s, flags[i].level, flags[i].option, &value, &len) ==
                  0 &&
              value == 0);
        CHECK(setsockopt(s, flags[i].level, flags[i].option, &on, sizeof on) ==
              0);
        CHECK(getsockopt(s, flags[i].level, flags[i].option, &value, &len) ==
                  0 &&
              value == 1 && len == sizeof value);
    }
    static const struct {
        int level, option, value;
    } numbers[] = {
        {IPPROTO_TCP, TCP_KEEPIDLE, 60}, {IPPROTO_TCP, TCP_KEEPINTVL, 7},
        {IPPROTO_TCP, TCP_KEEPCNT, 3},   {SOL_SOCKET, SO_SNDBUF, 65536},
        {SOL_SOCKET, SO_RCVBUF, 65536},  {IPPROTO_IP, IP_TTL, 9}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        CHECK(setsockopt(s, numbers[i].level, numbers[i].option,
                         &numbers[i].value, sizeof(int)) == 0);
        CHECK(getsockopt(s, numbers[i].level, numbers[i].option, &value,
                         &len) == 0 &&
              value == numbers[i].value);
    }
    CHECK(getsockopt(s, SOL_SOCKET, SO_TYPE, &value, &len) == 0 &&
          value == SOCK_STREAM);
    struct timeval tv = {3, 500000}, got;
    CHECK(setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) == 0);
    len = sizeof got;
    CHECK(getsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &got, &len) == 0 &&
          got.tv_sec == 3 && got.tv_usec == 500000);
    CHECK(setsockopt(s, SOL_SOCKET, 9999, &on, sizeof on) == -1 &&
          errno == ENOPROTOOPT);
    CHECK(setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &on, 1) == -1 &&
          errno == EINVAL);
    close(s);
}

static void waiting(void)
{
    int a, b, l = listen_at(4002);
    struct pollfd p = {.fd = l, .events = POLLIN};
    CHECK(poll(&p, 1, 0) == 0);
    CHECK(fcntl(l, F_SETFL, O_NONBLOCK) == 0);
    CHECK(accept(l, NULL, NULL) == -1 && errno == EAGAIN);
    a = connect_to(4002);
    CHECK(poll(&p, 1, 1000) == 1 && p.revents == POLLIN);
    CHECK((b = accept(l, NULL, NULL)) >= 0);

    // Full in one direction: not writable, then writable again.
    static char block[65536];
    CHECK(fcntl(a, F_SETFL, O_NONBLOCK) == 0);
    long sent = 0, n;
    while ((n = write(a, block, sizeof block)) > 0)
        sent += n;
    CHECK(n == -1 && errno == EAGAIN && sent > 65536);
    p = (struct pollfd){.fd = a, .events = POLLIN | POLLOUT};
    CHECK(poll(&p, 1, 0) == 0);
    fd_set r;
    FD_ZERO(&r);
    FD_SET(a, &r);
    FD_SET(b, &r);
    CHECK(select((a > b ? a : b) + 1, &r, NULL, NULL, NULL) == 1);
    CHECK(FD_ISSET(b, &r) && !FD_ISSET(a, &r));
    long received = 0;
    while (received < sent && (n = read(b, block, sizeof block)) > 0)
        received += n;
    CHECK(received == sent);
    CHECK(poll(&p, 1, 1000) == 1 && p.revents == POLLOUT);
    close(b);
    p.events = POLLIN;
    CHECK(poll(&p, 1, 1000) == 1 && p.revents & POLLIN);
    close(a);
    close(l);
}

#define BULK (32l << 20)

static void *sender(void *arg)
{
    static uint32_t block[16384];
    int s = *(int *)arg;
    uint32_t next = 0;
    for (long done = 0; done < BULK;) {
        for (int i = 0; i < 16384; i++)
            block[i] = next++;
        size_t at_byte = 0;
        while (at_byte < sizeof block) {
            // Sizes of all kinds.
            size_t n = 1 + (done * 7919) % 70000;
            if (n > sizeof block - at_byte)
                n = sizeof block - at_byte;
            ssize_t r = write(s, (char *)block + at_byte, n);
            CHECK(r > 0);
            at_byte += r;
            done += r;
        }
    }
    CHECK(close(s) == 0); // what is under way arrives all the same
    return NULL;
}

static void bulk(void)
{
    int a, b;
    pthread_t t;
    static char data[50000];
    pair(&a, &b);
    CHECK(pthread_create(&t, NULL, sender, &a) == 0);
    long done = 0;
    ssize_t n;
    while ((n = read(b, data, 1 + (done * 31) % sizeof data)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            uint32_t word = (done + i) / 4;
            CHECK((uint8_t)data[i] == (uint8_t)(word >> 8 * ((done + i) % 4)));
        }
        done += n;
    }
    CHECK(n == 0 && done == BULK);
    CHECK(pthread_join(t, NULL) == 0);
    close(b);
}

int main(void)
{
    bytes();
    signals();
    refused();
    addresses();
    options();
    waiting();
    bulk();
    return 0;
}
