// SPDX-License-Identifier: ISC
// Says its clocks over and over, for tests/domain/pause_test.c: a line each of
// monotonic, wall, process and thread time in ns, between short sleeps. Ends
// with 0 when asked to, and with 1 where one clock contradicts another.
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static volatile sig_atomic_t ended;

static void on_end(int sig)
{
    (void)sig;
    ended = 1;
}

static int64_t now_ns(clockid_t clock)
{
    struct timespec ts;
    if (clock_gettime(clock, &ts) < 0 || ts.tv_nsec < 0 ||
        ts.tv_nsec > 999999999)
        exit(1);
    return ts.tv_sec * 1000000000l + ts.tv_nsec;
}

static void never_back(int64_t *last, int64_t now)
{
    if (now < *last) {
        printf("back by %ld\n", *last - now);
        exit(1);
    }
    *last = now;
}

// Waits for moments of three kinds, none of which may be early.
static void moments(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    struct timespec until, little = {0, 1000000};
    int64_t before = now_ns(CLOCK_MONOTONIC);
    nanosleep(&little, NULL);
    if (!ended && now_ns(CLOCK_MONOTONIC) < before + 1000000)
        exit(2);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (until.tv_nsec += 1000000) >= 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&mutex);
    while (pthread_cond_timedwait(&cond, &mutex, &until) == 0)
        continue;
    pthread_mutex_unlock(&mutex);
    if (now_ns(CLOCK_REALTIME) < until.tv_sec * 1000000000l + until.tv_nsec)
        exit(3);
}

int main(void)
{
    int64_t mono = 0, wall = 0, process = 0, thread = 0;
    signal(SIGTERM, on_end);
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (!ended) {
        never_back(&mono, now_ns(CLOCK_MONOTONIC));
        never_back(&wall, now_ns(CLOCK_REALTIME));
        never_back(&process, now_ns(CLOCK_PROCESS_CPUTIME_ID));
        never_back(&thread, now_ns(CLOCK_THREAD_CPUTIME_ID));
        // Whether the host has left it so long between two of them.
        int together = now_ns(CLOCK_MONOTONIC) - mono < 5000000;
        struct timeval tv;
        gettimeofday(&tv, NULL);
        if (tv.tv_sec * 1000000l + tv.tv_usec < wall / 1000)
            exit(4);
        if (together)
            printf("%ld %ld %ld %ld\n", mono, wall, process, thread);
        moments();
    }
    return 0;
}
