// SPDX-License-Identifier: ISC
/*
 * What the C library and its threads cost, in ns an operation: one program,
 * for a domain and for Linux. The best of several rounds is printed, since
 * whatever else the machine does can only slow a round down.
 *
 *     malloc    a free and a malloc in a working set of many sizes
 *     tree      a malloc and a free of small blocks, all made before any goes
 *     switch    sched_yield to another thread that does the same
 *     mutex     lock and unlock of a mutex that nobody else wants
 *     handoff   a mutex that two threads take from each other
 *     cond      a turn given to another thread by a condition variable
 *     clock     clock_gettime
 */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 5

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

// ------------------------------------------------------------------- malloc

#define SLOTS 1024

static uint32_t random_next(void)
{
    static uint32_t x = 2463534242u;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return x;
}

// Most blocks are small, some are not.
static size_t size_next(void)
{
    uint32_t r = random_next();
    return r % 16 ? 16 + r / 16 % 240 : 256 + r / 16 % 3840;
}

static void run_malloc(int n)
{
    static char *slots[SLOTS];
    for (int i = 0; i < n; i++) {
        char **slot = &slots[random_next() % SLOTS];
        free(*slot);
        size_t len = size_next();
        *slot = malloc(len);
        (*slot)[0] = (*slot)[len - 1] = 1;
    }
}

struct tree {
    struct tree *next;
    long value[3];
};

static void run_tree(int n)
{
    struct tree *all = NULL;
    for (int i = 0; i < n; i++) {
        struct tree *t = malloc(sizeof *t + (i % 4) * 16);
        t->next = all;
        all = t;
    }
    while (all) {
        struct tree *t = all;
        all = t->next;
        free(t);
    }
}

// ------------------------------------------------------------------ threads

static int turns;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int whose;

static void *yielder(void *unused)
{
    for (int i = 0; i < turns; i++)
        sched_yield();
    return unused;
}

static void *taker(void *unused)
{
    for (int i = 0; i < turns; i++) {
        pthread_mutex_lock(&mutex);
        sched_yield(); // so that the other finds it taken
        pthread_mutex_unlock(&mutex);
    }
    return unused;
}

static void *turner(void *me)
{
    int mine = me != NULL;
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < turns; i++) {
        while (whose != mine)
            pthread_cond_wait(&cond, &mutex);
        whose = !mine;
        pthread_cond_signal(&cond);
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void two(void *(*run)(void *), int n)
{
    pthread_t other;
    turns = n / 2;
    pthread_create(&other, NULL, run, NULL);
    run(&other);
    pthread_join(other, NULL);
}

static void run_switch(int n)
{
    two(yielder, n);
}

static void run_handoff(int n)
{
    two(taker, n);
}

static void run_cond(int n)
{
    whose = 0;
    two(turner, n);
}

static void run_mutex(int n)
{
    for (int i = 0; i < n; i++) {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
    }
}

static void run_clock(int n)
{
    struct timespec ts;
    for (int i = 0; i < n; i++)
        clock_gettime(CLOCK_MONOTONIC, &ts);
}

static void measure(const char *name, void (*run)(int), int n)
{
    uint64_t best = UINT64_MAX;
    run(n / 10 + 2); // warm
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = now_ns();
        run(n);
        uint64_t took = now_ns() - start;
        best = took < best ? took : best;
    }
    printf("%s %.2f\n", name, (double)best / n);
}

int main(void)
{
    measure("malloc", run_malloc, 1000000);
    measure("tree", run_tree, 100000);
    measure("switch", run_switch, 100000);
    // From here on the program has had threads, and glibc knows.
    measure("mutex", run_mutex, 1000000);
    measure("handoff", run_handoff, 50000);
    measure("cond", run_cond, 50000);
    measure("clock", run_clock, 1000000);
    return 0;
}
