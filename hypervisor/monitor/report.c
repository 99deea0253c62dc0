// SPDX-License-Identifier: ISC
// Trap reports; see report.h. All of it is the guest's word: copied once,
// printed as numbers.

#include "hypervisor/monitor/report.h"

#include <linux/audit.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "hypervisor/engine/plan.h"
#include "hypervisor/monitor/symbols.h"

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

static void add_trap(struct text *t, const struct hv_trap *trap)
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

static const char *const syscalls[] = {
#include "syscall-names.h"
};

static void add_syscall(struct text *t, const struct hv_trap *trap)
{
    const uint64_t nr = trap->error & UINT32_MAX;

    if (trap->address != AUDIT_ARCH_X86_64)
        add(t, "tried a system call of the host: number %lu, 32-bit", nr);
    else if (nr < sizeof(syscalls) / sizeof(syscalls[0]) && syscalls[nr])
        add(t, "tried a system call of the host: %s", syscalls[nr]);
    else
        add(t, "tried a system call of the host: number %lu", nr);
}

static void add_what(struct text *t, const struct hv_trap *trap)
{
    if (trap->vector == PLAN_VECTOR_SYSCALL)
        add_syscall(t, trap);
    else
        add_trap(t, trap);
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

// ------------------------------------------------------------- backtrace

#define FRAMES_MAX 24

static bool peek(struct domain *d, uint64_t addr, uint64_t *words, size_t n)
{
    ssize_t len = n * sizeof(*words);

    return addr < HV_RAM_VA + HV_RAM_MAX &&
           d->engine->read(d, addr, words, len) == len;
}

// A return address is in the program's text, whatever a broken stack holds.
static bool is_return(uint64_t address)
{
    return address > HV_IMAGE_BASE && address < HV_IMAGE_LIMIT;
}

// Does a call end there? By its last bytes: to a place, or by a register or
// memory in any of its forms.
static bool is_called_from(struct domain *d, uint64_t address)
{
    uint8_t b[7];

    if (!is_return(address) ||
        d->engine->read(d, address - sizeof(b), b, sizeof(b)) != sizeof(b))
        return false;
    if (b[2] == 0xe8)
        return true;
    for (unsigned i = 0; i < 6; i++) // ff /2
        if (i != 2 && i != 3 && b[i] == 0xff && (b[i + 1] & 0x38) == 0x10)
            return true;
    return false;
}

// The place of the trap, then return addresses: first one on the very top of
// the stack, which a call to nowhere or to the hypervisor has just pushed, or
// one to a function that has no frame (yet); then along the frame pointers
// while they ascend.
static size_t backtrace(struct domain *d, const struct hv_regs *r,
                        struct symbol *at)
{
    uint64_t top, frame[2], rbp = r->rbp;
    size_t n = 0;

    at[n++].address = r->rip;
    if (peek(d, r->rsp, &top, 1) && is_called_from(d, top))
        at[n++].address = top - 1;
    while (n < FRAMES_MAX && peek(d, rbp, frame, 2) && is_return(frame[1])) {
        at[n++].address = frame[1] - 1;
        if (frame[0] <= rbp)
            break;
        rbp = frame[0];
    }
    return n;
}

static void add_backtrace(struct text *t, const struct symbol *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        // A return address may lie just past its function's end: the lookup
        // was for the call before it.
        unsigned past = i > 0;

        add(t, "  %s %#lx", i ? "from" : "at", at[i].address + past);
        if (at[i].name[0])
            add(t, " %s+%#lx", at[i].name, at[i].offset + past);
        add(t, "\n");
    }
}

static void add_place(struct text *t, struct domain *d, int image_fd,
                      const struct hv_regs *r)
{
    struct symbol at[FRAMES_MAX];
    size_t n = backtrace(d, r, at);

    symbols_find(image_fd, at, n);
    add(t, "\n");
    add_backtrace(t, at, n);
    add_registers(t, r);
}

void report_write(struct domain *d, int image_fd, char *text, size_t max)
{
    const struct hv_trap trap = d->shared->trap;
    struct text t = {text, max};

    add_what(&t, &trap);
    add_place(&t, d, image_fd, &trap.regs);
}

void report_crash(struct domain *d, int image_fd, const struct hv_regs *r,
                  char *text, size_t max)
{
    struct text t = {text, max};

    add(&t, "the guest gave up");
    add_place(&t, d, image_fd, r);
}
