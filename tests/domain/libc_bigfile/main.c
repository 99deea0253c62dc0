// SPDX-License-Identifier: ISC
// Files of many pages give their memory back; a full RAM says ENOSPC.
#include "tests/domain/check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PIECE  65536
#define PIECES 100

static char piece[PIECE];

static int fill(const char *path, int pieces)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), n = 0;
    CHECK(fd >= 0);
    for (; n < pieces; n++) {
        memset(piece, n, PIECE);
        ssize_t r = write(fd, piece, PIECE);
        if (r < 0)
            break;
        CHECK(r == PIECE);
    }
    close(fd);
    return n;
}

static void verify(const char *path, int pieces)
{
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0 && lseek(fd, 0, SEEK_END) == (off_t)PIECE * pieces);
    lseek(fd, 0, SEEK_SET);
    for (int n = 0; n < pieces; n++) {
        CHECK(read(fd, piece, PIECE) == PIECE);
        for (int i = 0; i < PIECE; i++)
            CHECK(piece[i] == (char)n);
    }
    close(fd);
}

int main(void)
{
    for (int round = 0; round < 20; round++) {
        CHECK(fill("a", PIECES) == PIECES);
        CHECK(fill("b", PIECES / 3) == PIECES / 3);
        verify("a", PIECES);
        verify("b", PIECES / 3);
        CHECK(unlink(round % 2 ? "a" : "b") == 0);
    }
    int most = fill("a", 1000);
    CHECK(most < 1000 && errno == ENOSPC);
    verify("a", most);
    CHECK(unlink("a") == 0 && fill("c", PIECES) == PIECES);
    verify("c", PIECES);

    // What is left is the heap's: both come from the same RAM.
    CHECK(malloc(1 << 20));
    return 0;
}
