// SPDX-License-Identifier: ISC
/*
 * cpu-kernel int|float|mem: a fixed amount of work of that kind, by the same
 * machine code as a Linux process and in a domain. Prints how many
 * nanoseconds it took, by the clock of whoever ran it.
 *
 *   int    integers in registers and the first-level cache
 *   float  double-precision multiply and add over vectors in the second level
 *   mem    a random walk through 32 MiB, each step waiting for the last
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WORDS   2048
#define VECTOR  16384
#define STEPS   (4u << 20)
#define MEM_LEN (32ul << 20)

static uint64_t table[WORDS];
static double x[VECTOR], y[VECTOR];

__attribute__((noinline)) static uint64_t kernel_int(void)
{
    uint64_t v = 88172645463325252ull;

    for (int n = 0; n < 60000; n++)
        for (int i = 0; i < WORDS; i++) {
            v ^= v << 13;
            v ^= v >> 7;
            v ^= v << 17;
            table[i] = table[i] * 6364136223846793005ull + v;
        }
    return table[v % WORDS] ^ v;
}

__attribute__((noinline)) static uint64_t kernel_float(void)
{
    double sum = 0;

    for (int i = 0; i < VECTOR; i++) {
        x[i] = 1.0 / (i + 1);
        y[i] = i;
    }
    for (int n = 0; n < 12000; n++)
        for (int i = 0; i < VECTOR; i++)
            y[i] = y[i] * 0.999 + x[i];
    for (int i = 0; i < VECTOR; i++)
        sum += y[i];
    return (uint64_t)sum;
}

// A cycle through all cache lines in random order, as Sattolo shuffles.
static uint32_t *walk_make(void)
{
    const uint32_t lines = MEM_LEN / 64;
    uint32_t *walk = malloc(MEM_LEN);
    uint64_t v = 88172645463325252ull;

    if (!walk)
        exit(2);
    for (uint32_t i = 0; i < lines; i++)
        walk[i * 16] = i;
    for (uint32_t i = lines - 1; i > 0; i--) {
        uint32_t j, old = walk[i * 16];

        v ^= v << 13;
        v ^= v >> 7;
        v ^= v << 17;
        j = v % i;
        walk[i * 16] = walk[j * 16];
        walk[j * 16] = old;
    }
    return walk;
}

__attribute__((noinline)) static uint64_t kernel_mem(const uint32_t *walk)
{
    uint32_t at = 0;

    for (uint32_t i = 0; i < STEPS; i++)
        at = walk[at * 16];
    return at;
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

int main(int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "";
    uint32_t *walk = strcmp(kind, "mem") == 0 ? walk_make() : NULL;
    uint64_t start = now_ns(), result, ns;

    if (walk)
        result = kernel_mem(walk);
    else if (strcmp(kind, "float") == 0)
        result = kernel_float();
    else
        result = kernel_int();
    ns = now_ns() - start;
    printf("%llu %llx\n", (unsigned long long)ns, (unsigned long long)result);
    return 0;
}
