// SPDX-License-Identifier: ISC
// UDP and raw sockets, IPv6, and pairs, over the loopback.
#include "tests/domain/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_in v4(uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

static struct sockaddr_in6 v6(uint16_t port)
{
    return (struct sockaddr_in6){.sin6_family = AF_INET6,
                                 .sin6_port = htons(port),
                                 .sin6_addr = IN6ADDR_LOOPBACK_INIT};
}

static void udp(void)
{
    struct sockaddr_in a = v4(5000), from;
    socklen_t len = sizeof from;
    char got[16];
    int s = socket(AF_INET, SOCK_DGRAM, 0), c = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(bind(s, (struct sockaddr *)&a, sizeof a) == 0);
    CHECK(recv(s, got, sizeof got, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    CHECK(send(c, "x", 1, 0) == -1 && errno == EDESTADDRREQ);
    CHECK(sendto(c, "one", 3, 0, (struct sockaddr *)&a, sizeof a) == 3);
    CHECK(sendto(c, "second", 6, 0, (struct sockaddr *)&a, sizeof a) == 6);
    CHECK(sendto(c, "", 0, 0, (struct sockaddr *)&a, sizeof a) == 0);

    int n;
    struct pollfd p = {.fd = s, .events = POLLIN};
    CHECK(poll(&p, 1, 1000) == 1);
    CHECK(ioctl(s, FIONREAD, &n) == 0 && n == 3);
    CHECK(recvfrom(s, got, sizeof got, MSG_PEEK, (struct sockaddr *)&from,
                   &len) == 3);
    CHECK(len == sizeof from && from.sin_port != 0 &&
          from.sin_addr.s_addr == a.sin_addr.s_addr);
    CHECK(recv(s, got, sizeof got, 0) == 3 && !memcmp(got, "one", 3));
    struct iovec v = {got, 2};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    CHECK(recvmsg(s, &m, 0) == 2 && m.msg_flags & MSG_TRUNC);
    CHECK(recv(s, got, sizeof got, 0) == 0);

    // Answered, and by a connected socket heard.
    CHECK(connect(c, (struct sockaddr *)&a, sizeof a) == 0);
    CHECK(sendto(s, "back", 4, 0, (struct sockaddr *)&from, len) == 4);
    CHECK(recv(c, got, sizeof got, 0) == 4);
    len = sizeof from;
    CHECK(getpeername(c, (struct sockaddr *)&from, &len) == 0 &&
          ntohs(from.sin_port) == 5000);
    static char big[65508];
    CHECK(send(c, big, 65508, 0) == -1 && errno == EMSGSIZE);
    CHECK(send(c, big, 60000, 0) == 60000);
    CHECK(recv(s, big, sizeof big, 0) == 60000);

    // What nobody reads does not pile up for ever.
    for (int i = 0; i < 100000; i++)
        CHECK(send(c, big, 1000, 0) == 1000);
    int count = 0;
    while (recv(s, big, sizeof big, MSG_DONTWAIT) == 1000)
        count++;
    CHECK(count > 10 && count < 1000);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(bind(fd, (struct sockaddr *)&a, sizeof a) == -1 &&
          errno == EADDRINUSE);
    a.sin_addr.s_addr = INADDR_BROADCAST;
    CHECK(sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof a) == -1 &&
          errno == EACCES);
    CHECK(listen(s, 1) == -1 && errno == EOPNOTSUPP);
    close(fd);
    close(s);
    close(c);
}

static void six(void)
{
    struct sockaddr_in6 a = v6(5001),
                        any = {.sin6_family = AF_INET6,
                               .sin6_port = htons(5002)},
                        peer;
    socklen_t len = sizeof peer;
    char got[8], text[INET6_ADDRSTRLEN];
    int s = socket(AF_INET6, SOCK_DGRAM, 0),
        c = socket(AF_INET6, SOCK_DGRAM, 0);
    CHECK(bind(s, (struct sockaddr *)&a, sizeof a) == 0);
    CHECK(sendto(c, "six", 3, 0, (struct sockaddr *)&a, sizeof a) == 3);
    CHECK(recvfrom(s, got, sizeof got, 0, (struct sockaddr *)&peer, &len) == 3);
    CHECK(IN6_IS_ADDR_LOOPBACK(&peer.sin6_addr) && len == sizeof peer);
    close(s);
    close(c);

    // One listener for both families.
    int l = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK(bind(l, (struct sockaddr *)&any, sizeof any) == 0);
    CHECK(listen(l, 8) == 0);
    struct sockaddr_in four = v4(5002);
    c = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(c, (struct sockaddr *)&four, sizeof four) == 0);
    len = sizeof peer;
    s = accept4(l, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK);
    CHECK(s >= 0 && IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr));
    CHECK(fcntl(s, F_GETFL) & O_NONBLOCK);
    inet_ntop(AF_INET6, &peer.sin6_addr, text, sizeof text);
    CHECK(!strcmp(text, "::ffff:127.0.0.1"));
    close(s);
    close(c);
    a = v6(5002);
    c = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK(connect(c, (struct sockaddr *)&a, sizeof a) == 0);
    len = sizeof peer;
    s = accept(l, (struct sockaddr *)&peer, &len);
    CHECK(s >= 0 && IN6_IS_ADDR_LOOPBACK(&peer.sin6_addr));
    CHECK(send(c, "x", 1, 0) == 1 && recv(s, got, 1, 0) == 1);
    close(s);
    close(c);
    // An IPv4 name reached by its IPv6 spelling.
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6,
                                  .sin6_port = htons(5002)};
    CHECK(inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr) == 1);
    c = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK(connect(c, (struct sockaddr *)&mapped, sizeof mapped) == 0);
    close(c);
    close(l);

    int on = 1, value;
    len = sizeof value;
    l = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK(setsockopt(l, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0);
    CHECK(getsockopt(l, IPPROTO_IPV6, IPV6_V6ONLY, &value, &len) == 0 && value);
    any.sin6_port = htons(5003);
    CHECK(bind(l, (struct sockaddr *)&any, sizeof any) == 0);
    CHECK(listen(l, 8) == 0);
    four = v4(5003);
    c = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(c, (struct sockaddr *)&four, sizeof four) == -1 &&
          errno == ECONNREFUSED);
    close(c);
    close(l);
}

static uint16_t checksum(const void *data, size_t len)
{
    const uint16_t *p = data;
    uint32_t sum = 0;
    for (; len > 1; len -= 2)
        sum += *p++;
    sum = (sum & 0xffff) + (sum >> 16);
    return ~(sum + (sum >> 16));
}

static void ping(void)
{
    struct sockaddr_in a = v4(0);
    int s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    CHECK(s >= 0);
    struct icmphdr h = {.type = ICMP_ECHO, .un.echo = {htons(77), htons(1)}};
    h.checksum = checksum(&h, sizeof h);
    CHECK(sendto(s, &h, sizeof h, 0, (struct sockaddr *)&a, sizeof a) ==
          sizeof h);
    uint8_t got[128];
    for (;;) { // our own question comes by too
        ssize_t n = recv(s, got, sizeof got, 0);
        struct iphdr *ip = (struct iphdr *)got;
        CHECK(n == (ssize_t)(ip->ihl * 4 + sizeof h) && ip->version == 4);
        memcpy(&h, got + ip->ihl * 4, sizeof h);
        if (h.type == ICMP_ECHOREPLY)
            break;
    }
    CHECK(h.un.echo.id == htons(77) && h.un.echo.sequence == htons(1));
    close(s);
}

static void *echo(void *arg)
{
    int s = *(int *)arg;
    char block[4096];
    ssize_t n;
    while ((n = read(s, block, sizeof block)) > 0)
        CHECK(write(s, block, n) == n);
    close(s);
    return NULL;
}

static void pairs(void)
{
    int s[2];
    char c;
    pthread_t t;
    CHECK(socketpair(AF_INET, SOCK_STREAM, 0, s) == -1 &&
          errno == EAFNOSUPPORT);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    CHECK(pthread_create(&t, NULL, echo, &s[1]) == 0);
    static char block[300000], back[300000];
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = i * 31;
    size_t sent = 0, got = 0;
    CHECK(fcntl(s[0], F_SETFL, O_NONBLOCK) == 0);
    while (got < sizeof back) {
        struct pollfd p = {.fd = s[0], .events = POLLIN};
        if (sent < sizeof block)
            p.events |= POLLOUT;
        CHECK(poll(&p, 1, 5000) == 1);
        ssize_t n;
        if (p.revents & POLLOUT &&
            (n = write(s[0], block + sent, sizeof block - sent)) > 0)
            sent += n;
        if (p.revents & POLLIN &&
            (n = read(s[0], back + got, sizeof back - got)) > 0)
            got += n;
    }
    CHECK(!memcmp(block, back, sizeof block));
    CHECK(shutdown(s[0], SHUT_WR) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    CHECK(read(s[0], &c, 1) == 0);
    signal(SIGPIPE, SIG_IGN);
    CHECK(write(s[0], "x", 1) == -1 && errno == EPIPE);
    close(s[0]);
    CHECK(socket(AF_UNIX, SOCK_STREAM, 0) == -1 && errno == EAFNOSUPPORT);
}

int main(void)
{
    udp();
    six();
    ping();
    pairs();
    return 0;
}
