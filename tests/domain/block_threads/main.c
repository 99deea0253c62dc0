// SPDX-License-Identifier: ISC
// Many threads on one disk: each sees what it wrote, and a thread that waits
// for the disk does not stop the others.
#include "tests/domain/check.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 80 // more than the driver has requests under way
#define SHARE   (16l * 1024 * 1024 / 128)

static int fd;
static volatile int done;
static volatile uint64_t counted;

static void *count(void *unused)
{
    while (!done)
        counted++;
    return unused;
}

static void *work(void *argument)
{
    unsigned me = (uintptr_t)argument;
    unsigned char *out = malloc(SHARE), *in = malloc(SHARE);
    CHECK(out && in);
    for (unsigned round = 0; round < 12; round++) {
        size_t len = round % 3 ? 4096 * (1 + (me + round) % 8) : 1000 + me;
        off_t at = me * SHARE + (round * 4096) % (SHARE - 40000);
        memset(out, me * 16 + round, len);
        CHECK(pwrite(fd, out, len, at) == (ssize_t)len);
        if (round % 4 == 0)
            CHECK(fsync(fd) == 0);
        CHECK(pread(fd, in, len, at) == (ssize_t)len);
        CHECK(!memcmp(in, out, len));
    }
    free(out);
    free(in);
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS], counter;
    fd = open("/dev/vda", O_RDWR);
    CHECK(fd >= 0);
    CHECK(pthread_create(&counter, NULL, count, NULL) == 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, work, (void *)i) == 0);
    for (unsigned i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    done = 1;
    CHECK(pthread_join(counter, NULL) == 0 && counted);
    return 0;
}
