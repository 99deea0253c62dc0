// SPDX-License-Identifier: ISC
// Disks as files: any offset and length, positions, ends, two at once.
#include "tests/domain/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SIZE (8l << 20)

static unsigned char model[SIZE], got[SIZE];

static void test_what_it_is(int fd)
{
    struct stat st;
    uint64_t bytes = 0;
    int block = 0, ro = 7;
    CHECK(fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) && st.st_size == SIZE);
    CHECK(stat("/dev/vda", &st) == 0 && S_ISBLK(st.st_mode));
    CHECK(stat("/dev/vdc", &st) < 0 && errno == ENOENT);
    CHECK(ioctl(fd, BLKGETSIZE64, &bytes) == 0 && bytes == SIZE);
    CHECK(ioctl(fd, BLKSSZGET, &block) == 0 && block >= 512 && block <= 4096);
    CHECK(ioctl(fd, BLKROGET, &ro) == 0 && ro == 0);
    CHECK(ioctl(fd, 0x1234, &ro) < 0 && errno == ENOTTY);
    CHECK(!isatty(fd));
    int n = 0;
    DIR *d = opendir("/dev");
    for (struct dirent *e; (e = readdir(d));)
        n += !strcmp(e->d_name, "vda") || !strcmp(e->d_name, "vdb");
    closedir(d);
    CHECK(n == 2);
}

// Random pieces, aligned and not, against a copy in memory.
static void test_model(int fd)
{
    uint64_t x = 88172645463325252ull;
    for (int i = 0; i < 400; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        size_t at = x % SIZE, len = (x >> 24) % 20000 + 1;
        if (i % 16 == 0)
            len *= 40; // several pieces under way
        if (i % 3 == 0)
            at &= -4096l, len = (len + 4095) & -4096l;
        if (len > SIZE - at)
            len = SIZE - at;
        for (size_t n = 0; n < len; n++)
            model[at + n] = x >> (n % 57);
        CHECK(pwrite(fd, model + at, len, at) == (ssize_t)len);
        size_t from = at > 700 ? at - 700 : 0;
        size_t more = len + 1400 < SIZE - from ? len + 1400 : SIZE - from;
        CHECK(pread(fd, got, more, from) == (ssize_t)more);
        CHECK(!memcmp(got, model + from, more));
    }
    CHECK(fsync(fd) == 0 && fdatasync(fd) == 0);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    CHECK(read(fd, got, SIZE) == SIZE && !memcmp(got, model, SIZE));
}

static void test_ends(int fd)
{
    char b[600];
    CHECK(lseek(fd, 0, SEEK_END) == SIZE && read(fd, b, 1) == 0);
    CHECK(write(fd, b, 1) < 0 && errno == ENOSPC);
    CHECK(lseek(fd, -100, SEEK_END) == SIZE - 100);
    CHECK(read(fd, b, sizeof b) == 100 && lseek(fd, 0, SEEK_CUR) == SIZE);
    CHECK(pwrite(fd, b, sizeof b, SIZE - 50) == 50);
    CHECK(pread(fd, b, sizeof b, SIZE + 5000) == 0);
    CHECK(lseek(fd, -1, SEEK_SET) < 0 && errno == EINVAL);
    CHECK(ftruncate(fd, 0) < 0);
    struct iovec v[2] = {{b, 3}, {b + 3, 5}};
    CHECK(lseek(fd, 511, SEEK_SET) == 511);
    CHECK(readv(fd, v, 2) == 8 && !memcmp(b, model + 511, 8));
}

static void test_clear(int fd)
{
    uint64_t range[2] = {65536, 131072};
    memset(model + 65536, 0, 131072);
    CHECK(ioctl(fd, BLKZEROOUT, range) == 0);
    CHECK(pread(fd, got, 200000, 50000) == 200000);
    CHECK(!memcmp(got, model + 50000, 200000));
    CHECK(ioctl(fd, BLKDISCARD, range) == 0);
    range[0] = 7;
    CHECK(ioctl(fd, BLKZEROOUT, range) < 0 && errno == EINVAL);
    range[0] = SIZE, range[1] = 512;
    CHECK(ioctl(fd, BLKDISCARD, range) < 0 && errno == EINVAL);
}

int main(void)
{
    int fd = open("/dev/vda", O_RDWR), other = open("/dev/vdb", O_RDWR);
    CHECK(fd >= 0 && other >= 0);
    test_what_it_is(fd);
    test_model(fd);
    test_ends(fd);
    test_clear(fd);
    for (int i = 0; i < 100; i++)
        model[i] = "hostel\n"[i % 7];
    CHECK(pwrite(fd, model, 100, 1000) == 100);
    for (int i = 0; i < 65536; i++)
        CHECK(i % 4096 || write(other, "0123456789abcde\n", 16) == 16);
    CHECK(lseek(other, 0, SEEK_SET) == 0);
    for (int i = 0; i < 1 << 20; i++)
        model[i] = "0123456789abcde\n"[i % 16];
    CHECK(write(other, model, 1 << 20) == 1 << 20);
    CHECK(close(fd) == 0 && close(other) == 0);
    CHECK(open("/dev/vda", O_RDONLY) >= 0);
    return 0;
}
