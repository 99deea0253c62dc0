// SPDX-License-Identifier: ISC
/*
 * The two ends of the set-up code: where the newborn process jumps in, and
 * where the code takes itself away.
 */
#include <asm/unistd.h>

#define SETUP_VA 0x20c000
#define SETUP_LEN 0x4000
#define DATA_LEN 0x2000                 // PV_SETUP_DATA_LEN
#define STACK_END 0x220000              // PV_STACK_END

        .section .setup_entry, "ax", @progbits
        .globl pv_setup_entry
pv_setup_entry:                         // rdi = struct pv_birth
        mov     $SETUP_VA, %esp
        xor     %ebp, %ebp
        call    pv_zygote
        ud2

        .globl pv_leave
pv_leave:                               // rdi = entry, rsi = stack
        mov     %rdi, %r12
        mov     %rsi, %r13
        mov     $__NR_munmap, %eax
        mov     $(SETUP_VA - DATA_LEN), %edi
        mov     $(SETUP_LEN + DATA_LEN), %esi
        mov     $STACK_END, %esp        // not used: what a signal now finds
        jmp     setup_last

        // The linker script puts this at the very end of the set-up pages.
        .section .setup_tail, "ax", @progbits
setup_last:
        syscall
        .section .note.GNU-stack, "", @progbits
