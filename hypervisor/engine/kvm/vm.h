// SPDX-License-Identifier: ISC
/*
 * A kvm domain as the vCPU's process sees it: KVM's descriptors, the memory
 * it is made of, its page tables.
 */
#ifndef KVM_VM_H
#define KVM_VM_H

#include <linux/kvm.h>

#include "hypervisor/engine/engine.h"
#include "hypervisor/engine/kvm/table.h"
#include "hypervisor/engine/plan.h"

// Descriptors, after those of plan.h.
#define VM_FD_VM   2
#define VM_FD_VCPU 3

struct vm {
    int vm_fd, vcpu_fd;
    uint32_t nslots;
    uint64_t ram_len;
    uint64_t window_len; // mapped so far
    struct kvm_run *run; // shared with the kernel
    struct table table;
};

// All that is the same for every domain: a machine that could run, if there
// were something to.
int vm_make(struct vm *, const struct domain *, struct err *);

// Tells KVM that memory is there, or with length 0 that it is not, as its
// piece number `n`. 0 or -errno.
int vm_slot(struct vm *, uint32_t n, uint64_t addr, uint64_t len);

// The domain's own: image, RAM, initrd. -errno when memory cannot be had.
int vm_load(struct vm *, const struct plan *, int image_fd, int initrd_fd);

// Where the guest's byte at an address is in this process.
static inline void *vm_host(uint64_t addr)
{
    return (void *)(KVM_HOST_VA + addr);
}

// Guest memory with the guest's own rights: false when it may not.
bool vm_read(uint64_t addr, void *to, uint64_t len);
bool vm_write(uint64_t addr, const void *from, uint64_t len);

// Bytes of XSAVE state, standard format, that this machine's guests have.
uint32_t vm_xsave_len(void);

// Segments of CPL 3 or CPL 0 code, and the task's as this machine wants it.
void vm_segments(struct kvm_sregs *, unsigned cpl);

#endif
