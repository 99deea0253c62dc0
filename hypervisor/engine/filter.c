// SPDX-License-Identifier: ISC
// seccomp filters from rules; see filter.h.

#include "hypervisor/engine/filter.h"

#include <assert.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "hypervisor/abi/hv.h"

// The end of a RAM range is tested by upper words alone: it may lie beyond the
// domain's memory, where nothing is mapped, but it does not reach what lies
// above RAM, nor wrap.
#define RAM_HIGH_LIMIT ((uint32_t)((HV_RAM_VA + HV_RAM_MAX) >> 32) + 1)
_Static_assert(HV_RAM_VA <= UINT32_MAX && HV_RAM_VA >= HV_IMAGE_LIMIT,
               "RAM lies above all else in the first 4 GiB");
_Static_assert(2ul * RAM_HIGH_LIMIT << 32 <= HV_INITRD_VA, "RAM ranges");
_Static_assert(2 * HV_IMAGE_LIMIT <= UINT32_MAX, "image ranges");

// ------------------------------------------------------------- assembler

struct assembler {
    struct sock_filter *program;
    size_t len, max;
};

static void put(struct assembler *a, uint16_t code, uint32_t k, uint8_t jt,
                uint8_t jf)
{
    assert(a->len < a->max);
    a->program[a->len++] = (struct sock_filter){code, jt, jf, k};
}

static void load(struct assembler *a, size_t offset)
{
    put(a, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void load_arg(struct assembler *a, unsigned arg, bool high)
{
    load(a, offsetof(struct seccomp_data, args) + 8 * arg + (high ? 4 : 0));
}

// Goes on when the comparison holds (or not: the second), else to the next
// rule: NEXT stands for the distance until rule_end knows it.
#define NEXT 255
static void need(struct assembler *a, uint16_t compare, uint32_t k)
{
    put(a, BPF_JMP | BPF_K | compare, k, 0, NEXT);
}

static void need_not(struct assembler *a, uint16_t compare, uint32_t k)
{
    put(a, BPF_JMP | BPF_K | compare, k, NEXT, 0);
}

static void rule_end(struct assembler *a, size_t start)
{
    put(a, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
    for (size_t i = start; i < a->len; i++) {
        struct sock_filter *f = &a->program[i];

        assert(a->len - i - 1 < NEXT);
        if (BPF_CLASS(f->code) == BPF_JMP && f->jt == NEXT)
            f->jt = a->len - i - 1;
        if (BPF_CLASS(f->code) == BPF_JMP && f->jf == NEXT)
            f->jf = a->len - i - 1;
    }
}

// ----------------------------------------------------------------- tests

static void test_ram(struct assembler *a)
{
    load_arg(a, 0, true);
    need_not(a, BPF_JGE, RAM_HIGH_LIMIT);
    put(a, BPF_JMP | BPF_K | BPF_JGT, 0, 2, 0); // above 4 GiB: it is
    load_arg(a, 0, false);
    need(a, BPF_JGE, HV_RAM_VA);
    load_arg(a, 1, true);
    need_not(a, BPF_JGE, RAM_HIGH_LIMIT);
}

static void test_image(struct assembler *a)
{
    load_arg(a, 0, true);
    need(a, BPF_JEQ, 0);
    load_arg(a, 1, true);
    need(a, BPF_JEQ, 0);
    load_arg(a, 1, false);
    need_not(a, BPF_JGT, HV_IMAGE_LIMIT);
    put(a, BPF_MISC | BPF_TAX, 0, 0, 0);
    load_arg(a, 0, false);
    need(a, BPF_JGE, HV_IMAGE_BASE);
    need_not(a, BPF_JGT, HV_IMAGE_LIMIT);
    put(a, BPF_ALU | BPF_ADD | BPF_X, 0, 0, 0);
    need_not(a, BPF_JGT, HV_IMAGE_LIMIT);
}

static void test_prot(struct assembler *a, unsigned arg)
{
    load_arg(a, arg, false);
    need_not(a, BPF_JSET, ~(uint32_t)(PROT_READ | PROT_WRITE | PROT_EXEC));
    need_not(a, BPF_JEQ, PROT_WRITE | PROT_EXEC);
    need_not(a, BPF_JEQ, PROT_READ | PROT_WRITE | PROT_EXEC);
    load_arg(a, arg, true);
    need(a, BPF_JEQ, 0);
}

static void test(struct assembler *a, const struct test *t)
{
    switch (t->kind) {
    case TEST_END:
        return;
    case TEST_EQUAL:
    case TEST_PAGE:
        load_arg(a, t->arg, true);
        need(a, BPF_JEQ, t->value >> 32);
        load_arg(a, t->arg, false);
        if (t->kind == TEST_PAGE)
            put(a, BPF_ALU | BPF_AND | BPF_K, ~(uint32_t)(HV_PAGE - 1), 0, 0);
        need(a, BPF_JEQ, (uint32_t)t->value);
        return;
    case TEST_CLEAR:
        load_arg(a, t->arg, false);
        need_not(a, BPF_JSET, (uint32_t)t->value);
        return;
    case TEST_PROT:
        test_prot(a, t->arg);
        return;
    case TEST_RAM:
        test_ram(a);
        return;
    case TEST_IMAGE:
        test_image(a);
        return;
    }
}

// The instruction pointer is past the call, for the last one of the pages just
// past them.
static void setup_rule(struct assembler *a, uint32_t setup, uint32_t len)
{
    size_t start = a->len;

    load(a, offsetof(struct seccomp_data, instruction_pointer) + 4);
    need(a, BPF_JEQ, 0);
    load(a, offsetof(struct seccomp_data, instruction_pointer));
    put(a, BPF_ALU | BPF_SUB | BPF_K, 1, 0, 0);
    put(a, BPF_ALU | BPF_AND | BPF_K, ~(len - 1), 0, 0);
    need(a, BPF_JEQ, setup);
    rule_end(a, start);
}

size_t filter_build(struct sock_filter *program, size_t max,
                    const struct rule *rules, size_t nrules, uint32_t setup,
                    uint32_t setup_len, uint32_t refusal)
{
    struct assembler a = {program, 0, max};

    // Where there is a place of set-up code, no call's fate depends on its
    // number alone. The kernel finds that out by running the program for each
    // number there is until it loads anything else: so that comes first. It
    // saves a third of what loading the filter costs.
    if (setup_len)
        load(&a, offsetof(struct seccomp_data, instruction_pointer));
    load(&a, offsetof(struct seccomp_data, arch));
    put(&a, BPF_JMP | BPF_K | BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0);
    put(&a, BPF_RET | BPF_K, refusal, 0, 0);
    for (size_t i = 0; i < nrules; i++) {
        size_t start = a.len;

        load(&a, offsetof(struct seccomp_data, nr));
        need(&a, BPF_JEQ, rules[i].nr);
        for (size_t t = 0; t < TESTS_MAX; t++)
            test(&a, &rules[i].test[t]);
        rule_end(&a, start);
    }
    if (setup_len)
        setup_rule(&a, setup, setup_len);
    put(&a, BPF_RET | BPF_K, refusal, 0, 0);
    return a.len;
}

// ------------------------------------------------------- numbers and no more

/*
 * A number is found by halves. When such a filter is loaded the kernel runs it
 * for every number there is, to remember which are always let through: that
 * was more than half of what giving up a monitor's system calls cost. But an
 * instruction costs as much to load as several to run, so the last few numbers
 * are compared one by one.
 */
#define FEW 4u
// Stand for distances until the program's length is known.
#define TO_ALLOW  254
#define TO_REFUSE 255
_Static_assert(FILTER_NUMBERS_MAX(FILTER_NUMBERS) < TO_ALLOW,
               "a jump reaches the end");

static void put_search(struct assembler *a, const uint32_t *nr, size_t n)
{
    size_t branch = a->len;

    if (n <= FEW) {
        for (size_t i = 0; i < n; i++)
            put(a, BPF_JMP | BPF_K | BPF_JEQ, nr[i], TO_ALLOW,
                i + 1 == n ? TO_REFUSE : 0);
        return;
    }
    put(a, BPF_JMP | BPF_K | BPF_JGE, nr[n / 2], 0, 0);
    put_search(a, nr, n / 2);
    a->program[branch].jt = a->len - branch - 1;
    put_search(a, nr + n / 2, n - n / 2);
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

size_t filter_numbers(struct sock_filter *program, size_t max, uint32_t *nr,
                      size_t n, uint32_t refusal)
{
    struct assembler a = {program, 0, max};
    size_t refuse;

    assert(n > 0 && n <= FILTER_NUMBERS);
    qsort(nr, n, sizeof(nr[0]), by_number);
    load(&a, offsetof(struct seccomp_data, arch));
    put(&a, BPF_JMP | BPF_K | BPF_JEQ, AUDIT_ARCH_X86_64, 0, TO_REFUSE);
    load(&a, offsetof(struct seccomp_data, nr));
    put_search(&a, nr, n);
    refuse = a.len;
    put(&a, BPF_RET | BPF_K, refusal, 0, 0);
    put(&a, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
    for (size_t i = 0; i < refuse; i++) {
        struct sock_filter *f = &program[i];

        if (BPF_CLASS(f->code) != BPF_JMP)
            continue;
        if (f->jt == TO_ALLOW)
            f->jt = refuse - i;
        if (f->jf == TO_REFUSE)
            f->jf = refuse - i - 1;
    }
    return a.len;
}
