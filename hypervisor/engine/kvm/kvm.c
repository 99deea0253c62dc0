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
    if (addr >= HV_RAM_VA + HV_RAM_MAX)
        return -EFAULT;
    return child_read(d, KVM_HOST_VA + addr, buf, len);
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
    .cpu_ns = child_cpu_ns,
    .pause = child_pause,
    .stop = child_stop,
    .reap = child_reap,
};
