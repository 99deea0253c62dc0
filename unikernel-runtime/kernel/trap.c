// SPDX-License-Identifier: ISC
// Traps of the program, as signals.
#include "unikernel-runtime/kernel/trap.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/sched.h"
#include "unikernel-runtime/kernel/signal.h"
#include "unikernel-runtime/kernel/thread.h"

#include <stddef.h>

enum vector {
    VECTOR_DIVIDE = 0,
    VECTOR_BREAKPOINT = 3,
    VECTOR_INVALID = 6,
    VECTOR_PAGE = 14,
    VECTOR_X87 = 16,
    VECTOR_ALIGNMENT = 17,
    VECTOR_SIMD = 19
};

#define PAGE_PRESENT 1 // in the error code: it was a matter of rights

static int signal_of(const struct trap_frame *f, siginfo_t *info)
{
    info->si_addr = (void *)f->rip;
    switch ((enum vector)f->vector) {
    case VECTOR_DIVIDE:
        info->si_code = FPE_INTDIV;
        return SIGFPE;
    case VECTOR_X87:
    case VECTOR_SIMD:
        info->si_code = FPE_FLTINV;
        return SIGFPE;
    case VECTOR_BREAKPOINT:
        info->si_code = TRAP_BRKPT;
        return SIGTRAP;
    case VECTOR_INVALID:
        info->si_code = ILL_ILLOPN;
        return SIGILL;
    case VECTOR_ALIGNMENT:
        info->si_code = BUS_ADRALN;
        return SIGBUS;
    case VECTOR_PAGE:
        info->si_addr = (void *)f->address;
        info->si_code = f->error & PAGE_PRESENT ? SEGV_ACCERR : SEGV_MAPERR;
        return SIGSEGV;
    }
    info->si_code = SI_KERNEL;
    return SIGSEGV;
}

void trap_handle(struct trap_frame *f)
{
    struct thread *self = thread_self();
    siginfo_t info = {0};
    int sig = info.si_signo = signal_of(f, &info);
    struct sigaction a = signal_actions[sig];
    // Without a handler, or inside the runtime, the instruction is tried
    // again with nobody there to catch it: that makes the report.
    if (a.sa_handler == SIG_DFL || a.sa_handler == SIG_IGN || self->locks ||
        shared_info->vcpu[0].upcall_mask ||
        self->signal_mask & signal_bit(sig)) {
        hv_setup(HV_SETUP_TRAP, NULL);
        return;
    }
    uint64_t before = self->signal_mask;
    self->signal_mask |= a.sa_mask;
    if (!(a.sa_flags & SA_NODEFER))
        self->signal_mask |= signal_bit(sig);
    if (a.sa_flags & SA_RESETHAND)
        signal_actions[sig].sa_handler = SIG_DFL;
    if (a.sa_flags & SA_SIGINFO)
        a.sa_sigaction(sig, &info, f);
    else
        a.sa_handler(sig);
    self->signal_mask = before;
}

void trap_init(void)
{
    hv_setup(HV_SETUP_TRAP, trap_entry);
}
