// SPDX-License-Identifier: ISC
// Jumps to null, to show how a trap is reported and billed.
#include <stdio.h>

static void (*volatile nowhere)(void);

__attribute__((noinline)) static void call_nowhere(void)
{
    nowhere();
    puts("back from nowhere");
}

int main(void)
{
    puts("about to call a null pointer");
    call_nowhere();
    return 0;
}
