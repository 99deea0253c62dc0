// SPDX-License-Identifier: ISC
// setjmp and longjmp, out of many frames.
#include "tests/domain/check.h"

#include <setjmp.h>

static jmp_buf env;
static volatile int depth = 1000;

__attribute__((noinline)) static int deep(int n)
{
    if (n == depth)
        longjmp(env, 7);
    return n < depth ? deep(n + 1) + n : 0;
}

int main(void)
{
    volatile int before = 1;
    switch (setjmp(env)) {
    case 0:
        before = 2;
        return deep(0);
    case 7:
        CHECK(before == 2);
        return 0;
    default:
        return 1;
    }
}
