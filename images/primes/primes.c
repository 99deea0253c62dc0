// SPDX-License-Identifier: ISC
/*
 * primes LIMIT [FILE]
 *
 * Counts the primes up to LIMIT with a segmented sieve, then factors each
 * number in FILE, one a line.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT   32768u // fits the first-level cache
#define LIMIT_MAX 1000000000000ull

// Odd primes up to `root`, ended by 0.
static uint32_t *small_primes(uint32_t root)
{
    bool *composite = calloc(root + 1, 1);
    uint32_t *primes = calloc(root / 2 + 2, sizeof *primes), n = 0;
    if (!composite || !primes) {
        fputs("primes: out of memory\n", stderr);
        exit(1);
    }
    for (uint32_t i = 3; i <= root; i += 2) {
        if (composite[i])
            continue;
        primes[n++] = i;
        for (uint64_t j = (uint64_t)i * i; j <= root; j += 2 * i)
            composite[j] = true;
    }
    free(composite);
    return primes;
}

// Odd numbers only: sieve[i] stands for low + 2 * i, low being odd.
static uint64_t segment_count(uint64_t low, uint64_t high,
                              const uint32_t *primes)
{
    static unsigned char sieve[SEGMENT];
    size_t len = (high - low) / 2 + 1;
    memset(sieve, 1, len);
    for (; *primes && (uint64_t)*primes * *primes <= high; primes++) {
        uint64_t p = *primes, first = (low + p - 1) / p * p;
        if (first < p * p)
            first = p * p;
        if (first % 2 == 0)
            first += p;
        for (uint64_t i = (first - low) / 2; i < len; i += p)
            sieve[i] = 0;
    }
    uint64_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += sieve[i];
    return count;
}

static uint64_t primes_count(uint64_t limit)
{
    if (limit < 2)
        return 0;
    uint32_t *primes = small_primes((uint32_t)sqrt((double)limit) + 1);
    uint64_t count = 1; // 2
    for (uint64_t low = 3; low <= limit; low += 2 * SEGMENT) {
        uint64_t high = low + 2 * (SEGMENT - 1);
        count += segment_count(low, high < limit ? high : limit, primes);
    }
    free(primes);
    return count;
}

static void factors_print(uint64_t n)
{
    printf("%" PRIu64 " =", n);
    const char *times = "";
    for (uint64_t p = 2; p <= n / p; p += p == 2 ? 1 : 2) {
        for (; n % p == 0; n /= p) {
            printf("%s %" PRIu64, times, p);
            times = " *";
        }
    }
    if (n > 1 || !*times)
        printf("%s %" PRIu64, times, n);
    putchar('\n');
}

static int factors_of_file(const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f) {
        fprintf(stderr, "primes: %s: %s\n", path, strerror(errno));
        return 1;
    }
    uint64_t n;
    while (fscanf(f, "%" SCNu64, &n) == 1)
        factors_print(n);
    bool whole = feof(f);
    fclose(f);
    if (!whole)
        fprintf(stderr, "primes: %s: not a number\n", path);
    return whole ? 0 : 1;
}

int main(int argc, char **argv)
{
    char *end;
    errno = 0;
    uint64_t limit = argc > 1 ? strtoull(argv[1], &end, 10) : 0;
    if (argc < 2 || argc > 3 || *end || errno || limit > LIMIT_MAX) {
        fprintf(stderr, "usage: primes LIMIT [FILE]\n");
        return 2;
    }
    printf("%" PRIu64 " primes up to %" PRIu64 "\n", primes_count(limit),
           limit);
    return argc == 3 ? factors_of_file(argv[2]) : 0;
}
