// SPDX-License-Identifier: ISC
// newlib's <setjmp.h>, and the variants that keep the signal mask.
#ifndef _HOSTEL_SETJMP_H
#define _HOSTEL_SETJMP_H

#include_next <setjmp.h>

typedef struct {
    jmp_buf __regs;
    int __kept;
    unsigned long __mask;
} sigjmp_buf[1];

void __sigjmp_keep(sigjmp_buf env, int keep);
void siglongjmp(sigjmp_buf env, int value) __attribute__((__noreturn__));

#define sigsetjmp(env, keep) (__sigjmp_keep(env, keep), setjmp((env)->__regs))
#define _setjmp(env)         setjmp(env)
#define _longjmp(env, value) longjmp(env, value)

#endif
