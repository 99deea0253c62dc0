// SPDX-License-Identifier: ISC
/*
 * Tries one system call of the host: attack_syscall WAY NR [ARG ...], numbers
 * in decimal or 0x hex. WAY: 64, x32, int80. Says what it returned, should it
 * return.
 */
#include "tests/domain/abi.h"

static uint64_t number(uint32_t n)
{
    const char *s = abi_arg(n);
    uint64_t v = 0;

    if (s[0] != '0' || s[1] != 'x')
        return abi_arg_number(n);
    for (s += 2; *s; s++)
        v = v * 16 + (*s <= '9' ? *s - '0' : *s - 'a' + 10);
    return v;
}

static long call64(uint64_t nr, const uint64_t *a)
{
    register uint64_t r10 __asm__("r10") = a[3];
    register uint64_t r8 __asm__("r8") = a[4];
    register uint64_t r9 __asm__("r9") = a[5];
    long r;

    __asm__ volatile("syscall"
                     : "=a"(r)
                     : "a"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10),
                       "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return r;
}

static long call32(uint32_t nr, const uint64_t *a)
{
    long r;

    __asm__ volatile("int $0x80"
                     : "=a"(r)
                     : "a"((uint64_t)nr), "b"(a[0]), "c"(a[1]), "d"(a[2]),
                       "S"(a[3]), "D"(a[4])
                     : "memory");
    return r;
}

void guest_main(void)
{
    uint64_t nr = number(2), a[6];
    long r;

    for (int i = 0; i < 6; i++)
        a[i] = number(3 + i);
    if (abi_arg(1)[0] == 'i')
        r = call32(nr, a);
    else
        r = call64(abi_arg(1)[0] == 'x' ? nr | 0x40000000 : nr, a);
    abi_print("returned ");
    if (r < 0)
        abi_print("-");
    abi_number(r < 0 ? -r : r);
    abi_print("\n");
}
