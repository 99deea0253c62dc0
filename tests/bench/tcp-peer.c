// SPDX-License-Identifier: ISC
/*
 * One end of a TCP connection; the same source for Linux and for a domain.
 *
 *   tcp-peer                     serves on port 5001 as a client's first byte
 *                                says: takes all, gives without end, or echoes
 *   tcp-peer HOST KIND SECONDS   a client of KIND t(ake), g(ive), e(cho);
 *                                prints Gbit/s, or microseconds a round trip
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLOCK (128 * 1024)

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void no_delay(int s)
{
    int one = 1;
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void *serve_one(void *arg)
{
    int s = (long)arg;
    char kind, *block = calloc(1, BLOCK);
    ssize_t n;
    no_delay(s);
    if (block && read(s, &kind, 1) == 1) {
        if (kind == 'g')
            while (read(s, block, BLOCK) > 0)
                continue;
        else if (kind == 't')
            while (write(s, block, BLOCK) > 0)
                continue;
        else
            while ((n = read(s, block, BLOCK)) > 0 && write(s, block, n) == n)
                continue;
    }
    free(block);
    close(s);
    return NULL;
}

static int serve(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(5001)};
    int one = 1, l = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(l, (struct sockaddr *)&a, sizeof a) < 0 || listen(l, 64) < 0)
        return 1;
    puts("ready");
    fflush(stdout);
    for (;;) {
        pthread_t t;
        long s = accept(l, NULL, NULL);
        if (s < 0)
            return 1;
        pthread_create(&t, NULL, serve_one, (void *)s);
        pthread_detach(t);
    }
}

static int ask(const char *host, char kind, double seconds)
{
    static char block[BLOCK];
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(5001)};
    int s = socket(AF_INET, SOCK_STREAM, 0);
    double done = 0, start, t;
    inet_aton(host, &a.sin_addr);
    if (connect(s, (struct sockaddr *)&a, sizeof a) < 0 ||
        write(s, &kind, 1) != 1) {
        perror(host);
        return 1;
    }
    no_delay(s);
    for (start = now_s(); (t = now_s() - start) < seconds;) {
        ssize_t n;
        if (kind == 't')
            n = read(s, block, BLOCK);
        else if (kind == 'g')
            n = write(s, block, BLOCK);
        else
            n = write(s, block, 1) == 1 ? read(s, block, 1) : -1;
        if (n <= 0) {
            perror("the connection");
            return 1;
        }
        done += n;
    }
    printf("%.3f\n", kind == 'e' ? t / done * 1e6 : done * 8e-9 / t);
    return 0;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc == 4)
        return ask(argv[1], argv[2][0], atof(argv[3]));
    return serve();
}
