// SPDX-License-Identifier: ISC
// Random bytes: different ones each time, all values, no visible bias.
#include "tests/domain/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

int main(void)
{
    static unsigned char a[100000], b[100000];
    CHECK(getrandom(a, sizeof a, 0) == sizeof a);
    CHECK(getrandom(b, sizeof b, 0) == sizeof b);
    CHECK(memcmp(a, b, sizeof a));

    // Each value should come 390 times, give or take 20 (one sigma).
    int count[256] = {0}, ones = 0;
    for (size_t i = 0; i < sizeof a; i++) {
        count[a[i]]++;
        ones += __builtin_popcount(a[i] ^ b[i]);
    }
    for (int i = 0; i < 256; i++)
        CHECK(count[i] > 250 && count[i] < 550);
    CHECK(ones > 396000 && ones < 404000);

    unsigned char seen[6] = {0};
    for (int i = 0; i < 1000; i++) {
        uint32_t x = arc4random_uniform(6);
        CHECK(x < 6);
        seen[x] = 1;
    }
    CHECK(!memchr(seen, 0, 6));

    CHECK(getentropy(a, 256) == 0);
    CHECK(getentropy(a, 257) < 0 && errno == EIO);
    int fd = open("/dev/urandom", O_RDONLY);
    CHECK(fd >= 0 && read(fd, a, 1000) == 1000);
    CHECK(memcmp(a, b, 1000));
    return 0;
}
