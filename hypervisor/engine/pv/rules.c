// SPDX-License-Identifier: ISC
/*
 * What a pv guest may ask of the host: a table of system calls, each with its
 * reason.
 */
#include "hypervisor/engine/pv/rules.h"

#include <linux/futex.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "hypervisor/engine/filter.h"
#include "hypervisor/engine/pv/layout.h"

static const struct rule rules[] = {
    // Blocking until an event. Without a timeout: one would resume through
    // restart_syscall; deadlines are host timers that raise an event.
    {SYS_futex,
     {{TEST_PAGE, 0, HV_SHARED_INFO_VA},
      {TEST_EQUAL, 1, FUTEX_WAIT},
      {TEST_EQUAL, 3, 0}}},
    // Ringing the doorbell, an eventfd that does not block.
    {SYS_write, {{TEST_EQUAL, 0, PLAN_FD_DOORBELL}, {TEST_EQUAL, 2, 8}}},
    // Giving RAM back.
    {SYS_madvise, {{TEST_RAM, 0, 0}, {TEST_EQUAL, 2, MADV_DONTNEED}}},
    // Having a range of it at once, which touching it page by page does too.
    {SYS_madvise, {{TEST_RAM, 0, 0}, {TEST_EQUAL, 2, MADV_POPULATE_WRITE}}},
    // The guest's own page protection, of RAM and of its image.
    {SYS_mprotect, {{TEST_RAM, 0, 0}, {TEST_PROT, 2, 0}}},
    {SYS_mprotect, {{TEST_IMAGE, 0, 0}, {TEST_PROT, 2, 0}}},
    // The end. Other numbers are the set-up code's, for what never ran.
    {SYS_exit_group, {{TEST_EQUAL, 0, 0}}},
    // The end at the CPU budget, as if its signal had killed.
    {SYS_exit_group, {{TEST_EQUAL, 0, PLAN_EXIT_SIGNAL + SIGTRAP}}},
};

size_t rules_build(struct sock_filter *program, size_t max)
{
    // The set-up pages may call anything. They are unmapped before the guest
    // runs and nothing can be mapped there again.
    return filter_build(program, max, rules, sizeof(rules) / sizeof(rules[0]),
                        HV_SETUP_VA, HV_SETUP_LEN, SECCOMP_RET_TRAP);
}
