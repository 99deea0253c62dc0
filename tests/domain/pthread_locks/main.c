// SPDX-License-Identifier: ISC
// Mutexes of each type, timed waits, and condition variables, under threads
// that preempt each other.
#include "tests/domain/check.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#define THREADS 8
#define ROUNDS  20000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long counter, inside;

static void *count(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(!pthread_mutex_lock(&mutex));
        CHECK(++inside == 1);
        long seen = counter;
        for (volatile int spin = 0; spin < 20; spin++)
            continue;
        counter = seen + 1;
        CHECK(--inside == 0);
        CHECK(!pthread_mutex_unlock(&mutex));
    }
    return NULL;
}

static struct timespec in_ms(clockid_t clock, long ms)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    ts.tv_nsec += ms * 1000000;
    ts.tv_sec += ts.tv_nsec / 1000000000;
    ts.tv_nsec %= 1000000000;
    return ts;
}

static int reached(clockid_t clock, const struct timespec *until)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec > until->tv_sec ||
           (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec);
}

static void *try_held(void *m)
{
    CHECK(pthread_mutex_trylock(m) == EBUSY);
    struct timespec until = in_ms(CLOCK_REALTIME, 5);
    CHECK(pthread_mutex_timedlock(m, &until) == ETIMEDOUT);
    CHECK(reached(CLOCK_REALTIME, &until));
    CHECK(pthread_mutex_unlock(m) == EPERM);
    return NULL;
}

static void types(void)
{
    pthread_t t;
    pthread_mutexattr_t attr;
    pthread_mutex_t m;
    CHECK(!pthread_mutexattr_init(&attr));
    CHECK(!pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE));
    CHECK(!pthread_mutex_init(&m, &attr));
    CHECK(!pthread_mutex_lock(&m) && !pthread_mutex_lock(&m));
    CHECK(!pthread_mutex_trylock(&m));
    CHECK(!pthread_create(&t, NULL, try_held, &m));
    CHECK(!pthread_join(t, NULL));
    for (int i = 0; i < 3; i++)
        CHECK(!pthread_mutex_unlock(&m));
    CHECK(pthread_mutex_unlock(&m) == EPERM);
    CHECK(!pthread_mutex_destroy(&m));

    CHECK(!pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK));
    CHECK(!pthread_mutex_init(&m, &attr));
    CHECK(!pthread_mutex_lock(&m) && pthread_mutex_lock(&m) == EDEADLK);
    CHECK(pthread_mutex_destroy(&m) == EBUSY);
    CHECK(!pthread_create(&t, NULL, try_held, &m));
    CHECK(!pthread_join(t, NULL));
    CHECK(!pthread_mutex_unlock(&m));
    CHECK(pthread_mutexattr_settype(&attr, 77) == EINVAL);
}

// A bounded buffer.
#define SLOTS 4
static int slots[SLOTS], used, put_at, take_at;
static long sum_taken;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER,
                      not_empty = PTHREAD_COND_INITIALIZER;

static void *producer(void *argument)
{
    for (int i = 1; i <= ROUNDS; i++) {
        CHECK(!pthread_mutex_lock(&mutex));
        while (used == SLOTS)
            CHECK(!pthread_cond_wait(&not_full, &mutex));
        slots[put_at++ % SLOTS] = i;
        used++;
        CHECK(!pthread_cond_signal(&not_empty));
        CHECK(!pthread_mutex_unlock(&mutex));
    }
    return argument;
}

static void *consumer(void *argument)
{
    for (int i = 1; i <= ROUNDS; i++) {
        CHECK(!pthread_mutex_lock(&mutex));
        while (!used)
            CHECK(!pthread_cond_wait(&not_empty, &mutex));
        sum_taken += slots[take_at++ % SLOTS];
        used--;
        CHECK(!pthread_cond_signal(&not_full));
        CHECK(!pthread_mutex_unlock(&mutex));
    }
    return argument;
}

static int go, gone;
static pthread_cond_t start = PTHREAD_COND_INITIALIZER;
static void *starter(void *argument)
{
    CHECK(!pthread_mutex_lock(&mutex));
    while (!go)
        CHECK(!pthread_cond_wait(&start, &mutex));
    gone++;
    CHECK(!pthread_mutex_unlock(&mutex));
    return argument;
}

int main(void)
{
    pthread_t t[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&t[i], NULL, count, NULL));
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_join(t[i], NULL));
    CHECK(counter == (long)THREADS * ROUNDS);
    types();

    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&t[i], NULL, i % 2 ? producer : consumer, NULL));
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_join(t[i], NULL));
    CHECK(!used);
    CHECK(sum_taken == THREADS / 2 * (ROUNDS * (ROUNDS + 1l) / 2));

    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&t[i], NULL, starter, NULL));
    sched_yield();
    CHECK(!pthread_mutex_lock(&mutex));
    go = 1;
    CHECK(!pthread_cond_broadcast(&start));
    CHECK(!pthread_mutex_unlock(&mutex));
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_join(t[i], NULL));
    CHECK(gone == THREADS);

    // Nobody signals.
    pthread_condattr_t attr;
    pthread_cond_t c;
    for (int i = 0; i < 2; i++) {
        clockid_t clock = i ? CLOCK_MONOTONIC : CLOCK_REALTIME;
        CHECK(!pthread_condattr_init(&attr));
        CHECK(!pthread_condattr_setclock(&attr, clock));
        CHECK(!pthread_cond_init(&c, &attr));
        CHECK(!pthread_mutex_lock(&mutex));
        struct timespec until = in_ms(clock, 5);
        CHECK(pthread_cond_timedwait(&c, &mutex, &until) == ETIMEDOUT);
        CHECK(reached(clock, &until));
        until.tv_nsec = -1;
        CHECK(pthread_cond_timedwait(&c, &mutex, &until) == EINVAL);
        CHECK(!pthread_mutex_unlock(&mutex));
        CHECK(!pthread_cond_destroy(&c));
    }
    return 0;
}
