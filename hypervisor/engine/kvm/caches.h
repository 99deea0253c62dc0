// SPDX-License-Identifier: ISC
// Memory that a KVM which shadows page tables would keep in stock.

#ifndef KVM_CACHES_H
#define KVM_CACHES_H

#include "hypervisor/engine/kvm/vm.h"

// Once, before the vCPU runs for the first time and KVM knows of any memory.
// So it is also the proof that code runs here.
int caches_trim(struct vm *, struct err *);

#endif
