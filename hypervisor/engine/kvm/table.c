// SPDX-License-Identifier: ISC
// A kvm domain's page tables; see table.h.

#include "hypervisor/engine/kvm/table.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

// Entry bits. Accessed and dirty are set from the start: the processor has
// nothing to write.
#define P     0x1ul
#define W     0x2ul
#define U     0x4ul
#define AD    0x60ul
#define LARGE 0x80ul
#define OWN   0x200ul // ours: TABLE_OWN
#define NX    (1ul << 63)
#define ADDR  0x000ffffffffff000ul

#define ENTRIES   512u
#define LARGE_LEN (ENTRIES * HV_PAGE)

static uint64_t *at(uint64_t gpa)
{
    return (uint64_t *)(KVM_HOST_VA + gpa);
}

static uint64_t entry_of(uint64_t addr, unsigned rights, uint64_t size)
{
    uint64_t e = addr | AD | size;

    if (rights & (HV_PROT_READ | HV_PROT_WRITE | HV_PROT_EXEC))
        e |= P;
    if (rights & HV_PROT_WRITE)
        e |= W;
    if (!(rights & HV_PROT_EXEC))
        e |= NX;
    if (!(rights & TABLE_SUPERVISOR))
        e |= U;
    if (rights & TABLE_OWN)
        e |= OWN;
    return e;
}

static unsigned rights_of(uint64_t e)
{
    unsigned r = e & OWN ? TABLE_OWN : 0;

    if (!(e & P))
        return r;
    return r | HV_PROT_READ | (e & W ? HV_PROT_WRITE : 0) |
           (e & NX ? 0 : HV_PROT_EXEC) | (e & U ? 0 : TABLE_SUPERVISOR);
}

// -------------------------------------------------------------- the tables

static uint64_t blocks(uint64_t len, uint64_t size)
{
    return (len + size - 1) / size;
}

uint64_t table_need(uint64_t ram_len, uint64_t image_len, uint64_t initrd_len)
{
    const uint64_t gib = 1ul << 30;

    // The top two, the lowest GiB's, that of more tables; the engine's; two at
    // the edges of the window, the image, the initrd and RAM, and of each GiB
    // of the last two; then what is between.
    return 2 + 2 + 1 + 2 * 4 + 2 * 2 + blocks(image_len, LARGE_LEN) +
           blocks(initrd_len, gib) + blocks(ram_len, gib) +
           blocks(ram_len, LARGE_LEN);
}

static uint64_t table_new(struct table *t)
{
    const uint64_t n = t->used++;

    assert(n < t->limit);
    if (n < KVM_TABLES_FIRST)
        return KVM_TABLES_GPA + HV_PAGE * n;
    return KVM_TABLES_MORE_GPA + HV_PAGE * (n - KVM_TABLES_FIRST);
}

void table_init(struct table *t, uint64_t limit)
{
    *t = (struct table){.limit = limit};
    table_new(t);
}

static unsigned index_of(uint64_t addr, int level)
{
    return addr >> (12 + 9 * (level - 1)) & (ENTRIES - 1);
}

// The guest-physical address of an address's entry at a level: 1 for pages, 2
// for 2 MiB. 0 when a level above is missing or a large page.
static uint64_t entry_at(uint64_t addr, int level)
{
    uint64_t gpa = KVM_TABLES_GPA;

    if (addr >= KVM_GPA_END)
        return 0;
    for (int l = 4; l > level; l--) {
        uint64_t e = at(gpa)[index_of(addr, l)];

        if (!(e & P) || e & LARGE)
            return 0;
        gpa = e & ADDR;
    }
    return gpa + sizeof(uint64_t) * index_of(addr, level);
}

// The same before the guest runs; what is missing is made.
static uint64_t entry_make(struct table *t, uint64_t addr, int level)
{
    uint64_t gpa = KVM_TABLES_GPA;

    for (int l = 4; l > level; l--) {
        uint64_t *e = &at(gpa)[index_of(addr, l)];

        if (!*e)
            *e = table_new(t) | P | W | U | AD;
        assert(!(*e & LARGE));
        gpa = *e & ADDR;
    }
    return gpa + sizeof(uint64_t) * index_of(addr, level);
}

void table_map(struct table *t, uint64_t addr, uint64_t len, unsigned rights)
{
    while (len) {
        int large = addr % LARGE_LEN == 0 && len >= LARGE_LEN;
        uint64_t size = large ? LARGE_LEN : HV_PAGE;

        *at(entry_make(t, addr, large ? 2 : 1)) =
            entry_of(addr, rights, large ? LARGE : 0);
        addr += size;
        len -= size;
    }
}

void table_alias(struct table *t, uint64_t addr, uint64_t gpa)
{
    assert(addr >= KVM_GPA_END);
    *at(entry_make(t, addr, 1)) = entry_of(gpa, HV_PROT_READ | HV_PROT_EXEC, 0);
}

void table_unalias(struct table *t, uint64_t used_before)
{
    void *from = at(KVM_TABLES_GPA + HV_PAGE * used_before);
    const uint64_t len = HV_PAGE * (t->used - used_before);

    memset(&at(KVM_TABLES_GPA)[1], 0, HV_PAGE - sizeof(uint64_t));
    // Zero again, and if it can be no memory.
    if (madvise(from, len, MADV_DONTNEED) < 0)
        memset(from, 0, len);
    t->used = used_before;
}

unsigned table_rights(uint64_t addr)
{
    uint64_t large = entry_at(addr, 2), small;

    if (!large)
        return 0;
    if (*at(large) & LARGE)
        return rights_of(*at(large));
    small = entry_at(addr, 1);
    return small ? rights_of(*at(small)) : 0;
}

// ----------------------------------------------------------------- changes

void table_live(struct table *t, table_writer *write, void *arg)
{
    t->write = write;
    t->write_arg = arg;
}

static void stage_flush(struct table *t)
{
    if (t->staged == 0)
        return;
    if (t->write)
        t->write(t->write_arg, t->staged_gpa, t->staged);
    else
        memcpy(at(t->staged_gpa), at(KVM_STAGE), t->staged * sizeof(uint64_t));
    t->staged = 0;
}

// Entries that follow each other are written together.
static void stage(struct table *t, uint64_t gpa, uint64_t entry)
{
    if (t->staged == ENTRIES || gpa != t->staged_gpa + 8 * t->staged)
        stage_flush(t);
    if (t->staged == 0)
        t->staged_gpa = gpa;
    at(KVM_STAGE)[t->staged++] = entry;
}

// Replaces a large page by small ones: [first, end) with new rights, the
// others as they were. Nobody sees the new table before it is complete.
static void split(struct table *t, uint64_t large, uint64_t first, uint64_t end,
                  unsigned rights)
{
    const uint64_t old = *at(large), base = old & ADDR;
    const uint64_t table = table_new(t);

    for (unsigned i = 0; i < ENTRIES; i++) {
        uint64_t addr = base + i * HV_PAGE;
        unsigned r = addr >= first && addr < end ? rights : rights_of(old);

        at(table)[i] = entry_of(addr, r, 0);
    }
    stage(t, large, table | P | W | U | AD);
}

static bool all_own(uint64_t addr, uint64_t end)
{
    while (addr < end) {
        uint64_t large = entry_at(addr, 2);

        if (!(table_rights(addr) & TABLE_OWN))
            return false;
        addr += *at(large) & LARGE ? LARGE_LEN - addr % LARGE_LEN : HV_PAGE;
    }
    return true;
}

int table_protect(struct table *t, uint64_t addr, uint64_t len, unsigned prot)
{
    const uint64_t end = addr + len;
    const unsigned rights = prot | TABLE_OWN;

    if (!all_own(addr, end))
        return HV_ENOMEM;
    while (addr < end) {
        uint64_t large = entry_at(addr, 2);
        uint64_t next = (addr / LARGE_LEN + 1) * LARGE_LEN;
        uint64_t to = next < end ? next : end;

        if (!(*at(large) & LARGE)) {
            for (; addr < to; addr += HV_PAGE)
                stage(t, entry_at(addr, 1), entry_of(addr, rights, 0));
        } else if (to - addr == LARGE_LEN) {
            stage(t, large, entry_of(addr, rights, LARGE));
        } else if (rights_of(*at(large)) != rights) {
            split(t, large, addr, to, rights);
        }
        addr = to;
    }
    stage_flush(t);
    return 0;
}
