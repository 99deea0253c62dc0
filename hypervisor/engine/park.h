// SPDX-License-Identifier: ISC
/*
 * Parking a vCPU: it stops between two of its instructions, stays stopped, and
 * its registers can be looked at and replaced. Debuggers, cores, saving and
 * migration are made of it.
 *
 * The words lie in the part of shared_info's page that is the engine's. The
 * host gives an order and, unless the guest parks by itself, interrupts it;
 * whoever runs the guest (pv: resident code, kvm: the vCPU's process) sees the
 * order, says why it parked, rings the doorbell and waits for `release`. A
 * guest may write all of this. It harms nobody: what the host makes of it is
 * bounded by the engine, and one that never parks is stopped another way.
 */
#ifndef ENGINE_PARK_H
#define ENGINE_PARK_H

#include <stdint.h>
#include "hypervisor/abi/hv.h"

#define PARK_STOP  1u /* park before the next instruction */
#define PARK_TRAPS 2u /* park at each trap, before anyone else hears of it */
#define PARK_QUIET 4u /* no upcalls: a single step is under way */

enum park_reason { PARK_RUNS = 0, PARK_ASKED, PARK_TRAP };
enum park_verdict { PARK_GO_ON = 0, PARK_DELIVER /* the trap, to the guest */ };

struct park {
    uint32_t order;            /* [H] PARK_* */
    uint32_t parked;           /* [engine] enum park_reason */
    uint32_t release;          /* [H] incremented: go on */
    uint32_t verdict;          /* [H] enum park_verdict, before `release` */
    uint32_t vector, pad;      /* [engine] of PARK_TRAP */
    uint64_t error, address;   /* [engine] of PARK_TRAP, as in hv_trap */
    uint64_t context;          /* [engine] pv: where its registers are */
    uint64_t fs_base, gs_base; /* [engine], then [H]: pv */
};

#define PARK_OFFSET 2048u /* in shared_info's page */
_Static_assert(sizeof(struct hv_shared_info) <= PARK_OFFSET, "the engine's");
_Static_assert(PARK_OFFSET + sizeof(struct park) <= HV_PAGE, "one page");

#define park_of(shared) ((struct park *)((char *)(shared) + PARK_OFFSET))

#endif
