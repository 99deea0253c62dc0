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

#include "hypervisor/engine/park.h"
#include "hypervisor/engine/pv/layout.h"
#include "hypervisor/engine/pv/syscall.h"

#define SHARED ((struct hv_shared_info *)HV_SHARED_INFO_VA)
#define PARK   park_of(HV_SHARED_INFO_VA)
#define START  ((const struct hv_start_info *)HV_START_INFO_VA)
#include "hypervisor/engine/calls.h"

#define RFLAGS_DF 0x400ul

_Static_assert(HV_SHARED_INFO_VA + PARK_OFFSET + offsetof(struct park, order) ==
                   0x208800,
               "entry");
_Static_assert(HV_SHARED_INFO_VA + PARK_OFFSET +
                       offsetof(struct park, context) ==
                   0x208828,
               "entry");
_Static_assert(PV_STACK_VA + 8 == 0x214008, "entry");
_Static_assert(HV_SHARED_INFO_VA + TRACE_OFFSET == 0x208900, "entry");
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
        r = pv_call3(__NR_madvise, addr, len, MADV_POPULATE_WRITE);
        if (r != HV_EINVAL) // as kernels before 5.14 say
            return r < 0 ? HV_ENOMEM : 0;
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

_Static_assert(offsetof(struct pv_regs, rip) == 128, "pv_resume");
_Static_assert(offsetof(struct pv_regs, cs) == 144, "pv_resume");
_Static_assert(offsetof(struct pv_regs, ss) == 150, "pv_resume");

#define VECTOR_DOUBLE 8 // a trap while handling one
#define VECTOR_PF     14
#define VECTOR_DB     1
#define VECTOR_BP     3

#define SIGNAL_SYSCALL 31 // SIGSYS
#define INFO_SYSCALL   6  // 32-bit words of its siginfo
#define INFO_ARCH      7

void pv_resume(const struct pv_regs *, const uint8_t *xsave, uint64_t mask)
    __attribute__((noreturn));
void pv_signal(int sig, void *info, struct pv_context *c)
    __attribute__((noreturn));
void pv_begin(uint64_t entry, uint64_t stack) __attribute__((noreturn));

static __attribute__((noreturn)) void resume(const struct pv_regs *r)
{
    uint64_t mask = r->xsave ? *(uint64_t *)(r->xsave + PV_XSAVE_FEATURES) : 0;

    pv_resume(r, r->xsave, mask);
}

// Interrupted in code of ours, not the guest's: a handler, or on the way to the
// guest's first instruction.
static int is_resident(const struct pv_regs *r)
{
    return (r->rsp > PV_STACK_VA && r->rsp <= PV_STACK_END) ||
           r->rip - PV_LAND_VA < PV_LAND_LEN;
}

// The context the outermost handler was given; at the far end of the stack.
// That of an earlier signal does as well: the kernel puts it where it was.
static struct pv_context **outermost(void)
{
    return (struct pv_context **)PV_STACK_VA;
}

// Not 0: a SIGTRAP is being handled, which ends the guest unless the host is
// debugging it. What interrupts that may not take over.
static uint32_t *no_return(void)
{
    return (uint32_t *)(PV_STACK_VA + 8);
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

    if (v->upcall_mask || !v->upcall_pending || !v->upcall_entry ||
        PARK->order & PARK_QUIET)
        resume(r);
    if (is_resident(r)) {
        if (!*outermost()) // it has not begun, so it will look for itself
            resume(r);
        r = &(*outermost())->regs;
    }
    trace(TRACE_UPCALL, v->pending, 0);
    __atomic_store_n(&v->upcall_mask, 1, __ATOMIC_SEQ_CST);
    if (r->rip - HV_IRET(0) < HV_IRET_LEN)
        enter(r, v->upcall_entry, (uint64_t *)r->rsp);
    else
        enter(r, v->upcall_entry, bounce(r));
    resume(r);
}

// What the context of a signal leaves out. Without the feature both are 0:
// the guest has no means to change them.
static void bases_save(void)
{
    if (!(START->cpu_features & HV_CPU_FSGSBASE))
        return;
    __asm__ volatile("rdfsbase %0" : "=r"(PARK->fs_base));
    __asm__ volatile("rdgsbase %0" : "=r"(PARK->gs_base));
}

static void bases_load(void)
{
    if (!(START->cpu_features & HV_CPU_FSGSBASE))
        return;
    __asm__ volatile("wrfsbase %0" ::"r"(PARK->fs_base));
    __asm__ volatile("wrgsbase %0" ::"r"(PARK->gs_base));
}

// Shows the host a context and waits until it has what it wants.
static uint32_t park(struct pv_context *c, uint32_t reason)
{
    struct park *p = PARK;
    uint32_t release = __atomic_load_n(&p->release, __ATOMIC_ACQUIRE);

    p->context = (uint64_t)c;
    p->vector = c->regs.vector;
    p->error = c->regs.error;
    p->address = c->regs.vector == VECTOR_PF ? c->regs.cr2 : 0;
    bases_save();
    __atomic_store_n(&p->parked, reason, __ATOMIC_SEQ_CST);
    ring();
    while (__atomic_load_n(&p->release, __ATOMIC_ACQUIRE) == release)
        wait_while(&p->release, release);
    __atomic_store_n(&p->parked, PARK_RUNS, __ATOMIC_SEQ_CST);
    bases_load();
    return p->verdict;
}

/*
 * The first context, when the host wants to see it before the guest runs: as
 * the landing in resident_entry.S makes it.
 */
__attribute__((noreturn)) void pv_begin(uint64_t entry, uint64_t stack)
{
    static const struct pv_context first = {.regs = {.rdi = HV_START_INFO_VA,
                                                     .rflags = 0x202,
                                                     .cs = HV_CS,
                                                     .ss = HV_SS}};
    uint8_t xsave[HV_XSAVE_MAX] __attribute__((aligned(64)));
    struct pv_context c = first;

    for (unsigned i = 0; i < sizeof(xsave); i++)
        ((volatile uint8_t *)xsave)[i] = 0;
    *(uint32_t *)(xsave + 24) = 0x1f80; // MXCSR
    *(uint64_t *)(xsave + PV_XSAVE_FEATURES) = START->xcr0;
    *(uint32_t *)(xsave + PV_XSAVE_LEN) = sizeof(xsave);
    c.regs.rip = entry;
    c.regs.rsp = stack;
    c.regs.xsave = xsave;
    park(&c, PARK_ASKED);
    resume(&c.regs);
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

    // For a core.
    PARK->context = (uint64_t)r - offsetof(struct pv_context, regs);
    bases_save();
    calls_die(&trap);
}

static __attribute__((noreturn)) void signal_trap(struct pv_context *c)
{
    struct pv_regs *r = &c->regs;
    struct hv_vcpu_info *v = vcpu_of(0);
    uint64_t *frame;

    if (is_resident(r)) {
        // The bounce frame could not be written. Show the guest's registers.
        if (*outermost())
            r = &(*outermost())->regs;
        die(r, VECTOR_DOUBLE);
    }
    if (PARK->order & PARK_TRAPS && park(c, PARK_TRAP) == PARK_GO_ON) {
        *no_return() = 0;
        signal_upcall(c);
    }
    // The kernel keeps one SIGTRAP at a time: who could go on after one of
    // these would miss the one that says that its time is up.
    if (r->vector == VECTOR_DB || r->vector == VECTOR_BP)
        die(r, r->vector);
    if (!v->trap_entry || SHARED->trap_busy)
        die(r, r->vector);
    trace(TRACE_TRAP, r->vector, r->vector == VECTOR_PF ? r->cr2 : r->rip);
    SHARED->trap_busy = 1;
    frame = bounce(r);
    *--frame = r->cr2;
    *--frame = r->error;
    *--frame = r->vector;
    enter(r, v->trap_entry, frame);
    resume(r);
}

// The filter has refused a system call: the end, and a report of it. All
// signals are blocked here, and there is no way back to the guest.
static __attribute__((noreturn)) void tried_syscall(struct pv_context *c,
                                                    const uint32_t *info)
{
    c->regs.error = info[INFO_SYSCALL];
    c->regs.cr2 = info[INFO_ARCH];
    die(&c->regs, PLAN_VECTOR_SYSCALL);
}

__attribute__((noreturn)) void pv_signal(int sig, void *info,
                                         struct pv_context *c)
{
    const int nested = is_resident(&c->regs);

    if (!nested)
        *outermost() = c;
    if (sig == SIGNAL_SYSCALL)
        tried_syscall(c, info);
    if (sig != PLAN_SIGNAL_UPCALL)
        signal_trap(c);
    // Parked, or there is no way back: the host will look again.
    if (nested && (PARK->parked || *no_return() ||
                   c->regs.rip - PV_TRAP_VA < PV_TRAP_LEN))
        resume(&c->regs);
    // Not while a handler is at work: the host asks until it is heard.
    if (!nested && PARK->order & PARK_STOP)
        park(c, PARK_ASKED);
    signal_upcall(c);
}
