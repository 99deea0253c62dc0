// SPDX-License-Identifier: ISC
// Says, for each line of input, how many pieces of 64 KiB it could have, and
// gives them back; see tests/domain/devices_test.c.
#include <stdio.h>
#include <sys/mman.h>

#define PIECE 65536
#define MOST  4096

int main(void)
{
    static void *piece[MOST];
    char line[80];
    while (fgets(line, sizeof line, stdin)) {
        int n = 0;
        for (; n < MOST; n++) {
            piece[n] = mmap(NULL, PIECE, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (piece[n] == MAP_FAILED)
                break;
            *(char *)piece[n] = 1;
        }
        for (int i = 0; i < n; i++)
            munmap(piece[i], PIECE);
        printf("%d\n", n);
        fflush(stdout);
    }
    return 0;
}
