// SPDX-License-Identifier: ISC
/*
 * Victims and aggressors of tests/bench/isolation; the same source for domains
 * and, where one end of a network is the host's, for Linux.
 *
 *   isolation cpu BEGIN END       victims: work from BEGIN to END, in seconds
 *   isolation disk BEGIN END      since 1970, and print "N us P99": how much
 * was isolation ask BEGIN END HOST  done, and how long nearly all of it took;
 *   isolation serve               the network's has a client
 *
 *   isolation spin|touch|write|files|bell
 *   isolation send HOST           aggressors: without end
 *   isolation flood HOST RATE     RATE packets a second
 *   isolation receive
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT  5001
#define BLOCK 4096

static uint64_t now_ns(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void fail(const char *what)
{
    printf("failed: %s: %s\n", what, strerror(errno));
    exit(1);
}

// ---------------------------------------------------------------- victims

// How often something took how long, in steps of a sixteenth.
#define STEPS (48 * 16)
static uint32_t took[STEPS];
static uint64_t done;

static unsigned step_of(uint64_t ns)
{
    unsigned log = 63 - __builtin_clzll(ns | 16);

    return (log - 4) * 16 + (ns >> (log - 4) & 15);
}

static uint64_t step_ns(unsigned step)
{
    return (16ull + step % 16) << (step / 16);
}

static uint64_t p99_ns(void)
{
    uint64_t seen = 0;

    for (unsigned s = 0; s < STEPS; s++)
        if ((seen += took[s]) * 100 >= done * 99)
            return step_ns(s);
    return 0;
}

// Does it until the end, and counts what was done between begin and end.
static int victim(char **argv, void (*work)(void *), void *arg)
{
    const uint64_t begin = strtoull(argv[2], NULL, 10) * 1000000000ull;
    const uint64_t end = strtoull(argv[3], NULL, 10) * 1000000000ull;
    const uint64_t offset = now_ns(CLOCK_REALTIME) - now_ns(CLOCK_MONOTONIC);
    uint64_t at = now_ns(CLOCK_MONOTONIC) + offset, next, used_ns = 0;

    if (at > begin) {
        printf("late\n");
        return 1;
    }
    for (; at < end; at = next) {
        work(arg);
        next = now_ns(CLOCK_MONOTONIC) + offset;
        if (at < begin)
            continue;
        if (!done)
            used_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
        took[step_of(next - at)]++;
        done++;
    }
    used_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - used_ns;
    printf("%llu us %.1f cpu %.3f\n", (unsigned long long)done, p99_ns() / 1e3,
           used_ns / 1e9);
    return 0;
}

static void compute(void *arg)
{
    uint64_t x = *(uint64_t *)arg;

    for (int i = 0; i < 20000; i++)
        x = x * 6364136223846793005ull + 1442695040888963407ull;
    *(volatile uint64_t *)arg = x;
}

struct disk {
    int fd;
    uint64_t blocks, x;
    char *block;
};

static struct disk disk_open(int flags)
{
    struct disk d = {.fd = open("/dev/vda", flags),
                     .x = 88172645463325252ull,
                     .block = aligned_alloc(BLOCK, 16 * BLOCK)};
    off_t len = lseek(d.fd, 0, SEEK_END);

    if (d.fd < 0 || len < 16 * BLOCK || !d.block)
        fail("the disk");
    memset(d.block, 'x', 16 * BLOCK);
    d.blocks = (uint64_t)len / BLOCK;
    return d;
}

static uint64_t disk_place(struct disk *d)
{
    d->x ^= d->x << 13;
    d->x ^= d->x >> 7;
    d->x ^= d->x << 17;
    return d->x % d->blocks * BLOCK;
}

static void disk_read(void *arg)
{
    struct disk *d = arg;

    if (pread(d->fd, d->block, BLOCK, disk_place(d)) != BLOCK)
        fail("reading the disk");
}

static struct sockaddr_in address(const char *host, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

    a.sin_addr.s_addr = host ? inet_addr(host) : htonl(INADDR_ANY);
    return a;
}

static void ask(void *arg)
{
    char text[64] = "?";

    for (size_t at = 0; at < sizeof(text);) {
        ssize_t n = write(*(int *)arg, text + at, sizeof(text) - at);

        if (n <= 0)
            fail("asking");
        at += n;
    }
    for (size_t at = 0; at < sizeof(text);) {
        ssize_t n = read(*(int *)arg, text + at, sizeof(text) - at);

        if (n <= 0)
            fail("the answer");
        at += n;
    }
}

static int ask_begin(const char *host)
{
    struct sockaddr_in a = address(host, PORT);
    const int one = 1;
    int s = socket(AF_INET, SOCK_STREAM, 0);

    if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof(a)) < 0)
        fail("connecting");
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return s;
}

// One client at a time.
static __attribute__((noreturn)) void serve(void)
{
    struct sockaddr_in a = address(NULL, PORT);
    int l = socket(AF_INET, SOCK_STREAM, 0);
    const int one = 1;
    char text[64];

    if (l < 0 || bind(l, (struct sockaddr *)&a, sizeof(a)) < 0 ||
        listen(l, 4) < 0)
        fail("listening");
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        int s = accept(l, NULL, NULL);
        ssize_t n;

        if (s < 0)
            continue;
        setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        while ((n = read(s, text, sizeof(text))) > 0 && write(s, text, n) == n)
            continue;
        close(s);
    }
}

// ------------------------------------------------------------- aggressors

static void spin(void)
{
    for (uint64_t x = 1;;)
        compute(&x);
}

// Takes memory, touches each page of it and gives it back.
static void touch(void)
{
    const size_t len = 64ul << 20;

    for (;;) {
        char *p = malloc(len);

        if (!p)
            fail("malloc");
        for (size_t at = 0; at < len; at += 4096)
            ((volatile char *)p)[at] = 1;
        free(p);
    }
}

static void disk_write(void)
{
    struct disk d = disk_open(O_WRONLY);

    for (uint64_t at = 0;; at = (at + 16) % (d.blocks - 15))
        if (pwrite(d.fd, d.block, 16 * BLOCK, at * BLOCK) != 16 * BLOCK)
            fail("writing the disk");
}

// What small files make of a disk: a block here, a block there, each flushed;
// and files of the guest's own.
static void files(void)
{
    struct disk d = disk_open(O_WRONLY);

    for (unsigned n = 0;; n++) {
        char name[32];
        int fd;

        snprintf(name, sizeof(name), "/tmp%u", n % 64);
        fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0600);
        if (fd < 0 || write(fd, d.block, 100) != 100)
            fail(name);
        close(fd);
        unlink(name);
        if (pwrite(d.fd, d.block, BLOCK, disk_place(&d)) != BLOCK ||
            fsync(d.fd) < 0)
            fail("writing the disk");
    }
}

static void packets(const char *host, uint64_t rate)
{
    struct sockaddr_in a = address(host, 9);
    char text[64] = "!";
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    const uint64_t begin = now_ns(CLOCK_MONOTONIC);

    if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof(a)) < 0)
        fail("a socket");
    for (uint64_t sent = 0;; sent++) {
        // Whether anybody takes them is no matter.
        if (write(s, text, sizeof(text)) < 0 && errno == EBADF)
            fail("sending");
        while (rate && sent % 32 == 0 &&
               sent * 1000000000ull / rate > now_ns(CLOCK_MONOTONIC) - begin)
            usleep(500);
    }
}

static void receive(void)
{
    struct sockaddr_in a = address(NULL, 9);
    char text[64];
    int s = socket(AF_INET, SOCK_DGRAM, 0);

    if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) < 0)
        fail("a socket");
    for (;;)
        if (read(s, text, sizeof(text)) < 0 && errno == EBADF)
            fail("receiving");
}

#ifndef __linux__
#include "hypervisor/abi/hv.h"

// Calls that wake the monitor for nothing, as fast as they go.
static void bell(void)
{
    long (*notify)(uint64_t) = (long (*)(uint64_t))HV_CALL_VA(HV_CALL_NOTIFY);

    for (uint64_t n = 0;; n++)
        notify(n % HV_PORT_DEVICE);
}
#else
static void bell(void)
{
    errno = ENOSYS;
    fail("bell is for domains");
}
#endif

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    uint64_t x = 1;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 4 && !strcmp(what, "cpu"))
        return victim(argv, compute, &x);
    if (argc == 4 && !strcmp(what, "disk")) {
        struct disk d = disk_open(O_RDONLY);

        return victim(argv, disk_read, &d);
    }
    if (argc == 5 && !strcmp(what, "ask")) {
        int s = ask_begin(argv[4]);

        return victim(argv, ask, &s);
    }
    if (!strcmp(what, "serve"))
        serve();
    printf("ready\n");
    if (!strcmp(what, "spin"))
        spin();
    if (!strcmp(what, "touch"))
        touch();
    if (!strcmp(what, "write"))
        disk_write();
    if (!strcmp(what, "files"))
        files();
    if (!strcmp(what, "bell"))
        bell();
    if (!strcmp(what, "send") && argc == 3)
        packets(argv[2], 0);
    if (!strcmp(what, "flood") && argc == 4)
        packets(argv[2], strtoull(argv[3], NULL, 10));
    if (!strcmp(what, "receive"))
        receive();
    fprintf(stderr, "isolation: see the first lines of its source\n");
    return 2;
}
