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

// The signal stack: room for two nested frames with AMX state (11 KiB each). A
// guest that is never interrupted never touches it.
#define PV_STACK_VA  (HV_ENGINE_VA + 0x4000)
#define PV_STACK_END (HV_ENGINE_VA + HV_ENGINE_LEN)

// The set-up code's memory, right below it: it goes along with the code.
#define PV_SETUP_DATA_LEN 0x2000ul
#define PV_SETUP_DATA_VA  (HV_SETUP_VA - PV_SETUP_DATA_LEN)

// No memory map may ever touch the set-up code's addresses: the filter trusts
// system calls made there.
_Static_assert(HV_START_INFO_VA + HV_START_INFO_LEN <= HV_SHARED_INFO_VA &&
                   HV_SHARED_INFO_VA + HV_PAGE <= PV_SETUP_DATA_VA &&
                   HV_SETUP_VA + HV_SETUP_LEN == HV_ENGINE_VA &&
                   HV_ENGINE_VA + HV_ENGINE_LEN <= HV_TABLES_VA &&
                   HV_TABLES_VA + HV_TABLES_LEN <= HV_WINDOW_VA &&
                   HV_WINDOW_VA + HV_WINDOW_MAX <= HV_IMAGE_BASE &&
                   HV_IMAGE_LIMIT <= HV_RAM_VA &&
                   HV_RAM_VA + HV_RAM_MAX <= HV_INITRD_VA,
               "regions overlap");
_Static_assert(PV_BLOB_RESIDENT - PV_BLOB_SETUP == HV_SETUP_LEN, "blob");
_Static_assert((HV_SETUP_LEN & (HV_SETUP_LEN - 1)) == 0 &&
                   HV_SETUP_VA % HV_SETUP_LEN == 0,
               "the filter tests set-up addresses with one mask");

// User addresses end here with four-level page tables.
#define PV_TASK_END 0x7ffffffff000ul

// Entry points at the start of the resident code, 16 bytes apart: where the
// set-up code lands, the signal handler, the restorer that nothing returns by;
// the handler of SIGTRAP.
#define PV_HANDLER_VA  (HV_ENGINE_VA + 16)
#define PV_RESTORER_VA (HV_ENGINE_VA + 32)
#define PV_TRAP_VA     (HV_ENGINE_VA + 48)
#define PV_TRAP_LEN    48ul

// From the set-up code's end to the guest's first instruction.
#define PV_LAND_VA  (HV_ENGINE_VA + 96)
#define PV_LAND_LEN 160ul

// Linux's struct sigcontext and what is around it, as far as it is needed.
struct pv_regs {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    uint16_t cs, gs, fs, ss;
    uint64_t error, vector, oldmask, cr2;
    uint8_t *xsave;
};
struct pv_context {
    uint64_t flags;
    void *link;
    uint64_t stack[3];
    struct pv_regs regs;
};

// Where the kernel says, in the legacy area's tail, what the XSAVE area behind
// it is.
#define PV_XSAVE_RESERVED 464 // 48 bytes of the kernel's
#define PV_XSAVE_FEATURES 472
#define PV_XSAVE_LEN      480

// A hypercall slot keeps what it takes to call it again (resident_entry.S):
// rbx, which no resident code touches, points at the caller's rbx; below it
// lie the arguments and the return address into the slot.
#define PV_SLOT_CALLED 27 // offset behind the call
#define PV_SLOT_TRACE  8  // up to here the arguments are being pushed
#define PV_TRACED      (HV_HYPERCALL_VA + 0x800) // detours of traced calls
#define PV_TRACED_LEN  64ul                      // of each
struct pv_call {
    uint64_t inside, rcx, rdx, rsi, rdi;
    uint64_t rbx, back; // rbx points here
};

// First argument of the set-up code, at PV_SETUP_DATA_VA; its stack is above.
#define PV_FILTER_MAX 128
struct pv_birth {
    uint64_t window_max;
    uint32_t filter_len; // instructions
    uint32_t pad;
    uint64_t filter[PV_FILTER_MAX]; // struct sock_filter
};

#endif
