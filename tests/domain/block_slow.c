// SPDX-License-Identifier: ISC
// A disk of 50 requests a second; see tests/domain/vhost.
#include "tests/domain/check.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
    static char b[512];
    struct timespec from, to;
    int fd = open("/dev/vda", O_RDONLY);
    CHECK(fd >= 0);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < 40; i++)
        CHECK(pread(fd, b, 512, i * 512) == 512);
    clock_gettime(CLOCK_MONOTONIC, &to);
    // It may begin with a tenth of a second's at once.
    CHECK(to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9 >= 0.5);
    return 0;
}
