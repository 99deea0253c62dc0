// SPDX-License-Identifier: ISC
// Many threads at once, and far more one after the other than memory holds.
#include "tests/domain/check.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>

#define AT_ONCE 500
#define IN_ALL  20000

static sem_t go, arrived;
static long sum;

static void *wait(void *argument)
{
    CHECK(!sem_post(&arrived));
    CHECK(!sem_wait(&go));
    __atomic_fetch_add(&sum, (intptr_t)argument, __ATOMIC_RELAXED);
    return NULL;
}

static void *nothing(void *argument)
{
    char *p = malloc((uintptr_t)argument % 1000);
    CHECK(p);
    free(p);
    return argument;
}

int main(void)
{
    static pthread_t t[AT_ONCE];
    pthread_attr_t attr;
    CHECK(!pthread_attr_init(&attr));
    CHECK(!pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN));
    CHECK(!sem_init(&go, 0, 0) && !sem_init(&arrived, 0, 0));
    for (intptr_t i = 0; i < AT_ONCE; i++)
        CHECK(!pthread_create(&t[i], &attr, wait, (void *)i));
    for (int i = 0; i < AT_ONCE; i++)
        CHECK(!sem_wait(&arrived));
    for (int i = 0; i < AT_ONCE; i++)
        CHECK(!sem_post(&go));
    for (int i = 0; i < AT_ONCE; i++)
        CHECK(!pthread_join(t[i], NULL));
    CHECK(sum == AT_ONCE * (AT_ONCE - 1l) / 2);

    for (intptr_t i = 0; i < IN_ALL; i++) {
        void *result;
        pthread_t one;
        CHECK(!pthread_create(&one, NULL, nothing, (void *)i));
        if (i % 2) {
            CHECK(!pthread_join(one, &result) && result == (void *)i);
        } else {
            CHECK(!pthread_detach(one));
        }
    }

    // Until memory is used up, which is an error and no more.
    CHECK(!pthread_attr_setstacksize(&attr, 4 << 20));
    int made = 0, r;
    while (!(r = pthread_create(&t[made], &attr, wait, NULL)))
        made++;
    CHECK(r == EAGAIN && made > 1);
    for (int i = 0; i < made; i++)
        CHECK(!sem_post(&go));
    for (int i = 0; i < made; i++)
        CHECK(!pthread_join(t[i], NULL));
    return 0;
}
