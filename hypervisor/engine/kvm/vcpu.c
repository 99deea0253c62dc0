// SPDX-License-Identifier: ISC
/*
 * The vCPU; see vcpu.h.
 *
 * The guest leaves KVM_RUN by an `out` in the hypercall page, by one in the
 * shim after a trap, or because a signal said that there is an upcall. What it
 * says is checked here and nowhere else: of its memory only shared_info, the
 * instruction at a trap and the stack of a bounce frame are touched, by its
 * own rights. There is no way from here into the monitor but the doorbell.
 *
 * Where rip is after an `out` differs (past it, or at it until KVM has run
 * again): settle() before looking at registers.
 */
#include "hypervisor/engine/kvm/vcpu.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hypervisor/engine/park.h"

#define SHARED ((struct hv_shared_info *)(KVM_HOST_VA + HV_SHARED_INFO_VA))
#define PARK   park_of(SHARED)
#include "hypervisor/engine/calls.h"

#define RFLAGS_START 0x202ul // interrupts on, and the bit that is 1
#define RFLAGS_DF    0x400ul
#define RFLAGS_GUEST 0x244dd5ul // what a guest itself can set: no IOPL, no VIF

#define VECTOR_DB     1
#define VECTOR_BP     3
#define VECTOR_UD     6
#define VECTOR_DOUBLE 8 // a trap while handling one
#define VECTOR_GP     13
#define VECTOR_PF     14
// Those with an error code on the stack.
#define VECTORS_ERROR                                                          \
    (1u << 8 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14 |          \
     1u << 17 | 1u << 21)

// The one vCPU of this process.
static struct vm *vm;
static struct kvm_run *run;
static bool settled; // nothing of the last exit is left to be done

// Where to leave a hypercall that waits while the host wants the guest parked.
static jmp_buf leave_call;
static bool in_call;

struct hv_cpu vcpu_cpu;

void vcpu_kick(int sig)
{
    (void)sig;
    if (run)
        run->immediate_exit = 1;
}

// ------------------------------------------------------------------- exits

static void leave(void)
{
    for (;;)
        syscall(SYS_exit_group, 0);
}

// What would have killed a guest that is a process kills this one.
static __attribute__((noreturn)) void end_as(int sig)
{
    for (;;)
        syscall(SYS_exit_group, PLAN_EXIT_SIGNAL + sig);
}

static long ring(void)
{
    static const uint64_t one = 1;

    return write(PLAN_FD_DOORBELL, &one, sizeof(one));
}

static void wait_while(uint32_t *word, uint32_t value)
{
    syscall(SYS_futex, word, FUTEX_WAIT, value, NULL);
    if (in_call && PARK->order & PARK_STOP)
        longjmp(leave_call, 1);
}

// --------------------------------------------------------------- registers

static struct kvm_regs *regs(void)
{
    return &run->s.regs.regs;
}

static void regs_changed(void)
{
    run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
}

// Lets KVM finish what the last exit began; the guest runs no instruction.
static void settle(void)
{
    if (settled)
        return;
    run->immediate_exit = 1;
    if (ioctl(VM_FD_VCPU, KVM_RUN, 0) == 0 || errno != EINTR)
        end_as(SIGBUS);
    settled = true;
}

static void set_cpl(unsigned cpl, uint64_t *cr2)
{
    struct kvm_sregs s;

    if (ioctl(VM_FD_VCPU, KVM_GET_SREGS, &s) < 0)
        end_as(SIGBUS);
    if (cr2)
        *cr2 = s.cr2;
    vm_segments(&s, cpl);
    if (ioctl(VM_FD_VCPU, KVM_SET_SREGS, &s) < 0)
        end_as(SIGBUS);
}

static bool in_shim(uint64_t rip)
{
    return rip - HV_ENGINE_VA < HV_ENGINE_LEN;
}

// ------------------------------------------------------- upcalls and traps

// The interrupted context as `iretq` wants it, below the red zone, and what
// more there is to say, in `more`. False when the stack cannot hold it.
static bool bounce(const uint64_t *more, size_t nmore, uint64_t entry)
{
    struct kvm_regs *r = regs();
    const uint64_t frame[] = {r->rip, HV_CS, r->rflags, r->rsp, HV_SS};
    uint64_t rsp = ((r->rsp - 128) & ~15ul) - sizeof(frame);

    if (!vm_write(rsp, frame, sizeof(frame)))
        return false;
    rsp -= nmore * sizeof(*more);
    if (nmore && !vm_write(rsp, more, nmore * sizeof(*more)))
        return false;
    r->rip = entry;
    r->rsp = rsp;
    r->rflags &= ~RFLAGS_DF;
    regs_changed();
    return true;
}

static struct hv_regs regs_hv(void)
{
    const struct kvm_regs *r = regs();

    return (struct hv_regs){r->rax, r->rcx, r->rdx, r->rbx, r->rsp, r->rbp,
                            r->rsi, r->rdi, r->r8,  r->r9,  r->r10, r->r11,
                            r->r12, r->r13, r->r14, r->r15, r->rip, r->rflags};
}

// All of it to where the monitor finds it, and back from there. What comes
// back is a debugger's, so KVM checks it like anything a stranger says.
static void cpu_show(void)
{
    struct kvm_sregs s;
    struct kvm_xsave x;

    if (ioctl(VM_FD_VCPU, KVM_GET_SREGS, &s) < 0 ||
        ioctl(VM_FD_VCPU, KVM_GET_XSAVE, &x) < 0)
        end_as(SIGBUS);
    vcpu_cpu.regs = regs_hv();
    vcpu_cpu.fs_base = s.fs.base;
    vcpu_cpu.gs_base = s.gs.base;
    vcpu_cpu.xsave_len = vm_xsave_len();
    memcpy(vcpu_cpu.xsave, x.region, vcpu_cpu.xsave_len);
}

static void cpu_take(void)
{
    const struct hv_regs *h = &vcpu_cpu.regs;
    struct kvm_sregs s;
    struct kvm_xsave x = {0};

    *regs() =
        (struct kvm_regs){.rax = h->rax,
                          .rcx = h->rcx,
                          .rdx = h->rdx,
                          .rbx = h->rbx,
                          .rsp = h->rsp,
                          .rbp = h->rbp,
                          .rsi = h->rsi,
                          .rdi = h->rdi,
                          .r8 = h->r8,
                          .r9 = h->r9,
                          .r10 = h->r10,
                          .r11 = h->r11,
                          .r12 = h->r12,
                          .r13 = h->r13,
                          .r14 = h->r14,
                          .r15 = h->r15,
                          .rip = h->rip,
                          .rflags = (h->rflags & RFLAGS_GUEST) | RFLAGS_START};
    regs_changed();
    memcpy(x.region, vcpu_cpu.xsave, vm_xsave_len());
    if (ioctl(VM_FD_VCPU, KVM_GET_SREGS, &s) < 0)
        end_as(SIGBUS);
    s.fs.base = vcpu_cpu.fs_base;
    s.gs.base = vcpu_cpu.gs_base;
    if (ioctl(VM_FD_VCPU, KVM_SET_SREGS, &s) < 0 ||
        ioctl(VM_FD_VCPU, KVM_SET_XSAVE, &x) < 0)
        end_as(SIGBUS);
}

// Shows the host the guest's registers and waits until it has what it wants.
static uint32_t park(uint32_t reason, uint32_t vector, uint64_t error,
                     uint64_t address)
{
    struct park *p = PARK;
    uint32_t release = __atomic_load_n(&p->release, __ATOMIC_ACQUIRE);

    settle();
    cpu_show();
    p->vector = vector;
    p->error = error;
    p->address = address;
    __atomic_store_n(&p->parked, reason, __ATOMIC_SEQ_CST);
    ring();
    while (__atomic_load_n(&p->release, __ATOMIC_ACQUIRE) == release)
        wait_while(&p->release, release);
    __atomic_store_n(&p->parked, PARK_RUNS, __ATOMIC_SEQ_CST);
    cpu_take();
    return p->verdict;
}

static __attribute__((noreturn)) void die(uint32_t vector, uint64_t error,
                                          uint64_t address)
{
    const struct hv_trap trap = {.vector = vector,
                                 .error = error,
                                 .address = address,
                                 .regs = regs_hv()};

    cpu_show(); // for a core
    calls_die(&trap);
}

static void deliver_upcall(void)
{
    struct hv_vcpu_info *v = vcpu_of(0);
    const uint64_t entry = v->upcall_entry;
    struct kvm_regs *r = regs();

    if (v->upcall_mask || !v->upcall_pending || !entry ||
        PARK->order & PARK_QUIET)
        return;
    settle();
    // On the way to telling of a trap: when it has been told.
    if (in_shim(r->rip))
        return;
    trace(TRACE_UPCALL, v->pending, 0);
    v->upcall_mask = 1;
    if (r->rip - HV_IRET(0) < HV_IRET_LEN) {
        r->rip = entry;
        r->rflags &= ~RFLAGS_DF;
        regs_changed();
    } else if (!bounce(NULL, 0, entry)) {
        die(VECTOR_DOUBLE, 0, 0);
    }
}

// A system call of the host that was tried? A KVM in software takes `syscall`
// for a jump to the shim, where the guest may not go; and there are the ways
// of 32-bit code.
static bool is_syscall(uint32_t vector)
{
    uint8_t code[2];

    if (vector == VECTOR_PF &&
        regs()->rip == KVM_SHIM + KVM_SHIM_ENTRY * KVM_SYSCALL)
        return true;
    if ((vector != VECTOR_UD && vector != VECTOR_GP) ||
        !vm_read(regs()->rip, code, sizeof(code)))
        return false;
    return (code[0] == 0xcd && code[1] == 0x80) || // int $0x80
           (code[0] == 0x0f && code[1] == 0x34);   // sysenter
}

// Takes the context of a trap off the shim's stack, into the registers.
static void unwind_shim(uint32_t vector, uint64_t *error)
{
    struct kvm_regs *r = regs();
    const unsigned nerror = VECTORS_ERROR >> vector & 1;
    uint64_t frame[5];

    *error = 0;
    if (r->rsp < KVM_STACK ||
        r->rsp > KVM_STACK_END - sizeof(frame) - 8 * nerror)
        end_as(SIGBUS);
    if (nerror)
        memcpy(error, vm_host(r->rsp), sizeof(*error));
    memcpy(frame, vm_host(r->rsp + 8 * nerror), sizeof(frame));
    r->rip = frame[0];
    r->rflags = frame[2];
    r->rsp = frame[3];
    regs_changed();
    if ((frame[1] & 3) != 3) // the shim itself trapped
        end_as(SIGBUS);
}

// Never a return to the guest. The number is where any of these ways has it.
static __attribute__((noreturn)) void tried_syscall(uint32_t vector)
{
    const bool is_32 = vector == VECTOR_UD || vector == VECTOR_GP;

    if (vector == VECTOR_PF) {
        regs()->rip = regs()->rcx;
        regs()->rflags = regs()->r11;
    }
    die(PLAN_VECTOR_SYSCALL, (uint32_t)regs()->rax,
        is_32 ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64);
}

static void on_trap(void)
{
    struct hv_vcpu_info *v = vcpu_of(0);
    uint32_t vector = (regs()->rip - KVM_SHIM) / KVM_SHIM_ENTRY;
    const uint64_t entry = v->trap_entry;
    uint64_t more[3]; // vector, error, address

    settle();
    if (vector == KVM_SYSCALL) { // nothing is on the stack: it is as on Linux
        regs()->rip = regs()->rcx;
        regs()->rflags = regs()->r11;
        set_cpl(3, NULL);
        tried_syscall(vector);
    }
    unwind_shim(vector, &more[1]);
    set_cpl(3, &more[2]);
    if (vector != VECTOR_PF)
        more[2] = 0;
    if (is_syscall(vector))
        tried_syscall(vector);
    if (PARK->order & PARK_TRAPS &&
        park(PARK_TRAP, vector, more[1], more[2]) == PARK_GO_ON)
        return;
    // As on pv, where who could go on would evade its budget.
    if (vector == VECTOR_DB || vector == VECTOR_BP)
        die(vector, more[1], more[2]);
    if (!entry || SHARED->trap_busy)
        die(vector, more[1], more[2]);
    trace(TRACE_TRAP, vector, vector == VECTOR_PF ? more[2] : regs()->rip);
    SHARED->trap_busy = 1;
    more[0] = vector;
    if (!bounce(more, 3, entry))
        die(VECTOR_DOUBLE, 0, 0);
}

// -------------------------------------------------------------- hypercalls

static bool kvm_exits_at(uint16_t port)
{
    return run->exit_reason == KVM_EXIT_IO && run->io.port == port;
}

// A table_writer: the shim copies the staged entries.
static void write_table(void *arg, uint64_t gpa, uint64_t n)
{
    struct kvm_regs saved;
    int r;

    (void)arg;
    settle();
    saved = *regs();
    *regs() = (struct kvm_regs){.rip = KVM_SHIM + KVM_SHIM_WRITE,
                                .rsp = KVM_STACK_END,
                                .rflags = 2,
                                .rsi = KVM_STAGE,
                                .rdi = gpa,
                                .rcx = n};
    regs_changed();
    set_cpl(0, NULL);
    do
        run->immediate_exit = 0;
    while ((r = ioctl(VM_FD_VCPU, KVM_RUN, 0)) < 0 && errno == EINTR);
    if (r < 0 || !kvm_exits_at(KVM_PORT_DONE))
        end_as(SIGBUS);
    settled = false;
    settle();
    *regs() = saved;
    regs_changed();
    set_cpl(3, NULL);
}

static long host_advise(uint64_t addr, uint64_t len, int advice)
{
    if (addr + len > HV_RAM_VA + vm->ram_len)
        return HV_ENOMEM;
    while (madvise(vm_host(addr), len, advice) < 0)
        if (errno != EINTR)
            return HV_ENOMEM;
    return 0;
}

long call_memory(uint64_t op, uint64_t addr, uint64_t len, uint64_t prot)
{
    long r;

    if (!call_range_ok(addr, len, op != HV_MEM_PROTECT))
        return HV_EINVAL;
    switch (op) {
    case HV_MEM_POPULATE:
        return host_advise(addr, len, MADV_POPULATE_WRITE);
    case HV_MEM_RELEASE:
        return host_advise(addr, len, MADV_DONTNEED);
    case HV_MEM_PROTECT:
        r = call_prot_check(prot);
        return r < 0 ? r : table_protect(&vm->table, addr, len, prot);
    default:
        return HV_ENOSYS;
    }
}

static long call(const struct kvm_regs *r)
{
    switch (r->rax & 0xff) {
    case HV_CALL_BLOCK:
        return call_block(r->rdi);
    case HV_CALL_NOTIFY:
        return call_notify(r->rdi);
    case HV_CALL_TIMER:
        return call_timer(r->rdi, r->rsi);
    case HV_CALL_MEMORY:
        return call_memory(r->rdi, r->rsi, r->rdx, r->rcx);
    case HV_CALL_SHUTDOWN:
        return call_shutdown(r->rdi, r->rsi);
    case HV_CALL_VCPU:
        return call_vcpu();
    case HV_CALL_SETUP:
        return call_setup(r->rdi, r->rsi, r->rdx);
    case HV_CALL_RUNSTATE:
        return call_runstate();
    default:
        return HV_ENOSYS;
    }
}

static void on_call(void)
{
    const struct kvm_regs r = *regs();

    // One byte out; any other use of the port is as where there is none.
    if (run->io.direction != KVM_EXIT_IO_OUT || run->io.size != 1 ||
        run->io.count != 1)
        die(VECTOR_GP, 0, 0);
    if (setjmp(leave_call)) { // it will be made again
        in_call = false;
        settle();
        regs()->rip = HV_CALL_VA(r.rax & 0xff);
        regs_changed();
        return;
    }
    trace(TRACE_CALL + (r.rax & 0xff), r.rdi, r.rsi);
    in_call = true;
    regs()->rax = call(&r);
    in_call = false;
    regs_changed();
}

// -------------------------------------------------------------------- loop

static void start(uint64_t entry)
{
    uint32_t *wake = &vcpu_of(0)->wake;

    while (!__atomic_load_n(wake, __ATOMIC_ACQUIRE))
        wait_while(wake, 0);
    *regs() = (struct kvm_regs){.rip = entry,
                                .rsp = HV_RAM_VA + vm->ram_len,
                                .rdi = HV_START_INFO_VA,
                                .rflags = RFLAGS_START};
    regs_changed();
    table_live(&vm->table, write_table, NULL);
    settled = true;
}

static void serve_exit(void)
{
    settled = false;
    if (kvm_exits_at(KVM_PORT_CALL))
        on_call();
    else if (kvm_exits_at(KVM_PORT_TRAP))
        on_trap();
    else // a triple fault, or what KVM cannot emulate
        end_as(SIGBUS);
}

void vcpu_run(struct vm *the, uint64_t entry)
{
    vm = the;
    run = vm->run;
    start(entry);
    for (;;) {
        // A kick from here on makes KVM_RUN return at once.
        __atomic_store_n(&run->immediate_exit, 0, __ATOMIC_SEQ_CST);
        if (PARK->order & PARK_STOP && !in_shim(regs()->rip))
            park(PARK_ASKED, 0, 0, 0);
        deliver_upcall();
        if (ioctl(VM_FD_VCPU, KVM_RUN, 0) == 0)
            serve_exit();
        else if (errno == EINTR)
            settled = true;
        else
            end_as(SIGBUS);
    }
}
