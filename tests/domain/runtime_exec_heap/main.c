// SPDX-License-Identifier: ISC
// RAM is not executable.
#include <stdlib.h>

int main(void)
{
    unsigned char *code = malloc(1);
    *code = 0xc3; // ret
    void (*volatile f)(void) = (void (*)(void))code;
    f();
    return 0;
}
