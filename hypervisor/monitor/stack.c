// SPDX-License-Identifier: ISC
// Giving back stack; see stack.h.

#include "hypervisor/monitor/stack.h"

#include <stdint.h>
#include <sys/mman.h>

#include "hypervisor/abi/hv.h"

#define STACK_TRIM (128ul << 10) // deeper than anything here goes

void stack_trim(void)
{
    // Below what this function itself has on it.
    const uintptr_t here = (uintptr_t)__builtin_frame_address(0) - 256;
    const uintptr_t top = here & -HV_PAGE;

    // Parts that are not mapped make an error, and no difference.
    madvise((void *)(top - STACK_TRIM), STACK_TRIM, MADV_DONTNEED);
}
