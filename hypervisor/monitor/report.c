// SPDX-License-Identifier: ISC
// Trap reports; see report.h. All of it is the guest's word: copied once,
// printed as numbers.

#include "hypervisor/monitor/report.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const vectors[32] = {
    [0] = "#DE divide error",         [1] = "#DB debug",
    [3] = "#BP breakpoint",           [4] = "#OF overflow",
    [5] = "#BR bound range",          [6] = "#UD invalid opcode",
    [7] = "#NM no coprocessor",       [8] = "#DF trap while delivering one",
    [11] = "#NP segment not present", [12] = "#SS stack fault",
    [13] = "#GP general protection",  [14] = "#PF page fault",
    [16] = "#MF x87 error",           [17] = "#AC alignment",
    [19] = "#XM SIMD error",
};

#define VECTOR_PF  14
#define PF_PRESENT 1u
#define PF_WRITE   2u
#define PF_FETCH   16u

struct text {
    char *at;
    size_t left;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t,
                                                      const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(t->at, t->left, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    if ((size_t)n >= t->left)
        n = t->left ? t->left - 1 : 0;
    t->at += n;
    t->left -= n;
}

static void add_what(struct text *t, const struct hv_trap *trap)
{
    const char *name = trap->vector < 32 ? vectors[trap->vector] : NULL;

    if (name)
        add(t, "%s", name);
    else
        add(t, "trap %u", trap->vector);
    if (trap->vector == VECTOR_PF)
        add(t, ": %s at address %#lx (%s)",
            trap->error & PF_FETCH   ? "execution"
            : trap->error & PF_WRITE ? "write"
                                     : "read",
            trap->address,
            trap->error & PF_PRESENT ? "not allowed" : "not mapped");
    else if (trap->error)
        add(t, ", error code %#lx", trap->error);
}

static void add_registers(struct text *t, const struct hv_regs *r)
{
    add(t, "  rax %016lx  rbx %016lx  rcx %016lx\n", r->rax, r->rbx, r->rcx);
    add(t, "  rdx %016lx  rsi %016lx  rdi %016lx\n", r->rdx, r->rsi, r->rdi);
    add(t, "  rbp %016lx  rsp %016lx  r8  %016lx\n", r->rbp, r->rsp, r->r8);
    add(t, "  r9  %016lx  r10 %016lx  r11 %016lx\n", r->r9, r->r10, r->r11);
    add(t, "  r12 %016lx  r13 %016lx  r14 %016lx\n", r->r12, r->r13, r->r14);
    add(t, "  r15 %016lx  rip %016lx  flags %08lx\n", r->r15, r->rip,
        r->rflags);
}

void report_write(struct domain *d, int image_fd, char *text, size_t max)
{
    const struct hv_trap trap = d->shared->trap;
    struct text t = {text, max};

    (void)image_fd;
    add_what(&t, &trap);
    add(&t, "\n  at %#lx\n", trap.regs.rip);
    add_registers(&t, &trap.regs);
}
