// SPDX-License-Identifier: ISC
/*
 * What the monitor and the code it leaves in a pv guest's address space agree
 * on. Compiled by both; the guest itself knows only hv.h.
 *
 * The blob, one memfd made once and mapped by every guest (r-x, so its pages
 * are shared):
 *
 *   file offset 0x0000   hypercall page    at HV_HYPERCALL_VA, stays
 *               0x1000   set-up code       at HV_SETUP_VA, unmaps itself
 *               0x5000   resident code     at HV_ENGINE_VA, stays
 */
#ifndef PV_LAYOUT_H
#define PV_LAYOUT_H

#include <stdint.h>
#include "hypervisor/abi/hv.h"
#include "hypervisor/engine/plan.h"

#define PV_BLOB_HYPERCALL 0x0000ul
#define PV_BLOB_SETUP     0x1000ul
#define PV_BLOB_RESIDENT  0x5000ul
#define PV_RESIDENT_LEN   0x2000ul
#define PV_BLOB_LEN       (PV_BLOB_RESIDENT + PV_RESIDENT_LEN)

// The signal stack, used by the set-up code before there are signals. Room
// for two nested frames with AMX state (11 KiB each).
#define PV_STACK_VA  (HV_ENGINE_VA + 0x4000)
#define PV_STACK_END (HV_ENGINE_VA + HV_ENGINE_LEN)

// No memory map may ever touch the set-up code's addresses: the filter trusts
// system calls made there.
_Static_assert(HV_IMAGE_LIMIT <= HV_HYPERCALL_VA &&
                   HV_START_INFO_VA + HV_START_INFO_LEN <= HV_SHARED_INFO_VA &&
                   HV_SHARED_INFO_VA + HV_PAGE <= HV_SETUP_VA &&
                   HV_SETUP_VA + HV_SETUP_LEN == HV_ENGINE_VA &&
                   HV_ENGINE_VA + HV_ENGINE_LEN <= HV_WINDOW_VA &&
                   HV_WINDOW_VA + HV_WINDOW_MAX <= HV_INITRD_VA &&
                   HV_INITRD_VA + HV_INITRD_MAX <= HV_RAM_VA,
               "regions overlap");
_Static_assert(PV_BLOB_RESIDENT - PV_BLOB_SETUP == HV_SETUP_LEN, "blob");
_Static_assert((HV_SETUP_LEN & (HV_SETUP_LEN - 1)) == 0 &&
                   HV_SETUP_VA % HV_SETUP_LEN == 0,
               "the filter tests set-up addresses with one mask");

// User addresses end here with four-level page tables.
#define PV_TASK_END 0x7ffffffff000ul

// Entry points at the start of the resident code, 16 bytes apart: where the
// set-up code lands, the signal handler, the restorer that nothing returns by.
#define PV_HANDLER_VA  (HV_ENGINE_VA + 16)
#define PV_RESTORER_VA (HV_ENGINE_VA + 32)

// First argument of the set-up code, at PV_STACK_VA.
#define PV_FILTER_MAX 128
struct pv_birth {
    uint64_t outermost; // 0: the resident code's word, see resident.c
    uint64_t window_max;
    uint32_t filter_len; // instructions
    uint32_t pad;
    uint64_t filter[PV_FILTER_MAX]; // struct sock_filter
};

#endif
