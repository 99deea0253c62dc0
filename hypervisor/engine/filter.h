// SPDX-License-Identifier: ISC
/*
 * seccomp filters from tables of rules. A rule is a system call and tests that
 * its arguments must all pass. The first rule that fits lets the call through.
 */
#ifndef ENGINE_FILTER_H
#define ENGINE_FILTER_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

enum test_kind {
    TEST_END,
    TEST_EQUAL, // argument == value
    TEST_PAGE,  // argument within the page at value
    TEST_CLEAR, // argument has none of the low word's bits in value
    TEST_PROT,  // none, R, RW or RX: never W and X
    TEST_RAM,   // arguments 0 and 1: a range in RAM's part of the map
    TEST_IMAGE  // arguments 0 and 1: a range in the image's part
};
struct test {
    enum test_kind kind;
    unsigned arg;
    uint64_t value;
};
#define TESTS_MAX 4
struct rule {
    uint32_t nr;
    struct test test[TESTS_MAX];
};

// Calls from [setup, setup + setup_len), a power of 2 and so aligned, are let
// through whatever they are; 0: there is no such place. What is refused ends in
// `refusal`, a SECCOMP_RET_*. Returns the number of instructions.
size_t filter_build(struct sock_filter *, size_t max, const struct rule *,
                    size_t nrules, uint32_t setup, uint32_t setup_len,
                    uint32_t refusal);

// Lets through the calls of these numbers, whatever their arguments, and sorts
// them. For any table of up to FILTER_NUMBERS calls.
#define FILTER_NUMBERS        128
#define FILTER_NUMBERS_MAX(n) (3 * (n) / 2 + 8)
size_t filter_numbers(struct sock_filter *, size_t max, uint32_t *nr, size_t n,
                      uint32_t refusal);

#endif
