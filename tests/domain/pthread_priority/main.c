// SPDX-License-Identifier: ISC
// Priorities: the most urgent ready thread runs, SCHED_FIFO is not preempted
// by its equals, and waiters are woken in order of priority.
#include "tests/domain/check.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

static char order[32];
static sem_t sem;

static void *append(void *name)
{
    strcat(order, name);
    return NULL;
}

static void *waits(void *name)
{
    CHECK(!sem_wait(&sem));
    return append(name);
}

static pthread_t start(void *(*f)(void *), char *name, int policy, int priority)
{
    pthread_t t;
    pthread_attr_t attr;
    struct sched_param param = {.sched_priority = priority};
    CHECK(!pthread_attr_init(&attr));
    CHECK(!pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED));
    CHECK(!pthread_attr_setschedpolicy(&attr, policy));
    CHECK(!pthread_attr_setschedparam(&attr, &param));
    CHECK(!pthread_create(&t, &attr, f, name));
    return t;
}

static volatile int stop;
static volatile long low_ran;
static void *low(void *argument)
{
    while (!stop)
        low_ran++;
    return argument;
}

// For several slices.
static void spin_ms(long ms)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    long end = ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + ms;
    do
        clock_gettime(CLOCK_MONOTONIC, &ts);
    while (ts.tv_sec * 1000 + ts.tv_nsec / 1000000 < end);
}

int main(void)
{
    CHECK(sched_get_priority_min(SCHED_FIFO) == 1);
    CHECK(sched_get_priority_max(SCHED_RR) == 31);
    struct sched_param param = {.sched_priority = 10};
    CHECK(pthread_setschedparam(pthread_self(), SCHED_OTHER, &param) == EINVAL);
    CHECK(!pthread_setschedparam(pthread_self(), SCHED_FIFO, &param));

    // One more urgent runs at once; less urgent ones wait for us.
    pthread_t a = start(append, "a", SCHED_FIFO, 5);
    pthread_t b = start(append, "b", SCHED_FIFO, 7);
    pthread_t c = start(append, "c", SCHED_FIFO, 20);
    CHECK(!strcmp(order, "c"));
    CHECK(!pthread_join(a, NULL) && !pthread_join(b, NULL));
    CHECK(!pthread_join(c, NULL));
    CHECK(!strcmp(order, "cba"));

    // Semaphores wake the most urgent first, and it runs before we go on.
    order[0] = '\0';
    CHECK(!sem_init(&sem, 0, 0));
    a = start(waits, "a", SCHED_FIFO, 11);
    b = start(waits, "b", SCHED_FIFO, 13);
    c = start(waits, "c", SCHED_FIFO, 12);
    CHECK(!order[0]);
    CHECK(!sem_post(&sem) && !strcmp(order, "b"));
    CHECK(!sem_post(&sem) && !strcmp(order, "bc"));
    CHECK(!sem_post(&sem) && !strcmp(order, "bca"));
    CHECK(!pthread_join(a, NULL) && !pthread_join(b, NULL));
    CHECK(!pthread_join(c, NULL));

    // FIFO equals do not interrupt us; nor does what is less urgent.
    a = start(low, NULL, SCHED_RR, 10);
    b = start(low, NULL, SCHED_OTHER, 0);
    spin_ms(30);
    CHECK(!low_ran);

    // Round robin equals do.
    CHECK(!pthread_setschedparam(pthread_self(), SCHED_RR, &param));
    while (!low_ran)
        continue;

    // Lowered, we get the processor back by being raised from another thread
    // only; so stop first.
    stop = 1;
    CHECK(!pthread_join(a, NULL) && !pthread_join(b, NULL));
    int policy;
    CHECK(!pthread_getschedparam(pthread_self(), &policy, &param));
    CHECK(policy == SCHED_RR && param.sched_priority == 10);
    return 0;
}
