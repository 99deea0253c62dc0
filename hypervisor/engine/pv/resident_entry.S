// SPDX-License-Identifier: ISC
/*
 * The hypercall page, the landing point of the set-up code, and the way into
 * a context without rt_sigreturn. Field offsets are asserted in resident.c.
 */
#include <asm/unistd.h>

#include "hypervisor/engine/iret.inc"

#define START_INFO 0x201000
#define STACK_END 0x220000
#define NO_RETURN 0x214008              // pv_no_return()
#define PARK_ORDER 0x208800
#define PARK_CONTEXT 0x208828
#define TRACE_ON 0x208900
#define PARK_STOP 1
#define TRAP_PERF 6
#define SI_CODE 8
#define EXIT_SIGTRAP (128 + 5)          // PLAN_EXIT_SIGNAL

        .section .hypercall, "ax", @progbits
        // What it takes to rewind a call that is under way: struct pv_call.
        .macro  slot number function
        .balign 32, 0xcc
        push    %rbx
        mov     %rsp, %rbx
        push    %rdi
        push    %rsi
        push    %rdx
        push    %rcx
        cmpb    $0, TRACE_ON
        jne     traced_\number
        call    \function
called_\number:
        mov     %rbx, %rsp              // PV_SLOT_CALLED
        pop     %rbx
        ret
        .endm
        slot    0 call_block
        slot    1 call_notify
        slot    2 call_timer
        slot    3 call_memory
        slot    4 call_shutdown
        slot    5 call_vcpu
        slot    6 call_setup
        slot    7 call_runstate

        iret_all

        // Calls while somebody traces: PV_TRACED.
        .macro  traced number function
        .balign 64, 0xcc
traced_\number:
        mov     $\number, %edi
        mov     -8(%rbx), %rsi
        mov     -16(%rbx), %rdx
        call    trace_write
        mov     -8(%rbx), %rdi
        mov     -16(%rbx), %rsi
        mov     -24(%rbx), %rdx
        mov     -32(%rbx), %rcx
        call    \function
        jmp     called_\number
        .endm
        .org    0x800, 0xcc
        traced  0 call_block
        traced  1 call_notify
        traced  2 call_timer
        traced  3 call_memory
        traced  4 call_shutdown
        traced  5 call_vcpu
        traced  6 call_setup
        traced  7 call_runstate

        // Entry points by fixed addresses: layout.h.
        .section .land, "ax", @progbits
        test    %rax, %rax              // munmap's: were the set-up pages
        jnz     no_return               // still there, so were its rights
        jmp     land
        .balign 16, 0xcc
        jmp     pv_signal
        .balign 16, 0xcc
no_return:
        ud2                             // no signal returns by a restorer
        .balign 16, 0xcc
        // SIGTRAP: is the time up? Nothing gets in between here and the end;
        // see pv_signal. rsi = siginfo
        movl    $1, NO_RETURN
        cmpl    $TRAP_PERF, SI_CODE(%rsi)
        jne     pv_signal
        mov     $__NR_exit_group, %eax
        mov     $EXIT_SIGTRAP, %edi
        syscall
        ud2
        .org    48 + 48, 0xcc           // PV_TRAP_VA, PV_TRAP_LEN
                                        // PV_LAND_VA from here on

land:                                   // r12 = entry, r13 = stack
        cmpl    $0, VCPU0 + VCPU_WAKE   // the monitor's go
        jne     1f
        mov     $__NR_futex, %eax
        mov     $(VCPU0 + VCPU_WAKE), %edi
        xor     %esi, %esi              // FUTEX_WAIT
        xor     %edx, %edx              // while it is 0
        xor     %r10d, %r10d            // no timeout
        syscall
        jmp     land
1:      testl   $PARK_STOP, PARK_ORDER  // the host wants to see it first
        jz      2f
        mov     $STACK_END, %esp
        mov     %r12, %rdi
        mov     %r13, %rsi
        call    pv_begin
2:      mov     $0xe7, %eax             // x87, SSE, AVX, AVX-512: no trace of
        xor     %edx, %edx              // what the monitor computed
        xrstor64 pv_init_xsave
        mov     %r12, PARK_CONTEXT      // no stack of ours is touched; for
        mov     $START_INFO, %edi       // signals here see pv_signal
        xor     %eax, %eax
        xor     %ecx, %ecx
        xor     %edx, %edx
        xor     %ebx, %ebx
        xor     %ebp, %ebp
        xor     %esi, %esi
        xor     %r8d, %r8d
        xor     %r9d, %r9d
        xor     %r10d, %r10d
        xor     %r11d, %r11d
        xor     %r12d, %r12d
        xor     %r14d, %r14d
        xor     %r15d, %r15d
        mov     %r13, %rsp
        xor     %r13d, %r13d
        cld
        jmp     *PARK_CONTEXT
        .org    96 + 160, 0xcc          // PV_LAND_VA, PV_LAND_LEN

        // pv_resume(rdi = struct pv_regs, rsi = xsave area, rdx = its mask)
        .globl  pv_resume
pv_resume:
        mov     %rdx, %rax
        shr     $32, %rdx
        test    %rsi, %rsi
        jz      1f
        xrstor64 (%rsi)
1:      movzwl  150(%rdi), %eax         // ss
        push    %rax
        pushq   120(%rdi)               // rsp
        pushq   136(%rdi)               // rflags
        movzwl  144(%rdi), %eax         // cs
        push    %rax
        pushq   128(%rdi)               // rip
        mov     0(%rdi), %r8
        mov     8(%rdi), %r9
        mov     16(%rdi), %r10
        mov     24(%rdi), %r11
        mov     32(%rdi), %r12
        mov     40(%rdi), %r13
        mov     48(%rdi), %r14
        mov     56(%rdi), %r15
        mov     72(%rdi), %rsi
        mov     80(%rdi), %rbp
        mov     88(%rdi), %rbx
        mov     96(%rdi), %rdx
        mov     104(%rdi), %rax
        mov     112(%rdi), %rcx
        mov     64(%rdi), %rdi
        iretq

        .balign 64
pv_init_xsave:                          // initial state, MXCSR 0x1f80
        .fill   24, 1, 0
        .long   0x1f80
        .fill   64 + 512 - 28, 1, 0
        .section .note.GNU-stack, "", @progbits
