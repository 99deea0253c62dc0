// SPDX-License-Identifier: ISC
/*
 * spinner BEGIN END: computes until END, both in seconds since 1970, and
 * prints how many nanoseconds of CPU it was given between the two.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t clock_ns(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

// CPU used when the wall clock shows so many seconds.
static uint64_t cpu_at(const char *seconds)
{
    const uint64_t at = strtoull(seconds, NULL, 10) * 1000000000ull;

    while (clock_ns(CLOCK_REALTIME) < at)
        ;
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

int main(int argc, char **argv)
{
    uint64_t begin, end;

    if (argc != 3)
        return 2;
    begin = cpu_at(argv[1]);
    end = cpu_at(argv[2]);
    printf("%llu\n", (unsigned long long)(end - begin));
    return 0;
}
