// SPDX-License-Identifier: ISC
// seccomp filters, run by a small interpreter: the guest's over calls it must
// let through, calls it must not, and a sweep of numbers from both places; and
// those of numbers alone.

#include <errno.h>
#include <linux/audit.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/syscall.h>

#include "hypervisor/engine/filter.h"
#include "hypervisor/engine/pv/layout.h"
#include "hypervisor/engine/pv/rules.h"
#include "tests/unit/lib_check.h"

static struct sock_filter program[FILTER_NUMBERS_MAX(FILTER_NUMBERS)];
_Static_assert(sizeof(program) >= PV_FILTER_MAX * sizeof(program[0]), "");
static size_t length;

static bool jump_taken(const struct sock_filter *f, uint32_t a)
{
    switch (BPF_OP(f->code)) {
    case BPF_JEQ:
        return a == f->k;
    case BPF_JGT:
        return a > f->k;
    case BPF_JGE:
        return a >= f->k;
    case BPF_JSET:
        return a & f->k;
    }
    CHECK(!"a jump the filter does not use");
    return false;
}

static uint32_t alu(const struct sock_filter *f, uint32_t a, uint32_t x)
{
    uint32_t k = BPF_SRC(f->code) == BPF_X ? x : f->k;

    switch (BPF_OP(f->code)) {
    case BPF_AND:
        return a & k;
    case BPF_ADD:
        return a + k;
    case BPF_SUB:
        return a - k;
    }
    CHECK(!"arithmetic the filter does not use");
    return 0;
}

static bool allows(const struct seccomp_data *d)
{
    uint32_t a = 0, x = 0;

    for (size_t pc = 0;; pc++) {
        const struct sock_filter *f = &program[pc];

        CHECK(pc < length);
        switch (BPF_CLASS(f->code)) {
        case BPF_LD:
            CHECK(f->k + 4 <= sizeof(*d));
            memcpy(&a, (const uint8_t *)d + f->k, 4);
            break;
        case BPF_MISC:
            x = a;
            break;
        case BPF_ALU:
            a = alu(f, a, x);
            break;
        case BPF_JMP:
            pc += jump_taken(f, a) ? f->jt : f->jf;
            break;
        case BPF_RET:
            CHECK(f->k == SECCOMP_RET_ALLOW || f->k == SECCOMP_RET_TRAP);
            return f->k == SECCOMP_RET_ALLOW;
        default:
            CHECK(!"an instruction the filter does not use");
        }
    }
}

static bool call(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const struct seccomp_data data = {.nr = nr,
                                      .arch = AUDIT_ARCH_X86_64,
                                      .instruction_pointer = 0x401234,
                                      .args = {a, b, c, d}};

    return allows(&data);
}

static bool call_from(uint64_t ip, uint32_t arch, uint32_t nr)
{
    const struct seccomp_data data = {
        .nr = nr, .arch = arch, .instruction_pointer = ip};

    return allows(&data);
}

#define RAM HV_RAM_VA
#define END (HV_RAM_VA + HV_RAM_MAX)
// Between it and the end nothing is mapped.
#define BEYOND (((END >> 32) + 1) << 32)

static void test_allowed(void)
{
    CHECK(call(SYS_futex, HV_SHARED_INFO_VA, FUTEX_WAIT, 5, 0));
    CHECK(call(SYS_futex, HV_SHARED_INFO_VA + 4092, FUTEX_WAIT, 0, 0));
    CHECK(call(SYS_write, PLAN_FD_DOORBELL, 0x401000, 8, 0));
    CHECK(call(SYS_madvise, RAM, 4096, MADV_DONTNEED, 0));
    CHECK(call(SYS_madvise, END - 4096, 4096, MADV_DONTNEED, 0));
    // Above 4 GiB the low half of an address may be anything.
    CHECK(call(SYS_madvise, 1ull << 32, 4096, MADV_DONTNEED, 0));
    CHECK(call(SYS_mprotect, 1ull << 32 | HV_SETUP_VA, 4096, PROT_READ, 0));
    for (int prot = 0; prot < 8; prot++) {
        bool both = (prot & PROT_WRITE) && (prot & PROT_EXEC);

        CHECK(call(SYS_mprotect, RAM, 4096, prot, 0) == !both);
        CHECK(call(SYS_mprotect, HV_IMAGE_BASE, 4096, prot, 0) == !both);
    }
    CHECK(call(SYS_mprotect, HV_IMAGE_LIMIT - 4096, 4096, PROT_READ, 0));
    CHECK(call(SYS_exit_group, 0, 0, 0, 0));
}

static void test_refused(void)
{
    CHECK(!call(SYS_futex, HV_SHARED_INFO_VA, FUTEX_WAIT, 5, 0x401000));
    CHECK(!call(SYS_futex, HV_SHARED_INFO_VA, FUTEX_WAKE, 5, 0));
    CHECK(!call(SYS_futex, HV_SHARED_INFO_VA, FUTEX_WAIT | FUTEX_PRIVATE_FLAG,
                5, 0));
    CHECK(!call(SYS_futex, HV_SHARED_INFO_VA - 4, FUTEX_WAIT, 5, 0));
    CHECK(!call(SYS_futex, HV_SHARED_INFO_VA + 4096, FUTEX_WAIT, 5, 0));
    CHECK(!call(SYS_futex, HV_SHARED_INFO_VA | 1ull << 32, FUTEX_WAIT, 5, 0));
    CHECK(!call(SYS_write, 1, 0x401000, 8, 0));
    CHECK(!call(SYS_write, 0, 0x401000, 7, 0));
    CHECK(!call(SYS_write, 1ull << 32, 0x401000, 8, 0));
    CHECK(call(SYS_madvise, RAM, 4096, MADV_POPULATE_WRITE, 0));
    CHECK(!call(SYS_madvise, HV_IMAGE_BASE, 4096, MADV_POPULATE_WRITE, 0));
    CHECK(!call(SYS_madvise, RAM, BEYOND, MADV_POPULATE_WRITE, 0));
    CHECK(!call(SYS_madvise, RAM, 4096, MADV_POPULATE_READ, 0));
    CHECK(!call(SYS_madvise, RAM, 4096, MADV_DONTNEED + 1, 0));
    CHECK(!call(SYS_madvise, HV_IMAGE_BASE, 4096, MADV_DONTNEED, 0));
    CHECK(!call(SYS_madvise, RAM - 4096, 4096, MADV_DONTNEED, 0));
    CHECK(!call(SYS_madvise, BEYOND, 4096, MADV_DONTNEED, 0));
    CHECK(!call(SYS_madvise, HV_INITRD_VA, 4096, MADV_DONTNEED, 0));
    CHECK(!call(SYS_mprotect, HV_INITRD_VA, 4096, PROT_READ, 0));
    CHECK(!call(SYS_mprotect, HV_WINDOW_VA, 4096, PROT_READ, 0));
    CHECK(!call(SYS_mprotect, HV_ENGINE_VA, 4096, PROT_READ, 0));
    CHECK(!call(SYS_madvise, RAM, BEYOND, MADV_DONTNEED, 0));
    CHECK(!call(SYS_madvise, UINT64_MAX, 4096, MADV_DONTNEED, 0));
    CHECK(!call(SYS_mprotect, RAM, 4096, 8, 0));
    CHECK(!call(SYS_mprotect, RAM, 4096, 1ull << 32 | 1, 0));
    CHECK(!call(SYS_mprotect, RAM, 4096, PROT_READ | PROT_GROWSDOWN, 0));
    CHECK(!call(SYS_mprotect, HV_IMAGE_BASE - 4096, 4096, PROT_READ, 0));
    CHECK(!call(SYS_mprotect, HV_IMAGE_LIMIT, 4096, PROT_READ, 0));
    CHECK(!call(SYS_mprotect, HV_IMAGE_BASE, HV_IMAGE_LIMIT, PROT_READ, 0));
    CHECK(!call(SYS_mprotect, HV_IMAGE_BASE, UINT64_MAX, PROT_READ, 0));
    CHECK(!call(SYS_mprotect, HV_IMAGE_BASE, UINT32_MAX, PROT_READ, 0));
    CHECK(!call(SYS_mprotect, HV_HYPERCALL_VA, 4096, PROT_READ, 0));
    CHECK(!call(SYS_mprotect, HV_SETUP_VA, 4096, PROT_READ, 0));
    CHECK(!call(SYS_exit_group, 1, 0, 0, 0));
    CHECK(!call(SYS_exit_group, PLAN_EXIT_SETUP, 0, 0, 0));
}

static void test_places(void)
{
    // The set-up pages may call anything; the address is past the call.
    CHECK(call_from(HV_SETUP_VA + 2, AUDIT_ARCH_X86_64, SYS_mmap));
    CHECK(call_from(HV_SETUP_VA + HV_SETUP_LEN, AUDIT_ARCH_X86_64, SYS_munmap));
    // Nobody else, nor with the low half of such an address.
    CHECK(!call_from(HV_SETUP_VA, AUDIT_ARCH_X86_64, SYS_mmap));
    CHECK(!call_from(HV_SETUP_VA + HV_SETUP_LEN + 1, AUDIT_ARCH_X86_64,
                     SYS_mmap));
    CHECK(!call_from(1ull << 32 | (HV_SETUP_VA + 2), AUDIT_ARCH_X86_64,
                     SYS_mmap));
    CHECK(!call_from(HV_SETUP_VA + 2, AUDIT_ARCH_I386, 1));
    for (uint64_t ip = 0; ip < UINT32_MAX - HV_PAGE; ip += HV_PAGE / 2 + 1)
        CHECK(call_from(ip, AUDIT_ARCH_X86_64, SYS_mmap) ==
              (ip > HV_SETUP_VA && ip <= HV_SETUP_VA + HV_SETUP_LEN));
}

static void test_sweep(void)
{
    for (uint32_t nr = 0; nr < 1000; nr++) {
        // With no arguments only exit_group has all it needs.
        CHECK(call(nr, 0, 0, 0, 0) == (nr == SYS_exit_group));
        CHECK(!call(nr | 0x40000000, 0, 0, 0, 0));
        CHECK(!call_from(0x401234, AUDIT_ARCH_I386, nr));
    }
}

// Of tables of every size: each of their numbers and no other.
static void test_numbers(void)
{
    uint32_t nr[FILTER_NUMBERS], sorted[FILTER_NUMBERS];

    for (size_t n = 1; n <= FILTER_NUMBERS; n++) {
        bool in[1024] = {false};

        for (size_t i = 0; i < n; i++) {
            nr[i] = (n * 7 + i * 37) % 1024; // none twice, in no order
            in[nr[i]] = true;
        }
        memcpy(sorted, nr, sizeof(nr));
        length = filter_numbers(program, sizeof(program) / sizeof(program[0]),
                                sorted, n, SECCOMP_RET_TRAP);
        CHECK(length <= FILTER_NUMBERS_MAX(n));
        for (uint32_t i = 0; i < 1024; i++) {
            CHECK(call(i, 0, 0, 0, 0) == in[i]);
            CHECK(!call(i | 0x40000000, 0, 0, 0, 0));
            CHECK(!call_from(0x401234, AUDIT_ARCH_I386, i));
        }
        CHECK(!call(-1, 0, 0, 0, 0));
    }
}

int main(void)
{
    length = rules_build(program, PV_FILTER_MAX);
    CHECK(length > 0 && length <= PV_FILTER_MAX);
    test_allowed();
    test_refused();
    test_places();
    test_sweep();
    test_numbers();
    return 0;
}
