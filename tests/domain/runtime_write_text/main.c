// SPDX-License-Identifier: ISC
// Code is not writable.
int main(void)
{
    *(volatile char *)main = 0;
    return 0;
}
