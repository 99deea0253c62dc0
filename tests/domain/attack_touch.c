// SPDX-License-Identifier: ISC
// Touches memory it has no right to: attack_touch r|w|x ADDRESS (0x hex).

#include "tests/domain/abi.h"

static uint64_t hex(const char *s)
{
    uint64_t v = 0;

    for (s += 2; *s; s++)
        v = v * 16 + (*s <= '9' ? *s - '0' : *s - 'a' + 10);
    return v;
}

void guest_main(void)
{
    volatile uint8_t *at = (volatile uint8_t *)hex(abi_arg(2));

    switch (abi_arg(1)[0]) {
    case 'r':
        (void)*at;
        break;
    case 'w':
        *at = 0x90;
        break;
    case 'x':
        ((void (*)(void))at)();
        break;
    }
    abi_print("it was allowed\n");
}
