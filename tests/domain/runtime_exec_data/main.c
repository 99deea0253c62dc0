// SPDX-License-Identifier: ISC
// Data is not executable.
static unsigned char code[] = {0xc3}; // ret

int main(void)
{
    void (*volatile f)(void) = (void (*)(void))code;
    f();
    return 0;
}
