// SPDX-License-Identifier: ISC
/*
 * System calls of freestanding pv code, always inlined: a call must be made
 * from the page the filter expects it from.
 */
#ifndef PV_SYSCALL_H
#define PV_SYSCALL_H

#include <asm/unistd.h>

static inline __attribute__((always_inline)) long
pv_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long r;

    __asm__ volatile("syscall"
                     : "=a"(r)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
                       "r"(r9)
                     : "rcx", "r11", "memory");
    return r;
}
#define pv_call1(nr, a)    pv_syscall(nr, (long)(a), 0, 0, 0, 0, 0)
#define pv_call2(nr, a, b) pv_syscall(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define pv_call3(nr, a, b, c)                                                  \
    pv_syscall(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define pv_call4(nr, a, b, c, d)                                               \
    pv_syscall(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define pv_call6(nr, a, b, c, d, e, f)                                         \
    pv_syscall(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e),      \
               (long)(f))

#endif
