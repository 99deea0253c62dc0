// SPDX-License-Identifier: ISC
/*
 * Ports and instructions of kernels: attack_port WHAT [NUMBER]. Where an
 * engine has a port of its own, it must not be of more use than the hypercall
 * page; all others, and the instructions, trap.
 */
#include "tests/domain/abi.h"

static bool is(const char *what)
{
    const char *s = abi_arg(1);

    while (*s && *s == *what)
        s++, what++;
    return *s == *what;
}

static uint64_t own_port(uint64_t call, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t r;

    __asm__ volatile("out %%al, $8"
                     : "=a"(r)
                     : "a"(call), "D"(a), "S"(b), "d"(c)
                     : "memory");
    return r;
}

void guest_main(void)
{
    static uint8_t bytes[64];
    uint64_t n = abi_arg_number(2), at = (uint64_t)bytes, count = 64;

    if (is("outb"))
        __asm__ volatile("out %%al, %%dx" : : "a"(0), "d"(n));
    if (is("outl"))
        __asm__ volatile("outl %%eax, %%dx" : : "a"(0), "d"(n));
    if (is("inb"))
        __asm__ volatile("in %%dx, %%al" : : "a"(0), "d"(n));
    if (is("outw"))
        __asm__ volatile("outw %%ax, %%dx" : : "a"(0), "d"(n));
    if (is("cli"))
        __asm__ volatile("cli");
    if (is("cr3"))
        __asm__ volatile("mov %%cr3, %%rax" : : : "rax");
    if (is("rdmsr"))
        __asm__ volatile("rdmsr" : : "c"(0x10) : "eax", "edx");
    if (is("xsetbv"))
        __asm__ volatile("xsetbv" : : "c"(0), "a"(1), "d"(0));
    if (is("own")) { // each number, then with each wrong range
        for (uint64_t call = HV_CALL_COUNT; call < 256; call++)
            CHECK((long)own_port(call, 0, 0, 0) == HV_ENOSYS);
        CHECK((long)own_port(HV_CALL_MEMORY, HV_MEM_PROTECT, 0x210000,
                             0x1000) == HV_EINVAL);
        CHECK((long)own_port(HV_CALL_MEMORY, HV_MEM_PROTECT, 0x220000,
                             0x1000) == HV_EINVAL);
        CHECK((long)own_port(HV_CALL_NOTIFY, 64, 0, 0) == HV_EINVAL);
        CHECK((long)own_port(HV_CALL_SETUP, 9, 0, 0) == HV_ENOSYS);
        abi_exit(7);
    }
    if (is("outsb"))
        __asm__ volatile("rep outsb"
                         : "+S"(at), "+c"(count)
                         : "a"(255), "d"(n)
                         : "memory");
    if (is("insb"))
        __asm__ volatile("rep insb"
                         : "+D"(at), "+c"(count)
                         : "d"(n)
                         : "memory");
    abi_exit(99);
}
