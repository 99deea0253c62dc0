// SPDX-License-Identifier: ISC
// Threads that never give way take turns, and lose no state by it: general,
// vector and x87 registers, the rounding mode, the red zone.
#include "tests/domain/check.h"

#include <fenv.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define THREADS 4
#define ENOUGH  12 // turns that each must have had

static volatile int turns[THREADS], last = -1, done;

__attribute__((noinline)) static uint64_t leaf(uint64_t x)
{
    volatile uint64_t a[8]; // in the red zone
    for (int i = 0; i < 8; i++)
        a[i] = x + i;
    uint64_t sum = 0;
    for (int i = 0; i < 8; i++)
        sum += a[i];
    return sum;
}

static void registers(uint64_t seed)
{
    double d[8];
    long double ld = seed;
    for (int i = 0; i < 8; i++)
        d[i] = seed * (i + 1);
    for (int n = 1; n <= 1000; n++) {
        for (int i = 0; i < 8; i++)
            d[i] += n;
        ld += n;
    }
    for (int i = 0; i < 8; i++)
        CHECK(d[i] == seed * (i + 1) + 500500.0);
    CHECK(ld == seed + 500500.0L);
    CHECK(leaf(seed) == 8 * seed + 28);
}

static void wide(uint64_t seed)
{
    typedef uint64_t vector __attribute__((vector_size(16)));
    vector v = {seed, ~seed}, w = v;
    for (int n = 0; n < 1000; n++) {
        __asm__ volatile("" : "+x"(v), "+x"(w));
        v += w;
        v -= w;
    }
    CHECK(v[0] == seed && v[1] == ~seed && w[0] == seed);
}

static void *spin(void *argument)
{
    int me = (intptr_t)argument;
    static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD,
                                FE_TOWARDZERO};
    fesetround(modes[me]);
    while (!done) {
        if (last != me) {
            last = me;
            turns[me]++;
        }
        registers(me * 1000 + 1);
        wide(me * 0x1234567ull);
        CHECK(fegetround() == modes[me]);
        int all = 1;
        for (int i = 0; i < THREADS; i++)
            all &= turns[i] >= ENOUGH;
        if (all)
            done = 1;
    }
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&t[i], NULL, spin, (void *)i));
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_join(t[i], NULL));
    CHECK(fegetround() == FE_TONEAREST);
    return 0;
}
