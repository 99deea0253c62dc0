// SPDX-License-Identifier: ISC
/*
 * What a guest does, for whoever traces it: a ring behind struct park, written
 * by whoever runs the guest (pv: resident code, kvm: the vCPU's process), read
 * by the monitor. It is written while `on` is set, and over what was not read.
 * All of it is the guest's to falsify: numbers for its owner to look at.
 */
#ifndef ENGINE_TRACE_RING_H
#define ENGINE_TRACE_RING_H

#include "hypervisor/engine/park.h"

enum trace_what {
    TRACE_CALL = 0,    /* + enum hv_call; a, b: the first two arguments */
    TRACE_UPCALL = 32, /* a: what is pending */
    TRACE_TRAP         /* a: vector, b: address or rip */
};

struct trace_record {
    uint64_t tsc;
    uint32_t what;   /* enum trace_what */
    uint32_t number; /* its own, from 1 on, written last */
    uint64_t a, b;
};

#define TRACE_OFFSET  2304u
#define TRACE_RECORDS 55u
struct trace_ring {
    uint32_t on;     /* [H] */
    uint32_t number; /* [engine] of the last record; runs freely */
    uint64_t pad[3];
    struct trace_record record[TRACE_RECORDS];
};
_Static_assert(PARK_OFFSET + sizeof(struct park) <= TRACE_OFFSET, "overlap");
_Static_assert(TRACE_OFFSET + sizeof(struct trace_ring) <= HV_PAGE, "one page");

#define trace_ring_of(shared)                                                  \
    ((struct trace_ring *)((char *)(shared) + TRACE_OFFSET))

/* How often the monitor is rung, so that little is written over. */
#define TRACE_RING_EVERY 16u

#endif
