// SPDX-License-Identifier: ISC
/*
 * Every call with every kind of argument: each product of the values below in
 * each place, in each operation that there is and in some that there are not.
 * What the contract does not grant must be refused, and neither the guest nor
 * its monitor may be worse off for it. Only `shutdown` is left out: it ends
 * (attack_forge tries it), and `block`, which waits.
 */
#include "tests/domain/abi.h"

static const uint64_t values[] = {
    0,
    1,
    7,
    100,
    HV_PAGE,
    HV_PAGE + 1,
    64 * HV_PAGE,
    0x1000, // never mapped
    HV_IMAGE_LIMIT,
    HV_HYPERCALL_VA,
    HV_START_INFO_VA,
    HV_SHARED_INFO_VA,
    HV_SETUP_VA,
    HV_ENGINE_VA,
    HV_ENGINE_VA + HV_ENGINE_LEN - HV_PAGE,
    HV_WINDOW_VA,
    HV_WINDOW_VA + HV_WINDOW_MAX - HV_PAGE,
    HV_INITRD_VA,
    HV_RAM_VA,
    HV_RAM_VA + 1,
    HV_RAM_VA + HV_RAM_MAX - HV_PAGE,
    HV_RAM_VA + HV_RAM_MAX,
    0x7ffffffff000,
    0x800000000000,
    0xffff800000000000,
    1ull << 63,
    (1ull << 63) - 1,
    -HV_PAGE,
    -1ull,
};
#define VALUES (sizeof(values) / sizeof(values[0]))

static uint64_t tries, granted;

static bool whole_pages_of_ram(uint64_t addr, uint64_t len)
{
    const uint64_t ram_len = START->memory_kib * 1024;

    return len > 0 && (addr | len) % HV_PAGE == 0 && addr >= HV_RAM_VA &&
           addr - HV_RAM_VA <= ram_len && len <= ram_len - (addr - HV_RAM_VA);
}

static bool rights_exist(uint64_t prot)
{
    return prot == HV_PROT_NONE || prot == HV_PROT_READ ||
           prot == (HV_PROT_READ | HV_PROT_WRITE) ||
           prot == (HV_PROT_READ | HV_PROT_EXEC);
}

// None of the values is a page of the image, so RAM is all that is granted.
static void try_memory(uint64_t op, uint64_t addr, uint64_t len, uint64_t prot)
{
    const bool may =
        whole_pages_of_ram(addr, len) &&
        (op == HV_MEM_PROTECT ? rights_exist(prot) : op <= HV_MEM_PROTECT);
    const long r = abi_call(HV_CALL_MEMORY, op, addr, len, prot);

    tries++;
    granted += r == 0;
    if (r == 0 && !may) {
        abi_print("granted: memory ");
        abi_number(op);
        abi_print(" ");
        abi_number(addr);
        abi_print(" ");
        abi_number(len);
        abi_print(" ");
        abi_number(prot);
        abi_print("\n");
        abi_exit(1);
    }
    // What it may take away is given back, for there is more to try.
    if (r == 0 && op == HV_MEM_PROTECT)
        CHECK(abi_memory(HV_MEM_PROTECT, addr, len,
                         HV_PROT_READ | HV_PROT_WRITE) == 0);
}

static void try_all(uint64_t a, uint64_t b, uint64_t c)
{
    for (uint64_t op = 0; op < 5; op++)
        try_memory(op, a, b, c);
    try_memory(a, b, c, HV_PROT_READ);
    tries += 3;
    CHECK(a < HV_PORT_MAX || abi_notify(a) < 0);
    CHECK(abi_call(HV_CALL_VCPU, a, b, c, 0) < 0);
    CHECK(a <= HV_SETUP_TRAP || abi_call(HV_CALL_SETUP, a, b, 0, c) < 0);
}

void guest_main(void)
{
    volatile uint32_t *ram = (volatile uint32_t *)HV_RAM_VA;

    // The stack is at the end of RAM: not within the pages that are tried.
    for (size_t a = 0; a < VALUES; a++)
        for (size_t b = 0; b < VALUES; b++)
            for (size_t c = 0; c < VALUES; c++)
                try_all(values[a], values[b], values[c]);
    CHECK(tries > 100000 && granted > 0);
    // Still a domain like any other.
    *ram = 4711;
    CHECK(*ram == 4711);
    CHECK(abi_runstate() > 0);
    CHECK(SHARED->trap.valid == 0);
    abi_print("all refused\n");
}
