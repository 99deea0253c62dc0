// SPDX-License-Identifier: ISC
// Reads or writes a disk for a while and says how often:
//
//     blockio read|write rand|seq DEPTH BYTES SECONDS
//
// DEPTH threads have one request each under way. The guest's half of
// tests/bench/block.
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEPTH_MAX 64

static int fd, writes, sequential;
static size_t bytes;
static uint64_t blocks;
static volatile int over;
static uint64_t next, done;

static void *work(void *argument)
{
    uint64_t x = (uintptr_t)argument * 0x9e3779b97f4a7c15ull, n = 0;
    char *data = aligned_alloc(4096, bytes);
    if (!data)
        exit(1);
    memset(data, 'x', bytes);
    for (; !over; n++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        uint64_t at =
            (sequential ? __atomic_fetch_add(&next, 1, 0) : x) % blocks;
        ssize_t r = writes ? pwrite(fd, data, bytes, at * bytes)
                           : pread(fd, data, bytes, at * bytes);
        if (r != (ssize_t)bytes) {
            perror("disk");
            exit(1);
        }
    }
    __atomic_add_fetch(&done, n, __ATOMIC_RELAXED);
    return NULL;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    pthread_t t[DEPTH_MAX];
    if (argc != 6)
        return 2;
    writes = !strcmp(argv[1], "write");
    sequential = !strcmp(argv[2], "seq");
    int depth = atoi(argv[3]);
    bytes = strtoul(argv[4], NULL, 10);
    fd = open("/dev/vda", writes ? O_RDWR : O_RDONLY);
    if (fd < 0 || depth < 1 || depth > DEPTH_MAX || bytes == 0)
        return 2;
    blocks = lseek(fd, 0, SEEK_END) / bytes;
    double start_s = now_s();
    for (intptr_t i = 0; i < depth; i++)
        if (pthread_create(&t[i], NULL, work, (void *)(i + 1)))
            return 1;
    usleep(atof(argv[5]) * 1e6);
    over = 1;
    for (int i = 0; i < depth; i++)
        pthread_join(t[i], NULL);
    printf("%.1f\n", done / (now_s() - start_s));
    return 0;
}
