// SPDX-License-Identifier: ISC
/*
 * Files larger than what is kept of them, written and read by several threads
 * at all offsets: what is read is what was written last, whether pages were
 * kept, given up, written behind or never seen.
 */
#include "tests/domain/volume_files.h"

#include <pthread.h>

#define FILE_LEN (24ul << 20)
#define BLOCK    4096ul
#define BLOCKS   (FILE_LEN / BLOCK)

static uint32_t version[2][BLOCKS];

static void fill(uint32_t *b, unsigned file, unsigned block, uint32_t v)
{
    for (unsigned i = 0; i < BLOCK / 4; i++)
        b[i] = v * 2654435761u + file * 97 + block * 31 + i;
}

static void check(int fd, unsigned file, unsigned block)
{
    uint32_t got[BLOCK / 4], want[BLOCK / 4];
    CHECK(pread(fd, got, BLOCK, block * BLOCK) == BLOCK);
    fill(want, file, block, version[file][block]);
    CHECK(!memcmp(got, want, BLOCK));
}

static void *work(void *argument)
{
    unsigned file = (uintptr_t)argument, seed = 12345 + file;
    const char *name = file ? "two" : "one";
    int fd = open(name, O_RDWR | O_CREAT, 0644);
    uint32_t data[BLOCK / 4];
    CHECK(fd >= 0);
    for (unsigned b = 0; b < BLOCKS; b++) {
        fill(data, file, b, version[file][b] = 1);
        CHECK(write(fd, data, BLOCK) == BLOCK);
    }
    for (unsigned i = 0; i < 3000; i++) {
        unsigned b = rand_r(&seed) % BLOCKS;
        check(fd, file, b);
        b = rand_r(&seed) % BLOCKS;
        fill(data, file, b, ++version[file][b]);
        // In two parts, which are no pages.
        CHECK(pwrite(fd, data, 1000, b * BLOCK) == 1000);
        CHECK(pwrite(fd, (char *)data + 1000, BLOCK - 1000, b * BLOCK + 1000) ==
              BLOCK - 1000);
        if (i % 500 == 0)
            CHECK(fsync(fd) == 0);
        if (i % 700 == 0) {
            CHECK(close(fd) == 0);
            fd = open(name, O_RDWR);
            CHECK(fd >= 0);
        }
    }
    for (unsigned b = 0; b < BLOCKS; b++)
        check(fd, file, b);
    CHECK(close(fd) == 0);
    return NULL;
}

int main(void)
{
    pthread_t t[2];
    CHECK(chdir("/data") == 0);
    for (uintptr_t i = 0; i < 2; i++)
        CHECK(pthread_create(&t[i], NULL, work, (void *)i) == 0);
    for (unsigned i = 0; i < 2; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    // Written and not synced: the end of the domain writes it.
    int fd = open("last", O_WRONLY | O_CREAT, 0644);
    CHECK(write(fd, "kept", 4) == 4);
    return 0;
}
