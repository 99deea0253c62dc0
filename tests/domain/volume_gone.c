// SPDX-License-Identifier: ISC
// The back end dies under a program that writes, reads and waits: each call
// fails with EIO, in every thread, and the program goes on.
#include "tests/domain/volume_files.h"

#include <pthread.h>

static void *sync_again_and_again(void *argument)
{
    int fd = open("/data/other", O_RDWR | O_CREAT, 0644);
    (void)argument;
    CHECK(fd >= 0);
    while (pwrite(fd, "x", 1, 0) == 1 && fsync(fd) == 0)
        continue;
    CHECK(errno == EIO);
    return NULL;
}

int main(void)
{
    char data[16];
    struct stat st;
    pthread_t t;
    int fd = open("/data/f", O_RDWR | O_CREAT, 0644);
    CHECK(fd >= 0 && write(fd, "kept", 4) == 4 && fsync(fd) == 0);
    CHECK(pthread_create(&t, NULL, sync_again_and_again, NULL) == 0);
    puts("writing");
    CHECK(pthread_join(t, NULL) == 0);
    CHECK(write(fd, "lost", 4) == 4 || errno == EIO);
    FAILS(fsync(fd), EIO);
    FAILS(open("/data/g", O_RDWR | O_CREAT, 0644), EIO);
    FAILS(stat("/data/h", &st), EIO);
    FAILS(mkdir("/data/d", 0755), EIO);
    FAILS(open("/data", O_RDONLY), EIO);
    FAILS(unlink("/data/f"), EIO);
    CHECK(pread(fd, data, 16, 1 << 20) <= 0);
    close(fd);
    // Nothing else is wrong.
    fd = open("/tmp/f", O_RDWR | O_CREAT, 0644);
    CHECK(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
    puts("the volume is gone");
    return 0;
}
