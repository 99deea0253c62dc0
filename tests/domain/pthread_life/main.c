// SPDX-License-Identifier: ISC
// Threads are made, end, are joined, detached, and have errno, names, keys and
// __thread variables of their own.
#define _GNU_SOURCE
#include "tests/domain/check.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static __thread int local = 7;
static __thread char zeros[100];
static pthread_key_t key;
static int destroyed, cleaned;

static void destructor(void *value)
{
    destroyed += (intptr_t)value;
    // Set again once: a second round is due.
    if ((intptr_t)value == 1)
        pthread_setspecific(key, (void *)100);
}

static void *body(void *argument)
{
    CHECK(local == 7 && !zeros[99]);
    local = 8, zeros[99] = 1;
    errno = (intptr_t)argument;
    CHECK(!pthread_getspecific(key));
    CHECK(!pthread_setspecific(key, (void *)1));
    for (int i = 0; i < 10; i++)
        sched_yield();
    CHECK(errno == (intptr_t)argument && local == 8);
    char text[100];
    snprintf(text, sizeof text, "%.3f", (double)(intptr_t)argument);
    CHECK(atof(text) == (double)(intptr_t)argument);
    return (void *)((intptr_t)argument * 2);
}

static void cleanup(void *n)
{
    cleaned = cleaned * 10 + (intptr_t)n;
}

static void *leaver(void *argument)
{
    pthread_cleanup_push(cleanup, (void *)1);
    pthread_cleanup_push(cleanup, (void *)2);
    pthread_cleanup_push(cleanup, (void *)3);
    pthread_cleanup_pop(0);
    if (argument)
        pthread_exit((void *)55);
    pthread_cleanup_pop(1);
    pthread_cleanup_pop(1);
    return NULL;
}

static void *itself(void *argument)
{
    (void)argument;
    CHECK(pthread_join(pthread_self(), NULL) == EDEADLK);
    return (void *)pthread_self();
}

static int detached_ran;
static void *detached(void *argument)
{
    (void)argument;
    detached_ran++;
    return NULL;
}

int main(void)
{
    CHECK(!pthread_key_create(&key, destructor));
    errno = 99;
    pthread_t t[5];
    for (intptr_t i = 0; i < 5; i++)
        CHECK(!pthread_create(&t[i], NULL, body, (void *)(i + 1)));
    for (intptr_t i = 0; i < 5; i++) {
        void *result;
        CHECK(!pthread_join(t[i], &result));
        CHECK((intptr_t)result == (i + 1) * 2);
    }
    CHECK(destroyed == 5 * 101);
    CHECK(errno == 99 && local == 7 && !zeros[99]);

    void *result;
    CHECK(!pthread_create(&t[0], NULL, leaver, (void *)1));
    CHECK(!pthread_join(t[0], &result) && result == (void *)55);
    CHECK(cleaned == 21);
    CHECK(!pthread_create(&t[0], NULL, leaver, NULL));
    CHECK(!pthread_join(t[0], &result) && !result && cleaned == 2121);

    CHECK(!pthread_create(&t[0], NULL, itself, NULL));
    CHECK(!pthread_join(t[0], &result) && (pthread_t)result == t[0]);
    CHECK(!pthread_equal(t[0], pthread_self()));

    pthread_attr_t attr;
    CHECK(!pthread_attr_init(&attr));
    CHECK(pthread_attr_setstacksize(&attr, 100) == EINVAL);
    CHECK(!pthread_attr_setstacksize(&attr, 1 << 20));
    CHECK(!pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED));
    for (int i = 0; i < 50; i++) {
        CHECK(!pthread_create(&t[0], &attr, detached, NULL));
        sched_yield();
    }
    while (detached_ran < 50)
        usleep(1000);
    CHECK(!pthread_create(&t[0], NULL, detached, NULL));
    CHECK(!pthread_detach(t[0]));

    // On a stack of the program's own.
    static char stack[2 * PTHREAD_STACK_MIN] __attribute__((aligned(16)));
    CHECK(!pthread_attr_init(&attr));
    CHECK(!pthread_attr_setstack(&attr, stack, sizeof stack));
    CHECK(!pthread_create(&t[0], &attr, body, (void *)21));
    CHECK(!pthread_join(t[0], &result) && result == (void *)42);

    CHECK(!pthread_setname_np(pthread_self(), "main"));
    char name[16];
    CHECK(!pthread_getname_np(pthread_self(), name, sizeof name));
    CHECK(!strcmp(name, "main"));

    // The last to end ends the program.
    CHECK(!pthread_create(&t[0], NULL, detached, NULL));
    pthread_exit(NULL);
}
