// SPDX-License-Identifier: ISC
// Reads a disk with several threads until it is gone; see tests/domain/vhost.
#include "tests/domain/check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static int fd;

static void *read_on(void *unused)
{
    char b[4096];
    for (off_t at = 0;; at = (at + 4096) % 1048576) {
        ssize_t r = pread(fd, b, sizeof b, at);
        if (r < 0)
            break;
        CHECK(r == sizeof b);
    }
    CHECK(errno == EIO);
    return unused;
}

int main(void)
{
    pthread_t t[8];
    fd = open("/dev/vda", O_RDWR);
    CHECK(fd >= 0);
    for (int i = 0; i < 8; i++)
        CHECK(pthread_create(&t[i], NULL, read_on, NULL) == 0);
    puts("reading");
    fflush(stdout);
    for (int i = 0; i < 8; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    puts("the disk is gone");
    CHECK(fsync(fd) < 0 && errno == EIO);
    CHECK(open("/dev/vda", O_RDONLY) < 0);
    return 0;
}
