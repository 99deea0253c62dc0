// SPDX-License-Identifier: ISC
// The page(s) a guest reads at its entry, and what processors offer.

#ifndef MONITOR_START_INFO_H
#define MONITOR_START_INFO_H

#include "hypervisor/engine/engine.h"
#include "hypervisor/monitor/control.h"

// HV_CPU_* of this machine that a domain may use. Slow when first called:
// before monitors are forked.
uint64_t cpu_features(void);

// Is the command line what it says: argc + envc strings, each terminated?
int start_info_check(const struct hvc_prepare *, struct err *);

// Fills the guest's pages from a checked message.
void start_info_fill(struct domain *, const struct hvc_prepare *,
                     const struct image *, uint64_t initrd_len);

#endif
