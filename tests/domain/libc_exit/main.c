// SPDX-License-Identifier: ISC
// The order of the end: main, atexit in reverse, destructors, open files.
#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor)) static void before(void)
{
    puts("constructor");
}

__attribute__((destructor)) static void after(void)
{
    puts("destructor");
}

static void first(void)
{
    puts("registered first");
}

static void second(void)
{
    puts("registered second");
}

int main(void)
{
    atexit(first);
    atexit(second);
    printf("no newline at the end of main, ");
    return 256 + 42;
}
