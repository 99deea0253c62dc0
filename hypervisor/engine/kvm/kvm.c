// SPDX-License-Identifier: ISC
/*
 * Engine kvm: a domain is a virtual machine without a kernel of its own. Here
 * is the monitor's side, which is little: the virtual machine belongs to the
 * vCPU's process (born.c), a child like that of engine pv.
 */
#include <errno.h>

#include "hypervisor/engine/child.h"
#include "hypervisor/engine/kvm/born.h"
#include "hypervisor/engine/kvm/layout.h"
#include "hypervisor/engine/kvm/machine.h"
#include "hypervisor/engine/kvm/vcpu.h"

static int kvm_prepare(struct err *e)
{
    return machine_open(e);
}

static int kvm_make(struct domain *d, const struct engine_slot *slot,
                    struct err *e)
{
    int r = child_make(d, slot, born, e);

    machine_close();
    return r;
}

static ssize_t kvm_read(struct domain *d, uint64_t addr, void *buf, size_t len)
{
    if (addr >= HV_INITRD_VA + HV_INITRD_MAX)
        return -EFAULT;
    return child_read(d, KVM_HOST_VA + addr, buf, len);
}

static ssize_t kvm_write(struct domain *d, uint64_t addr, const void *buf,
                         size_t len)
{
    if (addr >= HV_RAM_VA + HV_RAM_MAX || len > HV_RAM_VA + HV_RAM_MAX - addr)
        return -EFAULT;
    return child_write(d, KVM_HOST_VA + addr, buf, len);
}

static int kvm_touched(struct domain *d, uint64_t addr, size_t n, bool *touched)
{
    return child_touched(d, KVM_HOST_VA + addr, n, touched);
}

// --------------------------------------------------------------- registers

// This process was copied to make the vCPU's, so a variable is at the same
// place in both. Nothing that the guest can write says where it is.
#define CPU_VA ((uint64_t)(uintptr_t)&vcpu_cpu)

// In the hypercall page, as page.S has it: a slot is three instructions, and
// `notify` is a piece of code behind HV_IRET.
#define SLOT_OUT 5
#define SLOT_RET 7
#define PAGE_NOTIFY                                                            \
    (HV_HYPERCALL_VA + HV_IRET_OFFSET + HV_IRET_LEN * HV_VCPU_MAX)

// A hypercall under way is shown at its start; one that is done, behind it.
static int rewind_call(struct domain *d, struct hv_regs *r)
{
    const uint64_t at = r->rip - HV_HYPERCALL_VA;

    if (at >= HV_PAGE)
        return 0;
    if (r->rip >= PAGE_NOTIFY)
        r->rip = HV_CALL_VA(HV_CALL_NOTIFY);
    if (at >= 32 * HV_CALL_COUNT)
        return 0;
    if (at / 32 != HV_CALL_NOTIFY && at % 32 == SLOT_RET) {
        if (kvm_read(d, r->rsp, &r->rip, sizeof(r->rip)) != sizeof(r->rip))
            return -EFAULT;
        r->rsp += 8;
    } else {
        r->rip -= at % 32;
    }
    return 0;
}

static int kvm_capture(struct domain *d, struct hv_cpu *cpu)
{
    if (child_read(d, CPU_VA, cpu, sizeof(*cpu)) != sizeof(*cpu))
        return -EFAULT;
    cpu->xcr0 = d->start_info->xcr0;
    if (cpu->xsave_len > HV_XSAVE_MAX)
        return -EFAULT;
    return rewind_call(d, &cpu->regs);
}

static int kvm_restore(struct domain *d, const struct hv_cpu *cpu)
{
    return child_write(d, CPU_VA, cpu, sizeof(*cpu)) == sizeof(*cpu) ? 0
                                                                     : -EFAULT;
}

const struct engine engine_kvm = {
    .name = "kvm",
    .prepare = kvm_prepare,
    .forget = machine_close,
    .make = kvm_make,
    .load = child_load,
    .go = child_go,
    .wake = child_wake,
    .interrupt = child_interrupt,
    .answer = child_answer,
    .read = kvm_read,
    .write = kvm_write,
    .touched = kvm_touched,
    .park = child_park,
    .parked = child_parked,
    .capture = kvm_capture,
    .restore = kvm_restore,
    .release = child_release,
    .cpu_ns = child_cpu_ns,
    .pause = child_pause,
    .bind = child_bind,
    .stop = child_stop,
    .reap = child_reap,
};
