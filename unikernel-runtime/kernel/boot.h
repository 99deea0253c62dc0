// SPDX-License-Identifier: ISC
// From the entry point to main().
#ifndef RT_BOOT_H
#define RT_BOOT_H

#include "hypervisor/abi/hv.h"

/*
 * A function that boot calls before the constructors, in programs that
 * BOOT_HOOK_LINK it from something they use.
 */
typedef void boot_hook(void);
#define BOOT_HOOK(function)                                                    \
    static boot_hook *const function##_hook                                    \
        __attribute__((section(".boot_hooks"), used)) = function
#define BOOT_HOOK_LINK(function) __asm__ volatile("" ::"r"(&function##_hook))

// On the boot stack, whose highest address is `stack_top`.
_Noreturn void boot(const struct hv_start_info *si, char *stack_top);

#endif
