// SPDX-License-Identifier: ISC
// The clocks: they advance, agree with sleeping, and never go back.
#include "tests/domain/check.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000

static int64_t now_ns(clockid_t id)
{
    struct timespec ts;
    CHECK(clock_gettime(id, &ts) == 0);
    CHECK(ts.tv_nsec >= 0 && ts.tv_nsec < 1000 * MS);
    return ts.tv_sec * (int64_t)1000 * MS + ts.tv_nsec;
}

int main(void)
{
    int64_t last = now_ns(CLOCK_MONOTONIC);
    for (int i = 0; i < 100000; i++) {
        int64_t t = now_ns(CLOCK_MONOTONIC);
        CHECK(t >= last);
        last = t;
    }

    // A sleep lasts at least as long as asked, and costs almost no CPU.
    int64_t cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    int64_t wall = now_ns(CLOCK_REALTIME);
    last = now_ns(CLOCK_MONOTONIC);
    nanosleep(&(struct timespec){0, 30 * MS}, NULL);
    usleep(20000);
    int64_t slept = now_ns(CLOCK_MONOTONIC) - last;
    CHECK(slept >= 50 * MS);
    CHECK(now_ns(CLOCK_REALTIME) - wall >= 49 * MS);
    CHECK(now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu < slept / 2);

    // Work does cost CPU.
    cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    clock_t ticks = clock();
    for (volatile int i = 0; i < 50000000; i++)
        ;
    CHECK(now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu > 5 * MS);
    CHECK(clock() > ticks);

    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    wall = now_ns(CLOCK_REALTIME);
    CHECK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL) == 0);
    CHECK(now_ns(CLOCK_REALTIME) - wall >= 999 * (int64_t)MS);

    CHECK(clock_gettime(99, &until) < 0 && errno == EINVAL);
    CHECK(nanosleep(&(struct timespec){0, 1000 * MS}, NULL) < 0);
    CHECK(errno == EINVAL);

    struct timeval tv;
    CHECK(gettimeofday(&tv, NULL) == 0);
    struct tm *tm = gmtime(&tv.tv_sec);
    CHECK(tm->tm_year >= 2026 - 1900);
    char text[32];
    CHECK(strftime(text, sizeof text, "%Y-%m-%d", gmtime(&(time_t){0})) == 10);
    CHECK(!strcmp(text, "1970-01-01"));
    return 0;
}
