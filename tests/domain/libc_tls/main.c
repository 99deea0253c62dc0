// SPDX-License-Identifier: ISC
// __thread variables: initial values, zeros, and a large alignment.
#include "tests/domain/check.h"

#include <errno.h>
#include <stdint.h>

static __thread int with_value = 1234;
static __thread char zeros[300];
static __thread volatile struct {
    char bytes[64];
} aligned __attribute__((aligned(64))) = {"aligned"};
static _Thread_local long last = -5;

int main(void)
{
    CHECK(with_value == 1234 && last == -5);
    for (int i = 0; i < 300; i++)
        CHECK(!zeros[i]);
    CHECK((uintptr_t)&aligned % 64 == 0 && aligned.bytes[0] == 'a');
    with_value++, zeros[299] = 1, last = 6;
    CHECK(with_value == 1235 && zeros[299] == 1 && last == 6);
    CHECK(aligned.bytes[6] == 'd');
    errno = 5;
    CHECK(errno == 5);
    return 0;
}
