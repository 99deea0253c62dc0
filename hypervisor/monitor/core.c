// SPDX-License-Identifier: ISC
/*
 * Core files; see core.h.
 *
 *   ELF header, one PT_NOTE, a PT_LOAD for each run of pages that were written
 *   notes: PRSTATUS, PRPSINFO, FPREGSET, X86_XSTATE
 *   (to a whole page) the pages
 *
 * There are at most RUNS_MAX runs, whatever the guest has done to its memory:
 * small gaps are dumped with what is around them, the larger the more there
 * are.
 */
#include "hypervisor/monitor/core.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/param.h>
#include <sys/procfs.h>
#include <unistd.h>

#include "hypervisor/monitor/gdb_target.h"
#include "lib/io.h"

#define RUNS_MAX   2048u
#define SCAN_PAGES 2048u // looked at at once

struct run {
    uint64_t addr, len;
};

// The one core of this process. Its pages are touched when there is one.
static struct core {
    unsigned nruns;
    struct run run[RUNS_MAX];
    uint64_t head_len; // whole pages
    uint64_t file_len;
    size_t used; // of head
    uint8_t head[RUNS_MAX * sizeof(Elf64_Phdr) + 32768];
} core;

// -------------------------------------------------------------------- memory

// Adds a page; false: too many runs.
static bool page_add(uint64_t addr, uint64_t gap)
{
    struct run *last = core.nruns ? &core.run[core.nruns - 1] : NULL;

    if (last && addr - (last->addr + last->len) <= gap) {
        last->len = addr + HV_PAGE - last->addr;
        return true;
    }
    if (core.nruns == RUNS_MAX)
        return false;
    core.run[core.nruns++] = (struct run){addr, HV_PAGE};
    return true;
}

static int region_add(struct domain *d, uint64_t addr, uint64_t len,
                      uint64_t gap)
{
    static bool touched[SCAN_PAGES];

    for (uint64_t at = 0; at < len / HV_PAGE; at += SCAN_PAGES) {
        size_t n = MIN(len / HV_PAGE - at, SCAN_PAGES);
        int r = d->engine->touched(d, addr + at * HV_PAGE, n, touched);

        if (r < 0)
            return r;
        for (size_t i = 0; i < n; i++)
            if (touched[i] && !page_add(addr + (at + i) * HV_PAGE, gap))
                return -E2BIG;
    }
    return 0;
}

static int memory_scan(struct domain *d, uint64_t gap)
{
    const struct hv_start_info *s = d->start_info;

    core.nruns = 0;
    for (unsigned i = 0; i < s->nregions && i < HV_REGION_MAX; i++) {
        const struct hv_region *r = &s->region[i];
        int e = 0;

        if (r->kind == HV_REGION_IMAGE || r->kind == HV_REGION_RAM)
            e = region_add(d, r->addr, r->len, gap);
        if (e < 0)
            return e;
    }
    return 0;
}

// --------------------------------------------------------------------- notes

static void put(const void *bytes, size_t len)
{
    memcpy(core.head + core.used, bytes, len);
    core.used += len;
}

static void note(const char *owner, uint32_t type, const void *bytes,
                 uint32_t len)
{
    static const uint8_t zeros[4];
    const Elf64_Nhdr h = {strlen(owner) + 1, len, type};

    put(&h, sizeof(h));
    put(owner, h.n_namesz);
    put(zeros, -h.n_namesz & 3);
    put(bytes, len);
    put(zeros, -len & 3);
}

static void note_status(const struct hv_cpu *c, unsigned signal)
{
    struct elf_prstatus p = {.pr_pid = 1, .pr_cursig = (short)signal};
    const struct hv_regs *r = &c->regs;
    const elf_gregset_t g = {
        r->r15,     r->r14,     r->r13, r->r12, r->rbp,    r->rbx, r->r11,
        r->r10,     r->r9,      r->r8,  r->rax, r->rcx,    r->rdx, r->rsi,
        r->rdi,     -1ul,       r->rip, HV_CS,  r->rflags, r->rsp, HV_SS,
        c->fs_base, c->gs_base, 0,      0,      0,         0};

    memcpy(&p.pr_reg, g, sizeof(g));
    p.pr_info.si_signo = (int)signal;
    note("CORE", NT_PRSTATUS, &p, sizeof(p));
}

static void note_name(const struct domain *d)
{
    struct elf_prpsinfo p = {.pr_sname = 'R', .pr_pid = 1};

    memcpy(p.pr_fname, d->start_info->domain_name, sizeof(p.pr_fname) - 1);
    memcpy(p.pr_psargs, d->start_info->domain_name,
           sizeof(d->start_info->domain_name));
    note("CORE", NT_PRPSINFO, &p, sizeof(p));
}

static void notes(const struct domain *d, struct hv_cpu *c, unsigned signal)
{
    static uint8_t xstate[GDB_XSTATE_MAX];

    note_status(c, signal);
    note_name(d);
    note("CORE", NT_FPREGSET, c->xsave, 512);
    note("LINUX", NT_X86_XSTATE, xstate, gdb_xstate(c, xstate));
}

// ---------------------------------------------------------------------- head

static uint64_t whole_pages(uint64_t len)
{
    return (len + HV_PAGE - 1) & ~(HV_PAGE - 1);
}

static void head_make(const struct domain *d, struct hv_cpu *c, unsigned signal)
{
    Elf64_Ehdr *e = (Elf64_Ehdr *)core.head;
    Elf64_Phdr *p = (Elf64_Phdr *)(core.head + sizeof(*e));
    uint64_t at;

    memset(core.head, 0, sizeof(core.head));
    *e = (Elf64_Ehdr){.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
                                  ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                      .e_type = ET_CORE,
                      .e_machine = EM_X86_64,
                      .e_version = EV_CURRENT,
                      .e_phoff = sizeof(*e),
                      .e_ehsize = sizeof(*e),
                      .e_phentsize = sizeof(*p),
                      .e_phnum = (uint16_t)(1 + core.nruns)};
    core.used = sizeof(*e) + (1 + core.nruns) * sizeof(*p);
    p->p_type = PT_NOTE;
    p->p_offset = core.used;
    p->p_align = 4;
    notes(d, c, signal);
    p->p_filesz = core.used - p->p_offset;
    core.head_len = at = whole_pages(core.used);
    for (unsigned i = 0; i < core.nruns; i++) {
        const struct run *r = &core.run[i];

        p[1 + i] = (Elf64_Phdr){.p_type = PT_LOAD,
                                .p_flags = PF_R | PF_W,
                                .p_offset = at,
                                .p_vaddr = r->addr,
                                .p_filesz = r->len,
                                .p_memsz = r->len,
                                .p_align = HV_PAGE};
        at += r->len;
    }
    core.file_len = at;
}

int core_make(struct domain *d, unsigned signal, struct err *e)
{
    static struct hv_cpu cpu;
    uint64_t gap = 0;
    int r;

    r = d->engine->capture(d, &cpu);
    if (r < 0)
        return err_set(e, -r, "the registers cannot be found");
    while ((r = memory_scan(d, gap)) == -E2BIG)
        gap = gap ? 4 * gap : 4 * HV_PAGE;
    if (r < 0)
        return err_set(e, -r, "the page map cannot be read");
    head_make(d, &cpu, signal);
    return 0;
}

// -------------------------------------------------------------------- reading

ssize_t core_read(struct domain *d, uint64_t at, void *to, size_t max)
{
    uint64_t n;

    if (at < core.head_len) {
        n = MIN(max, core.head_len - at);
        memcpy(to, core.head + at, n); // head has room for whole pages
        return (ssize_t)n;
    }
    at -= core.head_len;
    for (unsigned i = 0; i < core.nruns; i++) {
        const struct run *r = &core.run[i];

        if (at >= r->len) {
            at -= r->len;
            continue;
        }
        // A page a time: one that is not there (a gap) reads as zeros.
        n = MIN(max, HV_PAGE - at % HV_PAGE);
        if (d->engine->read(d, r->addr + at, to, n) != (ssize_t)n)
            memset(to, 0, n);
        return (ssize_t)n;
    }
    return 0;
}

static int file_write(int fd, const uint8_t *piece, size_t len, uint64_t at,
                      struct err *e)
{
    for (size_t done = 0; done < len;) {
        // In its place: the descriptor's own is another's business.
        ssize_t w = pwrite(fd, piece + done, len - done, (off_t)(at + done));

        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return err_errno(e, "writing the core");
        done += (size_t)w;
    }
    return 0;
}

int core_save(struct domain *d, unsigned signal, int fd, uint64_t max,
              struct err *e)
{
    uint8_t page[HV_PAGE];
    uint64_t at = 0;
    ssize_t n;
    int r;

    if (core_make(d, signal, e) < 0)
        return -e->code;
    if (core.file_len > max)
        return err_set(e, EFBIG, "it would have %lu MiB, and may have %lu",
                       core.file_len >> 20, max >> 20);
    while ((n = core_read(d, at, page, sizeof(page))) > 0) {
        r = file_write(fd, page, (size_t)n, at, e);
        if (r < 0) { // half a core is none
            if (ftruncate(fd, 0) < 0)
                err_prefix(e, "and what was written stays");
            return r;
        }
        at += (uint64_t)n;
    }
    return 0;
}
