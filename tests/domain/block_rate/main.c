// SPDX-License-Identifier: ISC
// Limits of rate hold: so much cannot have been done any sooner.
#include "tests/domain/check.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

int main(void)
{
    static char b[16384];
    int ops = open("/dev/vda", O_RDWR), bytes = open("/dev/vdb", O_RDWR);
    CHECK(ops >= 0 && bytes >= 0);
    double start = now();
    for (int i = 0; i < 31; i++)
        CHECK(pread(ops, b, 512, i * 512) == 512);
    CHECK(now() - start >= 0.29); // 30 of 100 a second, beside the burst
    start = now();
    for (int i = 0; i < 3; i++)
        CHECK(pwrite(bytes, b, sizeof b, i * sizeof b) == sizeof b);
    CHECK(now() - start >= 0.43); // two of 16 KiB at 64 KiB a second, less 4
    return 0;
}
