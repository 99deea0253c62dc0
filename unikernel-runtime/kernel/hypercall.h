// SPDX-License-Identifier: ISC
// The guest's side of the hypercalls: one function each (see hv.h).
#ifndef RT_HYPERCALL_H
#define RT_HYPERCALL_H

#include "hypervisor/abi/hv.h"

#include <stdint.h>

#define shared_info ((volatile struct hv_shared_info *)HV_SHARED_INFO_VA)
#define start_info  ((const struct hv_start_info *)HV_START_INFO_VA)

static inline long hypercall(enum hv_call call, uint64_t a, uint64_t b,
                             uint64_t c, uint64_t d)
{
    typedef long function(uint64_t, uint64_t, uint64_t, uint64_t);
    return ((function *)HV_CALL_VA(call))(a, b, c, d);
}

static inline void hv_block(void)
{
    hypercall(HV_CALL_BLOCK, 0, 0, 0, 0);
}

static inline void hv_notify(unsigned port)
{
    hypercall(HV_CALL_NOTIFY, port, 0, 0, 0);
}

static inline void hv_timer(uint64_t deadline_ns)
{
    hypercall(HV_CALL_TIMER, deadline_ns, 0, 0, 0);
}

static inline long hv_memory(enum hv_memory_op op, void *addr, uint64_t len,
                             uint32_t prot)
{
    return hypercall(HV_CALL_MEMORY, op, (uintptr_t)addr, len, prot);
}

static inline _Noreturn void hv_shutdown(enum hv_shutdown_reason reason,
                                         uint32_t status)
{
    hypercall(HV_CALL_SHUTDOWN, reason, status, 0, 0);
    __builtin_trap();
}

static inline void hv_setup(enum hv_setup_op op, void (*entry)(void))
{
    hypercall(HV_CALL_SETUP, op, (uintptr_t)entry, 0, 0);
}

static inline uint64_t hv_runstate_ns(void)
{
    return hypercall(HV_CALL_RUNSTATE, 0, 0, 0, 0);
}

#endif
