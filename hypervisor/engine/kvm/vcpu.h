// SPDX-License-Identifier: ISC
// The vCPU: runs the guest, serves its hypercalls, delivers upcalls and traps.

#ifndef KVM_VCPU_H
#define KVM_VCPU_H

#include "hypervisor/engine/kvm/vm.h"

// The handler of PLAN_SIGNAL_UPCALL: makes KVM_RUN return, also one that has
// not begun yet.
void vcpu_kick(int sig);

// Starts at `entry`, once vcpu[0].wake is not 0.
void vcpu_run(struct vm *, uint64_t entry) __attribute__((noreturn));

// What a parked or dead vCPU shows the monitor, and takes from it when it is
// released.
extern struct hv_cpu vcpu_cpu;

#endif
