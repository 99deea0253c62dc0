// SPDX-License-Identifier: ISC
/*
 * HV_IRET for every vCPU, for assembly: part of a hypercall page, at
 * HV_IRET_OFFSET. Unmasks, and if something came in meanwhile takes the upcall
 * again on the same frame. An engine that interrupts it anywhere in here
 * reuses the frame too, so nothing nests.
 */
#define VCPU0               0x40008000
#define VCPU_UPCALL_PENDING 16
#define VCPU_UPCALL_MASK    20
#define VCPU_WAKE           24
#define VCPU_UPCALL_ENTRY   40

        .macro  iret vcpu
        .balign 64, 0xcc
        movl    $0, VCPU0 + 64 * \vcpu + VCPU_UPCALL_MASK
        cmpl    $0, VCPU0 + 64 * \vcpu + VCPU_UPCALL_PENDING
        jne     1f
        iretq
1:      movl    $1, VCPU0 + 64 * \vcpu + VCPU_UPCALL_MASK
        cld
        jmp     *VCPU0 + 64 * \vcpu + VCPU_UPCALL_ENTRY
        .endm

        .macro  iret_all
        .set    n, 0
        .rept   16
        iret    n
        .set    n, n + 1
        .endr
        .endm
