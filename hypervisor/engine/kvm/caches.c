// SPDX-License-Identifier: ISC
/*
 * When a vCPU first runs, KVM fills two caches with 40 pages each: one to be
 * its page tables, one for what it must remember of each of the guest's. It
 * fills them again when fewer than five are left, and gives nothing back. An
 * idle domain needs a dozen, so 200 KiB lie there for nothing.
 *
 * What has become a page table goes back to the system with it. So the vCPU is
 * led through addresses that have page tables of their own, until the caches
 * hold as many pages as a small domain needs; then the memory that these led to
 * is taken away, and KVM throws all page tables of the machine away with it. A
 * domain that needs more has its caches filled again, as without all this.
 *
 * Where KVM shadows nothing, or has other caches, this does nothing.
 */
#include "hypervisor/engine/kvm/caches.h"

#include <errno.h>
#include <sys/ioctl.h>

// Each takes three tables, below the one root.
#define WALKS      8
#define WALK_VA(n) ((n + 1ul) << 39)

// The call's number, out: an exit, whatever it is.
static int walk(struct vm *vm, uint64_t va)
{
    struct kvm_run *run = vm->run;
    int r;

    run->s.regs.regs = (struct kvm_regs){.rip = va, .rflags = 2};
    run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
    do
        r = ioctl(vm->vcpu_fd, KVM_RUN, 0);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return -errno;
    if (run->exit_reason != KVM_EXIT_IO || run->io.port != KVM_PORT_CALL)
        return -EIO;
    // The port's part in it is over with the next run, which runs nothing.
    run->immediate_exit = 1;
    r = ioctl(vm->vcpu_fd, KVM_RUN, 0);
    run->immediate_exit = 0;
    return r < 0 && errno != EINTR ? -errno : 0;
}

int caches_trim(struct vm *vm, struct err *e)
{
    const uint64_t used = vm->table.used;
    int r;

    for (unsigned i = 0; i < WALKS; i++)
        table_alias(&vm->table, WALK_VA(i), HV_HYPERCALL_VA);
    r = vm_slot(vm, 0, HV_HYPERCALL_VA,
                HV_TABLES_VA + HV_TABLES_LEN - HV_HYPERCALL_VA);
    for (unsigned i = 0; i < WALKS && r == 0; i++)
        r = walk(vm, WALK_VA(i) + HV_CALL_VA(0) - HV_HYPERCALL_VA);
    if (r == 0)
        r = vm_slot(vm, 0, 0, 0);
    table_unalias(&vm->table, used);
    if (r < 0)
        return err_set(e, -r, "KVM: running the vCPU for the first time");
    return 0;
}
