// SPDX-License-Identifier: ISC
// A thread that waits for input, or sleeps, keeps nobody else waiting.
#include "tests/domain/check.h"

#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile int got_line, slept, beats;
static char line[64];

static void *reader(void *argument)
{
    CHECK(fgets(line, sizeof line, stdin));
    got_line = 1;
    return argument;
}

static void *sleeper(void *argument)
{
    CHECK(!usleep(20000));
    slept = 1;
    return argument;
}

static void *beat(void *argument)
{
    while (!got_line || !slept) {
        beats++;
        usleep(1000);
    }
    return argument;
}

int main(void)
{
    pthread_t t[3];
    CHECK(!pthread_create(&t[0], NULL, reader, NULL));
    CHECK(!pthread_create(&t[1], NULL, sleeper, NULL));
    CHECK(!pthread_create(&t[2], NULL, beat, NULL));
    // This one spins, and is preempted for all of them.
    while (!got_line || !slept)
        continue;
    for (int i = 0; i < 3; i++)
        CHECK(!pthread_join(t[i], NULL));
    CHECK(!strcmp(line, "a line\n") && beats > 0);

    // With nobody ready the domain sleeps: virtual time stands still.
    struct timespec before, after;
    CHECK(!clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before));
    usleep(300000);
    CHECK(!clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after));
    double used = after.tv_sec - before.tv_sec +
                  (after.tv_nsec - before.tv_nsec) / 1e9;
    CHECK(used < 0.1);
    return 0;
}
