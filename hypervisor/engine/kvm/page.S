// SPDX-License-Identifier: ISC
/*
 * Code in a kvm domain that is not the guest's: the hypercall page, run at
 * CPL 3, and the shim, run at CPL 0. All machines share one copy of them.
 */
#define PORT_CALL 0x08
#define PORT_TRAP 0x09
#define PORT_DONE 0x0a
#define NOTIFY      0x2084c0            // shared_info.notify
#define HOST_ASLEEP 0x2084c8

#include "hypervisor/engine/iret.inc"

        .section .rodata
        .balign 4096
        .globl  kvm_code                // both pages, in this order
kvm_code:
        .macro  slot number
        .balign 32, 0xcc
        mov     $\number, %eax
        out     %al, $PORT_CALL
        ret
        .endm
        slot    0
        .balign 32, 0xcc
        jmp     notify
        slot    2
        slot    3
        slot    4
        slot    5
        slot    6
        slot    7
        iret_all

        // The host is called only when it sleeps.
notify: cmp     $63, %rdi
        ja      1f
        lock bts %rdi, NOTIFY
        xor     %eax, %eax
        cmp     %eax, HOST_ASLEEP
        jne     1f
        ret
1:      mov     $1, %eax
        out     %al, $PORT_CALL
        ret
        .balign 4096, 0xcc

kvm_shim:
        .rept   32 + 1                  // one instruction a vector
        .balign 16, 0xcc
        out     %al, $PORT_TRAP
        .endr
        .org    kvm_shim + 0x800, 0xcc
        rep movsq                       // rsi: entries, rdi: table, rcx: count
        mov     %cr3, %rax
        mov     %rax, %cr3
        out     %al, $PORT_DONE
        .balign 4096, 0xcc
        .section .note.GNU-stack, "", @progbits
