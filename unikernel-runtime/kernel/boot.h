// SPDX-License-Identifier: ISC
// From the entry point to main().
#ifndef RT_BOOT_H
#define RT_BOOT_H

#include "hypervisor/abi/hv.h"

// On the boot stack, whose highest address is `stack_top`.
_Noreturn void boot(const struct hv_start_info *si, char *stack_top);

#endif
