// SPDX-License-Identifier: ISC
/*
 * Rights of pages, changed at random around 2 MiB boundaries: after each
 * change every page allows what was last said of it and nothing else, by a
 * trap handler's word. Nothing written is lost on the way.
 */
#include "tests/domain/abi.h"

#define LARGE  0x200000ul
#define FIRST  (HV_RAM_VA + LARGE - 24 * HV_PAGE)
#define PAGES  560ul // over two boundaries
#define ROUNDS 150

static uint8_t rights[PAGES];
static uint64_t resume_at, trap_vector, seed = 88172645463325252ull;

void trap_entry(void);

__asm__(".globl trap_entry\n"
        "trap_entry:\n"
        "  pop trap_vector\n"
        "  add $16, %rsp\n"
        "  push %rax\n"
        "  mov resume_at, %rax\n"
        "  mov %rax, 8(%rsp)\n"
        "  pop %rax\n"
        "  movl $0, 0x2084cc\n" // shared_info.trap_busy
        "  iretq\n");

static uint64_t next(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % below;
}

static volatile uint64_t *page(uint64_t n)
{
    return (volatile uint64_t *)(FIRST + n * HV_PAGE);
}

static bool can_read(uint64_t n)
{
    uint64_t v;

    trap_vector = 0;
    __asm__ volatile("movq $1f, %1\n"
                     "mov %2, %0\n1:"
                     : "=r"(v), "=m"(resume_at)
                     : "m"(*page(n))
                     : "memory");
    return trap_vector == 0;
}

// Writes what is there already.
static bool can_write(uint64_t n)
{
    trap_vector = 0;
    __asm__ volatile("movq $1f, %0\n"
                     "lock orq $0, %1\n1:"
                     : "=m"(resume_at), "+m"(*page(n))
                     :
                     : "memory", "cc");
    return trap_vector == 0;
}

static bool as_said(uint64_t n)
{
    return can_read(n) == !!(rights[n] & HV_PROT_READ) &&
           can_write(n) == !!(rights[n] & HV_PROT_WRITE) &&
           (!(rights[n] & HV_PROT_READ) || page(n)[3] == n);
}

void guest_main(void)
{
    static const uint8_t choice[] = {HV_PROT_NONE, HV_PROT_READ,
                                     HV_PROT_READ | HV_PROT_WRITE,
                                     HV_PROT_READ | HV_PROT_EXEC};

    CHECK(abi_setup(HV_SETUP_TRAP, trap_entry) == 0);
    for (uint64_t n = 0; n < PAGES; n++) {
        rights[n] = HV_PROT_READ | HV_PROT_WRITE;
        page(n)[3] = n;
    }
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t at = next(PAGES), len = 1 + next(PAGES - at);
        uint8_t prot = choice[next(4)];

        if (round % 4) // mostly short ones
            len = 1 + next(len < 40 ? len : 40);
        CHECK(abi_memory(HV_MEM_PROTECT, FIRST + at * HV_PAGE, len * HV_PAGE,
                         prot) == 0);
        for (uint64_t n = at; n < at + len; n++)
            rights[n] = prot;
        // All of it now and then, else around what has changed.
        for (uint64_t n = 0; n < PAGES; n++)
            if (round % 16 == 0 || (n + 4 >= at && n < at + len + 4))
                CHECK(as_said(n));
    }
    abi_print("rights kept\n");
}
