// SPDX-License-Identifier: ISC
// Constants are not writable.
static const int constant = 1;

int main(void)
{
    *(volatile int *)&constant = 2;
    return 0;
}
