// SPDX-License-Identifier: ISC
/*
 * The domain's clocks: parameters by which the guest turns the time-stamp
 * counter into real time. Real time counts from the domain's start and is
 * never set back; the wall clock is an offset to it.
 *
 * The counter's rate is measured against CLOCK_MONOTONIC over as long as the
 * process (or the nursery before it) has lived.
 */
#ifndef MONITOR_GUEST_CLOCK_H
#define MONITOR_GUEST_CLOCK_H

#include <stdint.h>
#include "hypervisor/abi/hv.h"

struct clock_sample {
    uint64_t tsc, mono_ns;
};

struct guest_clock {
    struct clock_sample origin; // where the rate is measured from
    uint64_t start_mono_ns;     // real time 0
    uint64_t synced_mono_ns;    // the last time parameters were written
    uint64_t rate;              // ns per tick, 32 bits of fraction
};

void clock_sample(struct clock_sample *);

// Writes the first parameters; real time is 0 at start_mono_ns.
void guest_clock_start(struct guest_clock *, struct hv_time *,
                       uint64_t start_mono_ns);

// Corrects drift; cheap when called often.
void guest_clock_sync(struct guest_clock *, struct hv_time *);

// The same at once: for a guest that is about to go on after a pause. Real
// time and the wall clock have gone on meanwhile.
void guest_clock_resume(struct guest_clock *, struct hv_time *);

// CLOCK_MONOTONIC at a real time of the domain; UINT64_MAX if out of range.
uint64_t guest_clock_mono_ns(const struct guest_clock *, uint64_t real_ns);

#endif
