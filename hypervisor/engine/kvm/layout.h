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
 *   +0x0000  GDT          r--
 *   +0x1000  IDT          r--
 *   +0x2000  TSS          rw-
 *   +0x3000  shim         r-x   page.S
 *   +0x4000  shim's stack rw-
 *   +0x5000  new page-table entries on their way
 *
 * Page tables lie at KVM_TABLES_GPA, where no memory map of the ABI is; they
 * are mapped at the same address for the shim, which writes them.
 */
#ifndef KVM_LAYOUT_H
#define KVM_LAYOUT_H

#include "hypervisor/abi/hv.h"

#define KVM_HOST_VA 0x200000000000ul

#define KVM_GDT        (HV_ENGINE_VA + 0x0000)
#define KVM_IDT        (HV_ENGINE_VA + 0x1000)
#define KVM_TSS        (HV_ENGINE_VA + 0x2000)
#define KVM_SHIM       (HV_ENGINE_VA + 0x3000)
#define KVM_STACK      (HV_ENGINE_VA + 0x4000)
#define KVM_STACK_END  (KVM_STACK + HV_PAGE)
#define KVM_STAGE      (HV_ENGINE_VA + 0x5000)
#define KVM_ENGINE_LEN 0x6000ul

#define KVM_TABLES_GPA 0x40200000ul
#define KVM_TABLES_MAX (HV_WINDOW_VA - KVM_TABLES_GPA)
_Static_assert(KVM_ENGINE_LEN <= HV_ENGINE_LEN &&
                   HV_ENGINE_VA + HV_ENGINE_LEN <= KVM_TABLES_GPA,
               "regions overlap");

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
