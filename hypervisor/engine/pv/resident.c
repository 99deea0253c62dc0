// SPDX-License-Identifier: ISC
/*
 * Resident code of a pv guest: hypercalls, upcalls and traps.
 *
 * It runs with no more rights than the guest (the filter is what the guest
 * cannot get around), in pages the guest cannot write. No writable data: state
 * is in shared_info and, while a signal is handled, on the signal stack.
 *
 * Signals are handled without rt_sigreturn: the handler edits the saved
 * context and jumps into it (pv_resume). They are never blocked, so a handler
 * may be interrupted by another; see signal_upcall.
 */
#include <linux/futex.h>
#include <linux/mman.h>
#include <stdbool.h>
#include <stddef.h>

#include "hypervisor/engine/pv/layout.h"
#include "hypervisor/engine/pv/syscall.h"

#define SHARED ((struct hv_shared_info *)HV_SHARED_INFO_VA)
#include "hypervisor/engine/calls.h"

#define RFLAGS_DF 0x400ul

_Static_assert(offsetof(struct hv_vcpu_info, upcall_pending) == 16, "entry");
_Static_assert(offsetof(struct hv_vcpu_info, upcall_mask) == 20, "entry");
_Static_assert(offsetof(struct hv_vcpu_info, wake) == 24, "entry");
_Static_assert(offsetof(struct hv_vcpu_info, upcall_entry) == 40, "entry");

// ------------------------------------------------------------- hypercalls

static long ring(void)
{
    static const uint64_t one = 1;

    return pv_call3(__NR_write, PLAN_FD_DOORBELL, &one, sizeof(one));
}

static void wait_while(uint32_t *word, uint32_t value)
{
    pv_call4(__NR_futex, word, FUTEX_WAIT, value, 0);
}

static void leave(void)
{
    for (;;)
        pv_call1(__NR_exit_group, 0);
}

_Static_assert(HV_PROT_READ == PROT_READ && HV_PROT_WRITE == PROT_WRITE &&
                   HV_PROT_EXEC == PROT_EXEC,
               "a guest's rights are mprotect's");

// Linux would change what is there before it finds that the rest is not. The
// guest cannot write start_info, so what stands there is so.
static bool beyond_ram(uint64_t addr, uint64_t len)
{
    const struct hv_start_info *start = (void *)HV_START_INFO_VA;

    return addr + len > HV_RAM_VA + start->memory_kib * 1024;
}

long call_memory(uint64_t op, uint64_t addr, uint64_t len, uint64_t prot)
{
    long r;

    if (!call_range_ok(addr, len, op != HV_MEM_PROTECT))
        return HV_EINVAL;
    if (beyond_ram(addr, len))
        return HV_ENOMEM;
    switch (op) {
    case HV_MEM_POPULATE:
        for (uint64_t at = addr; at < addr + len; at += HV_PAGE)
            __atomic_or_fetch((uint8_t *)at, 0, __ATOMIC_RELAXED);
        return 0;
    case HV_MEM_RELEASE:
        return pv_call3(__NR_madvise, addr, len, MADV_DONTNEED);
    case HV_MEM_PROTECT:
        r = call_prot_check(prot);
        return r < 0 ? r : pv_call3(__NR_mprotect, addr, len, prot);
    default:
        return HV_ENOSYS;
    }
}

// ---------------------------------------------------------------- signals

// Linux's struct sigcontext and what is around it, as far as it is needed.
struct pv_regs {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    uint16_t cs, gs, fs, ss;
    uint64_t error, vector, oldmask, cr2;
    uint8_t *xsave;
};
struct pv_context {
    uint64_t flags;
    void *link;
    uint64_t stack[3];
    struct pv_regs regs;
};
_Static_assert(offsetof(struct pv_regs, rip) == 128, "pv_resume");
_Static_assert(offsetof(struct pv_regs, cs) == 144, "pv_resume");
_Static_assert(offsetof(struct pv_regs, ss) == 150, "pv_resume");

#define XSAVE_FEATURES 472 // sw_reserved.xfeatures, in the legacy area's tail
#define VECTOR_DOUBLE  8   // a trap while handling one

void pv_resume(const struct pv_regs *, const uint8_t *xsave, uint64_t mask)
    __attribute__((noreturn));
void pv_signal(int sig, void *info, struct pv_context *c)
    __attribute__((noreturn));

static __attribute__((noreturn)) void resume(const struct pv_regs *r)
{
    uint64_t mask = r->xsave ? *(uint64_t *)(r->xsave + XSAVE_FEATURES) : 0;

    pv_resume(r, r->xsave, mask);
}

static int on_signal_stack(uint64_t rsp)
{
    return rsp > PV_STACK_VA && rsp <= PV_STACK_END;
}

// The context the outermost handler was given; at the far end of the stack.
// That of an earlier signal does as well: the kernel puts it where it was.
static struct pv_context **outermost(void)
{
    return (struct pv_context **)PV_STACK_VA;
}

static uint64_t *bounce(const struct pv_regs *r)
{
    uint64_t *frame = (uint64_t *)((r->rsp - 128) & ~15ul);

    *--frame = r->ss;
    *--frame = r->rsp;
    *--frame = r->rflags;
    *--frame = r->cs;
    *--frame = r->rip;
    return frame;
}

static void enter(struct pv_regs *r, uint64_t entry, const uint64_t *rsp)
{
    r->rip = entry;
    r->rsp = (uint64_t)rsp;
    r->rflags &= ~RFLAGS_DF;
}

/*
 * A signal that finds another handler on the stack: if that one has already
 * decided (upcalls are masked) it simply goes on; if not, what it decided
 * (nothing) may be out of date, so its context is taken over.
 */
static __attribute__((noreturn)) void signal_upcall(struct pv_context *c)
{
    struct hv_vcpu_info *v = vcpu_of(0);
    struct pv_regs *r = &c->regs;

    if (v->upcall_mask || !v->upcall_pending || !v->upcall_entry)
        resume(r);
    if (on_signal_stack(r->rsp)) {
        if (!*outermost()) // it has not begun, so it will look for itself
            resume(r);
        r = &(*outermost())->regs;
    }
    __atomic_store_n(&v->upcall_mask, 1, __ATOMIC_SEQ_CST);
    if (r->rip - HV_IRET(0) < HV_IRET_LEN)
        enter(r, v->upcall_entry, (uint64_t *)r->rsp);
    else
        enter(r, v->upcall_entry, bounce(r));
    resume(r);
}

static __attribute__((noreturn)) void die(const struct pv_regs *r,
                                          uint32_t vector)
{
    const struct hv_trap trap = {.vector = vector,
                                 .error = r->error,
                                 .address = r->cr2,
                                 .regs = {r->rax, r->rcx, r->rdx, r->rbx,
                                          r->rsp, r->rbp, r->rsi, r->rdi, r->r8,
                                          r->r9, r->r10, r->r11, r->r12, r->r13,
                                          r->r14, r->r15, r->rip, r->rflags}};

    calls_die(&trap);
}

static __attribute__((noreturn)) void signal_trap(struct pv_context *c)
{
    struct pv_regs *r = &c->regs;
    struct hv_vcpu_info *v = vcpu_of(0);
    uint64_t *frame;

    if (on_signal_stack(r->rsp)) {
        // The bounce frame could not be written. Show the guest's registers.
        if (*outermost())
            r = &(*outermost())->regs;
        die(r, VECTOR_DOUBLE);
    }
    if (!v->trap_entry || SHARED->trap_busy)
        die(r, r->vector);
    SHARED->trap_busy = 1;
    frame = bounce(r);
    *--frame = r->cr2;
    *--frame = r->error;
    *--frame = r->vector;
    enter(r, v->trap_entry, frame);
    resume(r);
}

__attribute__((noreturn)) void pv_signal(int sig, void *info,
                                         struct pv_context *c)
{
    (void)info;
    if (!on_signal_stack(c->regs.rsp))
        *outermost() = c;
    if (sig == PLAN_SIGNAL_UPCALL)
        signal_upcall(c);
    signal_trap(c);
}
