// SPDX-License-Identifier: ISC
// What is discarded takes no room on the host, and what is not is kept.
#include "tests/domain/check.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#define HALF (4l << 20)

int main(void)
{
    static char b[65536];
    uint64_t low[2] = {0, HALF}, high[2] = {HALF + sizeof b, HALF - sizeof b};
    int fd = open("/dev/vda", O_RDWR);
    CHECK(fd >= 0);
    for (unsigned i = 0; i < sizeof b; i++)
        b[i] = i % 2 ? '\n' : 'y';
    for (off_t at = 0; at < 2 * HALF; at += sizeof b)
        CHECK(pwrite(fd, b, sizeof b, at) == sizeof b);
    CHECK(fsync(fd) == 0);
    CHECK(ioctl(fd, BLKDISCARD, low) == 0);
    CHECK(ioctl(fd, BLKDISCARD, high) == 0);
    CHECK(fsync(fd) == 0);
    CHECK(pread(fd, b, sizeof b, HALF) == sizeof b && b[0] == 'y');
    CHECK(pread(fd, b, 512, HALF - 512) == 512 && b[0] == 0);
    return 0;
}
