// SPDX-License-Identifier: ISC
// What KVM on this machine offers; found once, before monitors are forked.

#ifndef KVM_MACHINE_H
#define KVM_MACHINE_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

#define MACHINE_CPUID_MAX 256 // a processor of today has 60

struct machine {
    int fd;        // /dev/kvm; -1: not opened, or given away
    int code_fd;   // hypercall page and shim, which all machines share
    int run_len;   // of a vCPU's shared page
    bool hardware; // machine_is_hardware()
    unsigned tss_type;
    uint64_t xcr0; // vector state that guests may use
    struct {
        struct kvm_cpuid2 head;
        struct kvm_cpuid_entry2 entry[MACHINE_CPUID_MAX];
    } cpuid;
};
extern struct machine machine;

int machine_open(struct err *);
void machine_close(void);

// Can a guest's kernel mode run at full speed here: is KVM there, and not in
// software?
bool machine_is_hardware(void);

#endif
