// SPDX-License-Identifier: ISC
/*
 * Memory of a kvm domain.
 *
 * Guest-physical addresses equal the guest's virtual ones (hv.h), and the
 * vCPU's process has the byte at guest address A at KVM_HOST_VA + A. So page
 * tables only give and take rights.
 *
 * The engine's own pages, at HV_ENGINE_VA, are the supervisor's alone:
 *
 *   +0x0000  GDT, IDT, TSS, shim's stack  rw-
 *   +0x1000  shim                         r-x   page.S
 *   +0x2000  new page-table entries on their way
 *
 * Page tables lie behind them, at KVM_TABLES_GPA, and those of large domains
 * above all memory maps of the ABI; they are mapped at the same address for the
 * shim, which writes them.
 *
 * Each piece of memory that KVM is told of costs it half a dozen pages, so all
 * that every domain has is one, from the hypercall page to the window.
 */
#ifndef KVM_LAYOUT_H
#define KVM_LAYOUT_H

#include "hypervisor/abi/hv.h"

#define KVM_HOST_VA 0x200000000000ul

#define KVM_GDT        (HV_ENGINE_VA + 0x0000)
#define KVM_IDT        (HV_ENGINE_VA + 0x0100)
#define KVM_TSS        (HV_ENGINE_VA + 0x0400)
#define KVM_STACK      (HV_ENGINE_VA + 0x0800)
#define KVM_STACK_END  (HV_ENGINE_VA + 0x1000)
#define KVM_SHIM       (HV_ENGINE_VA + 0x1000)
#define KVM_STAGE      (HV_ENGINE_VA + 0x2000)
#define KVM_ENGINE_LEN 0x3000ul

#define KVM_TABLES_GPA      HV_TABLES_VA
#define KVM_TABLES_FIRST    (HV_TABLES_LEN / HV_PAGE) // that lie here
#define KVM_TABLES_MORE_GPA 0x6000000000ul
#define KVM_TABLES_MORE_MAX 0x10000000ul // twice what any domain needs
#define KVM_GPA_END         (KVM_TABLES_MORE_GPA + KVM_TABLES_MORE_MAX)
_Static_assert(KVM_ENGINE_LEN <= HV_ENGINE_LEN &&
                   HV_INITRD_VA + HV_INITRD_MAX <= KVM_TABLES_MORE_GPA &&
                   KVM_GPA_END <= 1ul << 39,
               "one page-table root entry, and no overlap");

// Ports. Only the first is open to the guest.
#define KVM_PORT_CALL 0x08 // hypercall; eax: enum hv_call
#define KVM_PORT_TRAP 0x09 // from the shim: a trap; rip says which
#define KVM_PORT_DONE 0x0a // from the shim: page tables are written

// Shim: entries by vector, that of `syscall`, the code that writes tables.
#define KVM_SHIM_ENTRY 16
#define KVM_VECTORS    32
#define KVM_SYSCALL    KVM_VECTORS
#define KVM_SHIM_WRITE 0x800

#endif
