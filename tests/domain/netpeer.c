// SPDX-License-Identifier: ISC
/*
 * What tests/domain/net talks to in a domain.
 *
 *   netpeer serve            echo on port 7 (TCP and UDP), HTTP on 80 (/N: N
 *                            bytes), DNS on 53 (every name is 192.0.2.53)
 *   netpeer get HOST PORT    sends "GET / HTTP/1.0", writes what comes back
 *   netpeer addresses N      waits for N global addresses, says which
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS 16384

enum kind { NONE, LISTEN_ECHO, LISTEN_HTTP, UDP_ECHO, UDP_DNS, ECHO, HTTP };

static struct peer {
    enum kind kind;
    char *data; // to be written, or a request so far
    size_t at, len;
    size_t body; // bytes of a reply's body still to come
} peers[FDS];
static int set;
static char pattern[65536];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(int fd, enum kind kind)
{
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    peers[fd] = (struct peer){.kind = kind};
    if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) < 0)
        fail("epoll_ctl");
}

static void drop(int fd)
{
    free(peers[fd].data);
    peers[fd] = (struct peer){.kind = NONE};
    close(fd);
}

static void want(int fd, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.fd = fd};
    epoll_ctl(set, EPOLL_CTL_MOD, fd, &e);
}

static void opened(int type, int port, enum kind kind)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int one = 1, s = socket(AF_INET6, type | SOCK_NONBLOCK, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof a) < 0 ||
        (type == SOCK_STREAM && listen(s, 255) < 0))
        fail("listening");
    watch(s, kind);
}

static void accept_all(int l, enum kind kind)
{
    int s;
    while ((s = accept4(l, NULL, NULL, SOCK_NONBLOCK)) >= 0)
        watch(s, kind);
    if (errno != EAGAIN)
        fail("accept");
}

// Writes what is left; 0 when it has to wait for room.
static int flush(int fd)
{
    struct peer *p = &peers[fd];
    while (p->at < p->len || p->body) {
        size_t n = p->len - p->at;
        const char *from = p->data + p->at;
        if (!n) {
            from = pattern;
            n = p->body < sizeof pattern ? p->body : sizeof pattern;
        }
        ssize_t r = send(fd, from, n, MSG_NOSIGNAL);
        if (r < 0 && errno == EAGAIN) {
            want(fd, EPOLLOUT);
            return 0;
        }
        if (r <= 0) {
            drop(fd);
            return 0;
        }
        if (from == pattern)
            p->body -= r;
        else
            p->at += r;
    }
    p->at = p->len = 0;
    return 1;
}

static void echo(int fd)
{
    static char block[65536];
    struct peer *p = &peers[fd];
    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            drop(fd);
            return;
        }
        ssize_t r = send(fd, block, n, MSG_NOSIGNAL);
        if (r < 0 && errno != EAGAIN) {
            drop(fd);
            return;
        }
        r = r < 0 ? 0 : r;
        if (r < n) {
            p->data = realloc(p->data, n - r);
            memcpy(p->data, block + r, n - r);
            p->at = 0;
            p->len = n - r;
            want(fd, EPOLLOUT);
            return;
        }
    }
}

#define REQUEST_MAX 8192

static void http(int fd)
{
    struct peer *p = &peers[fd];
    if (!p->data && !(p->data = malloc(REQUEST_MAX))) {
        drop(fd);
        return;
    }
    for (;;) {
        ssize_t n = read(fd, p->data + p->len, REQUEST_MAX - 1 - p->len);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            drop(fd);
            return;
        }
        p->len += n;
        p->data[p->len] = '\0';
        if (!strstr(p->data, "\r\n\r\n"))
            continue;
        p->body = strtoul(p->data + strcspn(p->data, "/") + 1, NULL, 10);
        p->at = 0;
        p->len = sprintf(p->data,
                         "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
                         p->body);
        if (!flush(fd))
            return;
    }
}

static void udp(int fd, int dns)
{
    static uint8_t m[65536];
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    static const uint8_t answer[] = {0xc0, 12, 0, 1, 0, 1, 0, 0,
                                     0,    9,  0, 4, 192, 0, 2, 53};
    ssize_t n;
    while ((n = recvfrom(fd, m, sizeof m - sizeof answer, 0,
                         (struct sockaddr *)&from, &len)) >= 0) {
        if (dns && n > 12) {
            size_t end = 12;
            while (end < (size_t)n && m[end])
                end += m[end] + 1;
            n = end + 5; // the question alone
            m[2] = 0x84, m[3] = 0;
            memset(m + 6, 0, 6);
            m[7] = 1;
            memcpy(m + n, answer, sizeof answer);
            n += sizeof answer;
        }
        sendto(fd, m, n, 0, (struct sockaddr *)&from, len);
        len = sizeof from;
    }
}

static void turn(int fd, uint32_t events)
{
    struct peer *p = &peers[fd];
    if (events & EPOLLOUT) {
        if (!flush(fd))
            return;
        want(fd, EPOLLIN);
    }
    switch (p->kind) {
    case LISTEN_ECHO:
        accept_all(fd, ECHO);
        break;
    case LISTEN_HTTP:
        accept_all(fd, HTTP);
        break;
    case UDP_ECHO:
    case UDP_DNS:
        udp(fd, p->kind == UDP_DNS);
        break;
    case ECHO:
        echo(fd);
        break;
    case HTTP:
        http(fd);
        break;
    case NONE:
        break;
    }
}

static void serve(void)
{
    struct rlimit limit = {FDS, FDS};
    setrlimit(RLIMIT_NOFILE, &limit);
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = 'a' + i % 26;
    set = epoll_create1(0);
    opened(SOCK_STREAM, 7, LISTEN_ECHO);
    opened(SOCK_STREAM, 80, LISTEN_HTTP);
    opened(SOCK_DGRAM, 7, UDP_ECHO);
    opened(SOCK_DGRAM, 53, UDP_DNS);
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct epoll_event e[64];
        int n = epoll_wait(set, e, 64, -1);
        for (int i = 0; i < n; i++)
            turn(e[i].data.fd, e[i].events);
    }
}

static void get(const char *host, const char *port)
{
    static const char request[] = "GET / HTTP/1.0\r\n\r\n";
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *l;
    char block[65536];
    ssize_t n = -1;
    int r = getaddrinfo(host, port, &hints, &l), s = -1;
    if (r) {
        printf("%s: %s\n", host, gai_strerror(r));
        exit(1);
    }
    for (; l && n < 0; l = l->ai_next) {
        s = socket(l->ai_family, l->ai_socktype, l->ai_protocol);
        n = connect(s, l->ai_addr, l->ai_addrlen);
    }
    if (n < 0)
        fail("connect");
    if (write(s, request, sizeof request - 1) != sizeof request - 1)
        fail("write");
    while ((n = read(s, block, sizeof block)) > 0)
        fwrite(block, 1, n, stdout);
    if (n < 0)
        fail("read");
}

static int is_global(const struct sockaddr *a)
{
    if (!a)
        return 0; // an interface without an address
    if (a->sa_family == AF_INET)
        return 1;
    const struct sockaddr_in6 *six = (const void *)a;
    return a->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr);
}

static void addresses(int want_n)
{
    char text[INET6_ADDRSTRLEN];
    struct ifaddrs *l, *i;
    for (int n = 0;; n = 0, freeifaddrs(l), usleep(50000)) {
        if (getifaddrs(&l) < 0)
            fail("getifaddrs");
        for (i = l; i; i = i->ifa_next)
            n += !(i->ifa_flags & IFF_LOOPBACK) && is_global(i->ifa_addr);
        if (n >= want_n)
            break;
    }
    for (i = l; i; i = i->ifa_next) {
        if (i->ifa_flags & IFF_LOOPBACK || !is_global(i->ifa_addr))
            continue;
        getnameinfo(i->ifa_addr, sizeof(struct sockaddr_in6), text, sizeof text,
                    NULL, 0, NI_NUMERICHOST);
        printf("%s %s\n", i->ifa_name, text);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "serve"))
        serve();
    else if (argc == 4 && !strcmp(argv[1], "get"))
        get(argv[2], argv[3]);
    else if (argc == 3 && !strcmp(argv[1], "addresses"))
        addresses(atoi(argv[2]));
    else
        return 2;
    return 0;
}
