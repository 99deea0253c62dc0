// SPDX-License-Identifier: ISC
// A disk that is read-only cannot be written, however one tries.
#include "tests/domain/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

int main(void)
{
    char b[512] = "x";
    uint64_t range[2] = {0, 4096};
    int ro = 0;
    CHECK(open("/dev/vda", O_RDWR) < 0 && errno == EROFS);
    CHECK(open("/dev/vda", O_WRONLY) < 0 && errno == EROFS);
    int fd = open("/dev/vda", O_RDONLY);
    CHECK(fd >= 0 && ioctl(fd, BLKROGET, &ro) == 0 && ro == 1);
    CHECK(pwrite(fd, b, 512, 0) < 0 && errno == EBADF);
    CHECK(ioctl(fd, BLKDISCARD, range) < 0);
    CHECK(pread(fd, b, 512, 0) == 512 && b[0] == 0);
    CHECK(fsync(fd) == 0);
    return 0;
}
