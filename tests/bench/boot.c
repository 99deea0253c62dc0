// SPDX-License-Identifier: ISC
// Says how long after its domain's start main() began, in us, and waits.
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    printf("%ld.%03ld\n", ts.tv_sec * 1000000 + ts.tv_nsec / 1000,
           ts.tv_nsec % 1000);
    fflush(stdout);
    pause();
    return 0;
}
