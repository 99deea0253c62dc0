// SPDX-License-Identifier: ISC
// The memory functions against naive ones, at all small sizes and offsets.
#include "tests/domain/check.h"

#include <string.h>

#define ROOM 9000

static unsigned char got[ROOM], want[ROOM];

static void fill(void)
{
    for (int i = 0; i < ROOM; i++)
        got[i] = want[i] = i * 7 + i / 256 + 1;
}

static void move(int to, int from, int n)
{
    fill();
    CHECK(memmove(got + to, got + from, n) == got + to);
    static unsigned char copy[ROOM];
    for (int i = 0; i < n; i++)
        copy[i] = want[from + i];
    for (int i = 0; i < n; i++)
        want[to + i] = copy[i];
    for (int i = 0; i < ROOM; i++)
        CHECK(got[i] == want[i]);
}

static void set(int at, int n)
{
    fill();
    CHECK(memset(got + at, 0x1a5, n) == got + at);
    for (int i = 0; i < n; i++)
        want[at + i] = 0xa5;
    for (int i = 0; i < ROOM; i++)
        CHECK(got[i] == want[i]);
}

static void search(int at, int n)
{
    memset(got, 'x', ROOM);
    CHECK(!memchr(got + at, 'y', n));
    got[at + n] = 'y';
    CHECK(!memchr(got + at, 'y', n));
    CHECK(memchr(got + at, 'y', n + 1) == got + at + n);
    if (at)
        got[at - 1] = 'y';
    CHECK(memchr(got + at, 'y', ROOM) == got + at + n);
    CHECK(strchr((char *)got + at, 'y') == (char *)got + at + n);
    got[at + n] = 0;
    CHECK(strlen((char *)got + at) == (size_t)n);
    CHECK(!strchr((char *)got + at, 'y'));
    CHECK(strchr((char *)got + at, 0) == (char *)got + at + n);
}

static void compare(int at, int n)
{
    fill();
    CHECK(memcmp(got + at, want + at, n) == 0);
    want[at + n] ^= 0x80;
    CHECK(memcmp(got + at, want + at, n) == 0);
    int sign = got[at + n] < want[at + n] ? -1 : 1;
    CHECK(memcmp(got + at, want + at, n + 1) * sign > 0);
    CHECK(memcmp(got + at, want + at, n + 20) * sign > 0);
}

int main(void)
{
    static const int far[] = {1, 3, 15, 16, 17, 63, 64, 65, 500, 3000};
    for (int n = 0; n < 300; n++) {
        for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
            move(100, 100 + far[i], n);
            move(100 + far[i], 100, n);
        }
        for (int at = 0; at < 17; at++) {
            set(at, n);
            search(at, n);
            compare(at, n);
        }
    }
    for (int n = 2000; n < 4100; n += 61) {
        for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
            move(100, 100 + far[i], n);
            move(100 + far[i], 100, n);
        }
        set(n % 16, n);
        search(n % 16, n);
        compare(n % 16, n);
    }
    return 0;
}
