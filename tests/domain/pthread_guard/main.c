// SPDX-License-Identifier: ISC
// A thread that runs out of stack meets its guard, not its neighbour.
#include "tests/domain/check.h"

#include <limits.h>
#include <pthread.h>

static volatile int endless = 1;

static int deeper(volatile char *above)
{
    volatile char here[512];
    here[0] = above[0];
    return endless ? deeper(here) + here[0] : 0;
}

static void *fall(void *argument)
{
    return (void *)(long)deeper(argument);
}

int main(void)
{
    pthread_t t;
    pthread_attr_t attr;
    CHECK(!pthread_attr_init(&attr));
    CHECK(!pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN));
    char c = 1;
    CHECK(!pthread_create(&t, &attr, fall, &c));
    pthread_join(t, NULL);
    return 0;
}
