// SPDX-License-Identifier: ISC
// The start_info pages; see start_info.h.

#include "hypervisor/monitor/start_info.h"

#include <cpuid.h>
#include <string.h>
#include <sys/auxv.h>

#define HWCAP2_FSGSBASE_ (1u << 1)
// x87, SSE, AVX and the three of AVX-512.
#define XCR0_OFFERED 0xe7u
#define XCR0_AVX     0x6u
#define XCR0_AVX512  0xe6u

static uint64_t xcr0(void)
{
    uint32_t a, d;

    __asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return a & XCR0_OFFERED;
}

static uint64_t find_features(void)
{
    const uint32_t avx512 =
        bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL;
    uint32_t a, b, c1 = 0, d1, b7 = 0, d80 = 0, c, d;
    uint64_t f = 0, x = xcr0();

    __get_cpuid(1, &a, &b, &c1, &d1);
    __get_cpuid_count(7, 0, &a, &b7, &c, &d);
    __get_cpuid(0x80000007, &a, &b, &c, &d80);
    if (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE_)
        f |= HV_CPU_FSGSBASE;
    if (c1 & bit_SSE4_2)
        f |= HV_CPU_SSE42;
    if (c1 & bit_AVX && (x & XCR0_AVX) == XCR0_AVX)
        f |= HV_CPU_AVX;
    if (f & HV_CPU_AVX && b7 & bit_AVX2)
        f |= HV_CPU_AVX2;
    if ((b7 & avx512) == avx512 && (x & XCR0_AVX512) == XCR0_AVX512)
        f |= HV_CPU_AVX512;
    if (c1 & bit_RDRND)
        f |= HV_CPU_RDRAND;
    if (d80 & 1u << 8)
        f |= HV_CPU_INVARIANT_TSC;
    return f;
}

// CPUID may cost a hypervisor below us tens of microseconds.
uint64_t cpu_features(void)
{
    static uint64_t found;

    if (!found)
        found = find_features();
    return found;
}

int start_info_check(const struct hvc_prepare *p, struct err *e)
{
    uint64_t strings = 0;

    if (p->cmdline_len > HV_CMDLINE_MAX)
        return err_set(e, E2BIG,
                       "arguments and environment have more than %lu bytes",
                       HV_CMDLINE_MAX);
    for (uint32_t i = 0; i < p->cmdline_len; i++)
        strings += p->cmdline[i] == 0;
    if (strings != (uint64_t)p->argc + p->envc ||
        (p->cmdline_len && p->cmdline[p->cmdline_len - 1] != 0))
        return err_set(e, EINVAL, "the command line does not hold %u strings",
                       p->argc + p->envc);
    if (memchr(p->domain_name, 0, sizeof(p->domain_name)) == NULL)
        return err_set(e, EINVAL, "the domain's name is too long");
    return 0;
}

static void add_region(struct hv_start_info *s, enum hv_region_kind kind,
                       uint64_t addr, uint64_t len)
{
    s->region[s->nregions++] =
        (struct hv_region){.addr = addr, .len = len, .kind = kind};
}

void start_info_fill(struct domain *d, const struct hvc_prepare *p,
                     const struct image *m, uint64_t initrd_len)
{
    struct hv_start_info *s = d->start_info;

    s->magic = HV_MAGIC;
    s->abi_version = HV_ABI_VERSION;
    s->vcpus = 1;
    s->cpu_features = cpu_features();
    s->xcr0 = xcr0();
    s->memory_kib = p->memory_kib;
    s->window_len = d->window_len;
    s->nregions = 0;
    add_region(s, HV_REGION_RAM, HV_RAM_VA, p->memory_kib * 1024);
    add_region(s, HV_REGION_IMAGE, m->low, m->high - m->low);
    if (initrd_len)
        add_region(s, HV_REGION_INITRD, HV_INITRD_VA, initrd_len);
    s->argc = p->argc;
    s->envc = p->envc;
    s->cmdline_len = p->cmdline_len;
    memcpy(s->domain_name, p->domain_name, sizeof(s->domain_name));
    memcpy((uint8_t *)s + HV_CMDLINE_OFFSET, p->cmdline, p->cmdline_len);
}
