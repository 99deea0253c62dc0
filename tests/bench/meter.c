// SPDX-License-Identifier: ISC
/*
 * A fixed amount of work, the same machine code as a Linux process and in a
 * domain: rounds of mixing a table that fits the first-level cache. Loops are
 * aligned by the compiler's flags, so that both have the same speed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define WORDS 2048

static uint64_t table[WORDS];

__attribute__((noinline, aligned(64))) static uint64_t mix(uint64_t rounds)
{
    uint64_t x = 88172645463325252ull;

    for (uint64_t n = 0; n < rounds; n++)
        for (int i = 0; i < WORDS; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            table[i] = table[i] * 6364136223846793005ull + x;
        }
    return table[x % WORDS] ^ x;
}

int main(int argc, char **argv)
{
    printf("%llx\n", (unsigned long long)mix(
                         argc > 1 ? strtoull(argv[1], NULL, 10) : 1000));
    return 0;
}
