// SPDX-License-Identifier: ISC
// Recursion without end runs into unmapped memory, not into other data.
static volatile int stop;

__attribute__((noinline)) static int deeper(int n)
{
    volatile char frame[100];
    frame[n % 100] = n;
    return stop ? n : deeper(n + 1) + frame[0];
}

int main(void)
{
    return deeper(0);
}
