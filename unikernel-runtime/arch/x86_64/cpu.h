// SPDX-License-Identifier: ISC
// What the runtime needs of the processor and C does not say.
#ifndef RT_CPU_H
#define RT_CPU_H

#include <stdint.h>

// Not before what precedes it in program order: clocks must not run backwards.
static inline uint64_t cpu_tsc(void)
{
    uint32_t lo, hi;
    __asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
    return (uint64_t)hi << 32 | lo;
}

static inline void cpu_set_fs_base(const void *base)
{
    __asm__ volatile("wrfsbase %0" ::"r"(base) : "memory");
}

/*
 * Leaves the running stack with what the calling convention says a call keeps
 * on it, puts its pointer at *save, and returns from the call of cpu_switch
 * that left the stack `load`; or enters one made by cpu_stack_init.
 */
void cpu_switch(uint64_t *save, uint64_t load);

// A stack that ends at `top` and on which `entry` is called.
uint64_t cpu_stack_init(void *top, void (*entry)(void));

// One draw from the processor's generator; 0 when it has run dry.
static inline int cpu_rdrand(uint64_t *out)
{
    unsigned char ok;
    __asm__ volatile("rdrand %0; setc %1" : "=r"(*out), "=qm"(ok)::"cc");
    return ok;
}

#endif
