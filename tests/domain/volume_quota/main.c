// SPDX-License-Identifier: ISC
// A quota of 1 MiB and 20 files, and what counts against it.
#include "tests/domain/volume_files.h"

#define UNIT 4096ul
#define MOST (1024 * 1024 / UNIT)

static unsigned long units_free(void)
{
    struct statvfs v;
    CHECK(statvfs("/data", &v) == 0 && v.f_blocks == MOST &&
          v.f_frsize == UNIT);
    return v.f_bavail;
}

static unsigned long files_free(void)
{
    struct statvfs v;
    CHECK(statvfs("/data", &v) == 0 && v.f_files == 20);
    return v.f_ffree;
}

static char block[64 * 1024];

int main(void)
{
    CHECK(chdir("/data") == 0);
    // What was there before counts: 5000 bytes of a file, a folder and a file
    // in it without a byte, a link.
    CHECK(units_free() == MOST - 4 && files_free() == 20 - 4);
    int fd = open("big", O_RDWR | O_CREAT, 0644);
    CHECK(fd >= 0 && units_free() == MOST - 4);
    CHECK(write(fd, block, 1) == 1 && fsync(fd) == 0);
    CHECK(units_free() == MOST - 5);
    CHECK(ftruncate(fd, UNIT + 1) == 0 && units_free() == MOST - 6);
    CHECK(ftruncate(fd, 0) == 0 && units_free() == MOST - 4);
    // Holes count too.
    FAILS(ftruncate(fd, 1024 * 1024), ENOSPC);
    CHECK(ftruncate(fd, 1000 * 1024) == 0 && units_free() == MOST - 4 - 250);
    CHECK(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
    // To the last unit, and no further; what did not fit is not there.
    size_t done = 0;
    ssize_t n;
    while ((n = write(fd, block, sizeof block)) > 0)
        done += n;
    CHECK(n == -1 && errno == ENOSPC);
    while (write(fd, block, UNIT) == (ssize_t)UNIT)
        done += UNIT;
    struct stat st;
    CHECK(done == (MOST - 4) * UNIT && units_free() == 0);
    CHECK(fstat(fd, &st) == 0 && st.st_size == (off_t)done);
    CHECK(pwrite(fd, "x", 1, 5) == 1); // it is there already
    FAILS(mkdir("no", 0755), ENOSPC);
    FAILS(symlink("a", "no"), ENOSPC);
    CHECK(fsync(fd) == 0);
    // A file without a name keeps its room while it is open.
    CHECK(unlink("big") == 0 && units_free() == 0 && files_free() == 20 - 5);
    CHECK(close(fd) == 0 && units_free() == MOST - 4 && files_free() == 20 - 4);
    char name[16];
    for (int i = 0; i < 16; i++) {
        snprintf(name, sizeof name, "f%d", i);
        fd = open(name, O_WRONLY | O_CREAT, 0644);
        CHECK(fd >= 0 && close(fd) == 0);
    }
    FAILS(open("f16", O_WRONLY | O_CREAT, 0644), ENOSPC);
    CHECK(rename("f1", "f0") == 0 && files_free() == 1);
    fd = open("f16", O_WRONLY | O_CREAT, 0644);
    CHECK(fd >= 0 && close(fd) == 0);
    CHECK(unlink("old/empty") == 0 && rmdir("old") == 0 && unlink("l") == 0 &&
          unlink("five") == 0);
    CHECK(units_free() == MOST && files_free() == 20 - 16);
    return 0;
}
