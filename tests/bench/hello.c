// SPDX-License-Identifier: ISC
// The peer of a domain's cold start: a static C program that says hello.
#include <stdio.h>

int main(void)
{
    puts("hello");
    return 0;
}
