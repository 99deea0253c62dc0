// SPDX-License-Identifier: ISC
// Engine kvm's page tables against a model: the rights of every page after
// random changes, addresses that map to themselves, and that tables never run
// out however often large pages are split.

#include <string.h>
#include <sys/mman.h>

#include "hypervisor/engine/kvm/table.h"
#include "tests/unit/lib_check.h"

#define LARGE   (2ul << 20)
#define RAM_LEN (8 * LARGE + 5 * HV_PAGE)
#define PAGES   (RAM_LEN / HV_PAGE)
#define RW      (HV_PROT_READ | HV_PROT_WRITE)

static struct table table;
static uint8_t model[PAGES];
static uint64_t seed = 88172645463325252ull;

static uint64_t next(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % below;
}

static uint64_t ram(uint64_t n)
{
    return HV_RAM_VA + n * HV_PAGE;
}

static void *host(uint64_t gpa)
{
    return (void *)(KVM_HOST_VA + gpa);
}

static void memory(uint64_t gpa, uint64_t len)
{
    CHECK(
        mmap(host(gpa), len, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE,
             -1, 0) == host(gpa));
}

// As the processor walks: where an address leads to, or 0.
static uint64_t walk(uint64_t addr)
{
    uint64_t gpa = KVM_TABLES_GPA;

    for (int shift = 39;; shift -= 9) {
        uint64_t e = ((uint64_t *)host(gpa))[addr >> shift & 511];

        if (!(e & 1))
            return 0;
        gpa = e & 0x000ffffffffff000ul;
        if (shift == 12)
            return gpa | (addr & 0xfff);
        if (shift == 21 && e & 0x80)
            return gpa | (addr & (LARGE - 1));
    }
}

static void begin(uint64_t len)
{
    memset(host(KVM_TABLES_GPA), 0, HV_TABLES_LEN);
    if (table.used > KVM_TABLES_FIRST)
        memset(host(KVM_TABLES_MORE_GPA), 0,
               (table.used - KVM_TABLES_FIRST) * HV_PAGE);
    table_init(&table, table_need(len, 0, 0));
    table_map(&table, HV_SHARED_INFO_VA, HV_PAGE, RW);
    table_map(&table, KVM_GDT, HV_PAGE, TABLE_SUPERVISOR | HV_PROT_READ);
    table_map(&table, HV_RAM_VA, len, RW | TABLE_OWN);
}

static void check_all(void)
{
    for (uint64_t n = 0; n < PAGES; n++) {
        uint64_t addr = ram(n) + next(HV_PAGE);

        CHECK(table_rights(addr) == (model[n] | TABLE_OWN));
        CHECK(walk(addr) == (model[n] ? addr : 0));
    }
}

static void test_random(void)
{
    static const uint8_t choice[] = {0, HV_PROT_READ, RW,
                                     HV_PROT_READ | HV_PROT_EXEC};

    begin(RAM_LEN);
    memset(model, RW, sizeof(model));
    check_all();
    for (int i = 0; i < 400; i++) {
        uint64_t at = next(PAGES), len = 1 + next(PAGES - at);
        uint8_t prot = choice[next(4)];

        if (i % 3 == 0)
            len = 1 + next(len < 9 ? len : 9);
        if (i % 5 == 0) { // whole large pages
            at = at / 512 * 512;
            len = at + 512 <= PAGES ? 512 : PAGES - at;
        }
        CHECK(table_protect(&table, ram(at), len * HV_PAGE, prot) == 0);
        memset(model + at, prot, len);
        check_all();
    }
}

// A walk through every one of several aliases, and nothing is left of them.
static void test_alias(void)
{
    const uint64_t n = 8;
    uint64_t used;

    begin(RAM_LEN);
    memset(model, RW, sizeof(model));
    table.limit = KVM_TABLES_FIRST; // as for a domain not known yet
    used = table.used;
    for (uint64_t i = 1; i <= n; i++)
        table_alias(&table, i << 39, HV_SHARED_INFO_VA);
    CHECK(table.used == used + 3 * n);
    for (uint64_t i = 1; i <= n; i++)
        CHECK(walk(i << 39 | 5) == (HV_SHARED_INFO_VA | 5));
    check_all();
    table_unalias(&table, used);
    CHECK(table.used == used);
    for (uint64_t i = 1; i <= n; i++)
        CHECK(walk(i << 39) == 0);
    for (uint64_t at = used * HV_PAGE; at < HV_TABLES_LEN; at += 8)
        CHECK(*(uint64_t *)host(KVM_TABLES_GPA + at) == 0);
    check_all();
}

static void test_not_own(void)
{
    begin(RAM_LEN);
    CHECK(table_protect(&table, ram(PAGES), HV_PAGE, RW) == HV_ENOMEM);
    CHECK(table_protect(&table, ram(PAGES - 1), 2 * HV_PAGE, 0) == HV_ENOMEM);
    CHECK(table_rights(ram(PAGES - 1)) == (RW | TABLE_OWN));
    CHECK(table_protect(&table, HV_SHARED_INFO_VA, HV_PAGE, 0) == HV_ENOMEM);
    CHECK(table_protect(&table, KVM_GDT, HV_PAGE, RW) == HV_ENOMEM);
    CHECK(table_protect(&table, HV_IMAGE_BASE, HV_PAGE, RW) == HV_ENOMEM);
    CHECK(table_rights(KVM_GDT) == (TABLE_SUPERVISOR | HV_PROT_READ));
    CHECK(table_rights(0) == 0);
    CHECK(table_rights(0xffff800000000000) == 0);
    CHECK(table_rights(HV_RAM_VA + HV_RAM_MAX) == 0);
}

// Every large page split, of as much RAM as fits the memory made here.
static void test_enough(void)
{
    const uint64_t len = 600ul << 20;

    begin(len);
    for (uint64_t at = 0; at < len; at += LARGE)
        CHECK(table_protect(&table, HV_RAM_VA + at + HV_PAGE, HV_PAGE, 0) == 0);
    CHECK(table.used <= table.limit);
    CHECK(table_rights(HV_RAM_VA + len - HV_PAGE) == (RW | TABLE_OWN));
}

int main(void)
{
    memory(HV_ENGINE_VA, KVM_ENGINE_LEN);
    memory(KVM_TABLES_GPA, HV_TABLES_LEN);
    memory(KVM_TABLES_MORE_GPA, KVM_TABLES_MORE_MAX);
    test_random();
    test_alias();
    test_not_own();
    test_enough();
    return 0;
}
