// SPDX-License-Identifier: ISC
// A disk over a backing file full of x; see tests/domain/vhost.
#include "tests/domain/check.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    static char b[8192];
    int fd = open("/dev/vda", O_RDWR);
    CHECK(fd >= 0 && lseek(fd, 0, SEEK_END) == 1048576);
    CHECK(pread(fd, b, sizeof b, 65536) == sizeof b);
    CHECK(b[0] == 'x' && b[sizeof b - 1] == 'x');
    CHECK(pwrite(fd, "y", 1, 70000) == 1 && fsync(fd) == 0);
    CHECK(pread(fd, b, 3, 69999) == 3 && !memcmp(b, "xyx", 3));
    return 0;
}
