// SPDX-License-Identifier: ISC
// The smallest program that says something.
#include <stdio.h>

int main(void)
{
    printf("Hello, world\n");
    return 0;
}
