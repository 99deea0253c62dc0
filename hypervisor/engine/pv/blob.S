// SPDX-License-Identifier: ISC
/* The linked blob as data of the monitor. */
        .section .rodata
        .globl  pv_blob
        .balign 64
pv_blob:
        .incbin PV_BLOB_FILE
        .section .note.GNU-stack, "", @progbits
