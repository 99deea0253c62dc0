// SPDX-License-Identifier: ISC
/*
 * Registers of a pv guest; see capture.h. They are where the kernel put them
 * when it delivered the signal: on the signal stack, in memory that the guest
 * may write. So every address is checked to lie there, and nowhere else is
 * written to.
 */
#include "hypervisor/engine/pv/capture.h"

#include <errno.h>
#include <string.h>

#include "hypervisor/engine/child.h"
#include "hypervisor/engine/pv/layout.h"

static bool on_stack(uint64_t addr, uint64_t len)
{
    return addr > PV_STACK_VA && addr < PV_STACK_END &&
           len <= PV_STACK_END - addr && addr % 8 == 0;
}

static bool get(struct domain *d, uint64_t addr, void *to, size_t len)
{
    return child_read(d, addr, to, len) == (ssize_t)len;
}

// The context and the vector state it points to.
struct found {
    uint64_t at;
    struct pv_context context;
    uint64_t xsave;
    uint32_t xsave_len;
};

static int find(struct domain *d, struct found *f)
{
    f->at = park_of(d->shared)->context;
    if (!on_stack(f->at, sizeof(f->context)) ||
        !get(d, f->at, &f->context, sizeof(f->context)))
        return -EFAULT;
    f->xsave = (uint64_t)f->context.regs.xsave;
    if (!on_stack(f->xsave, 576) ||
        !get(d, f->xsave + PV_XSAVE_LEN, &f->xsave_len, sizeof(f->xsave_len)))
        return -EFAULT;
    if (f->xsave_len < 576 || f->xsave_len > HV_XSAVE_MAX ||
        !on_stack(f->xsave, f->xsave_len))
        return -EFAULT;
    return 0;
}

// Which call an address inside its slot or its detour belongs to.
static bool slot_of(uint64_t address, uint64_t *slot)
{
    if (address - PV_TRACED < PV_TRACED_LEN * HV_CALL_COUNT)
        *slot = (address - PV_TRACED) / PV_TRACED_LEN;
    else
        *slot = (address - HV_HYPERCALL_VA) / 32;
    return *slot < HV_CALL_COUNT;
}

/*
 * A hypercall under way is shown at its start; one that is done, behind it.
 * Slots and resident code are as resident_entry.S has them; HV_IRET is the
 * same on every engine and stays.
 */
static int rewind_call(struct domain *d, struct hv_regs *r)
{
    const bool in_slot =
        r->rip - HV_HYPERCALL_VA < HV_CALL_VA(HV_CALL_COUNT) - HV_HYPERCALL_VA;
    const bool in_detour = r->rip - PV_TRACED < PV_TRACED_LEN * HV_CALL_COUNT;
    const uint64_t offset = r->rip % 32;
    uint64_t slot;
    struct pv_call c;

    if (in_slot && offset == 0)
        return 0;
    if (in_slot && offset == 1) { // rbx is pushed, nothing else was done
        r->rip -= 1;
        r->rsp += 8;
        return 0;
    }
    if (!in_slot && !in_detour && r->rip - HV_ENGINE_VA >= PV_RESIDENT_LEN)
        return 0;
    // Of the last two instructions, rbx is restored by the first.
    if (in_slot && offset == PV_SLOT_CALLED + 4) {
        if (!get(d, r->rsp, &r->rip, sizeof(r->rip)))
            return -EFAULT;
        r->rsp += 8;
        return 0;
    }
    if (!get(d, r->rbx - offsetof(struct pv_call, rbx), &c, sizeof(c)))
        return -EFAULT;
    r->rsp = r->rbx + 8;
    r->rbx = c.rbx;
    if (in_slot && offset >= PV_SLOT_CALLED) {
        r->rip = c.back;
        r->rsp += 8;
        return 0;
    }
    if (in_slot &&
        offset <= PV_SLOT_TRACE) { // its arguments are where they were
        r->rip -= offset;
        return 0;
    }
    if (!slot_of(in_slot || in_detour ? r->rip : c.inside, &slot))
        return -EFAULT;
    r->rip = HV_CALL_VA(slot);
    r->rdi = c.rdi;
    r->rsi = c.rsi;
    r->rdx = c.rdx;
    r->rcx = c.rcx;
    return 0;
}

int pv_capture(struct domain *d, struct hv_cpu *cpu)
{
    const struct park *p = park_of(d->shared);
    const struct pv_regs *r;
    struct found f;

    if (find(d, &f) < 0)
        return -EFAULT;
    r = &f.context.regs;
    memset(cpu, 0, sizeof(*cpu));
    cpu->regs =
        (struct hv_regs){r->rax, r->rcx, r->rdx, r->rbx, r->rsp, r->rbp,
                         r->rsi, r->rdi, r->r8,  r->r9,  r->r10, r->r11,
                         r->r12, r->r13, r->r14, r->r15, r->rip, r->rflags};
    cpu->fs_base = p->fs_base;
    cpu->gs_base = p->gs_base;
    cpu->xcr0 = d->start_info->xcr0;
    cpu->xsave_len = f.xsave_len;
    if (!get(d, f.xsave, cpu->xsave, f.xsave_len))
        return -EFAULT;
    memset(cpu->xsave + PV_XSAVE_RESERVED, 0, 512 - PV_XSAVE_RESERVED);
    return rewind_call(d, &cpu->regs);
}

static bool put(struct domain *d, uint64_t addr, const void *from, size_t len)
{
    return child_write(d, addr, from, len) == (ssize_t)len;
}

int pv_restore(struct domain *d, const struct hv_cpu *cpu)
{
    const struct hv_regs *g = &cpu->regs;
    struct park *p = park_of(d->shared);
    uint32_t tail;
    struct found f;
    struct pv_regs *r = &f.context.regs;

    if (find(d, &f) < 0)
        return -EFAULT;
    if (cpu->xsave_len < 576 || cpu->xsave_len > f.xsave_len)
        return -EINVAL;
    r->rax = g->rax, r->rcx = g->rcx, r->rdx = g->rdx, r->rbx = g->rbx;
    r->rsp = g->rsp, r->rbp = g->rbp, r->rsi = g->rsi, r->rdi = g->rdi;
    r->r8 = g->r8, r->r9 = g->r9, r->r10 = g->r10, r->r11 = g->r11;
    r->r12 = g->r12, r->r13 = g->r13, r->r14 = g->r14, r->r15 = g->r15;
    r->rip = g->rip;
    r->rflags = g->rflags;
    p->fs_base = cpu->fs_base;
    p->gs_base = cpu->gs_base;
    tail = cpu->xsave_len - 512;
    return put(d, f.at + offsetof(struct pv_context, regs), r, sizeof(*r)) &&
                   put(d, f.xsave, cpu->xsave, PV_XSAVE_RESERVED) &&
                   put(d, f.xsave + 512, cpu->xsave + 512, tail)
               ? 0
               : -EFAULT;
}
