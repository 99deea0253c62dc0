// SPDX-License-Identifier: ISC
// Says that it runs, and then waits for ever.
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    puts("idle");
    for (;;)
        pause();
}
