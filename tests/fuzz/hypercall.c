// SPDX-License-Identifier: ISC
/*
 * What a guest says to engine kvm: hypercalls, other uses of their port, traps
 * on any stack, upcalls, with shared_info written over in between. KVM is
 * played here, by its rules; page tables, memory and checks are the real ones.
 * Whatever comes, nothing but the guest's own memory is given to it, no page
 * is both writable and executable, and the engine's pages stay as they were.
 *
 * The input is pieces of a byte that says what, and what it takes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int played_ioctl(int fd, unsigned long request, void *arg);
static long played_syscall(long nr, ...);
#define ioctl(fd, request, arg)                                                \
    played_ioctl(fd, request, (void *)(uintptr_t)(arg))
#define syscall(...)          played_syscall(__VA_ARGS__)
#define write(fd, what, size) ((void)(fd), (void)(what), (ssize_t)(size))
#include "hypervisor/engine/kvm/vm.c"
#include "hypervisor/engine/kvm/vcpu.c"
#undef ioctl
#undef syscall
#undef write

#define RAM   ((2ul << 20) + 5 * HV_PAGE)
#define IMAGE (4 * HV_PAGE)

struct machine machine = {.fd = -1};

static jmp_buf over; // the guest's process has ended
static struct vm one;
static struct domain domain;
static uint8_t engine_page[2048];
static uint64_t faulted;

// ------------------------------------------------------------------ the host

static int played_ioctl(int fd, unsigned long request, void *arg)
{
    struct kvm_regs *r = &run->s.regs.regs;

    (void)fd;
    if (request == KVM_GET_SREGS)
        *(struct kvm_sregs *)arg = (struct kvm_sregs){.cr2 = faulted};
    if (request == KVM_GET_XSAVE)
        memset(arg, 0, sizeof(struct kvm_xsave));
    if (request != KVM_RUN)
        return 0;
    if (run->immediate_exit) {
        errno = EINTR;
        return -1;
    }
    // The shim's only piece of work.
    if (r->rip != KVM_SHIM + KVM_SHIM_WRITE || r->rcx > 512)
        abort();
    memcpy(vm_host(r->rdi), vm_host(r->rsi), r->rcx * 8);
    run->exit_reason = KVM_EXIT_IO;
    run->io.direction = KVM_EXIT_IO_OUT;
    run->io.size = run->io.count = 1;
    run->io.port = KVM_PORT_DONE;
    return 0;
}

// An end, or a wait, which the host ends in every way there is.
static long played_syscall(long nr, ...)
{
    if (nr == SYS_exit_group)
        longjmp(over, 1);
    SHARED->runstate_ack = SHARED->runstate_seq;
    PARK->order = 0;
    PARK->release++;
    for (unsigned i = 0; i < HV_VCPU_MAX; i++) {
        SHARED->vcpu[i].mask = 0;
        SHARED->vcpu[i].pending = 1;
        SHARED->vcpu[i].wake++;
    }
    if (SHARED->trap.valid || SHARED->shutdown_reason)
        longjmp(over, 1); // it is stopped
    return 0;
}

// ----------------------------------------------------------------- beginning

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void once(void)
{
    static const uint8_t code[2 * HV_PAGE];

    machine.code_fd = memfd_create("code", 0);
    domain.memory_fd = memfd_create("domain", 0);
    domain.window_fd = memfd_create("window", 0);
    domain.window_len = domain.window_max = 1 << 20;
    must(write(machine.code_fd, code, sizeof(code)) == sizeof(code));
    must(ftruncate(domain.memory_fd, SHARED_LEN) == 0 &&
         ftruncate(domain.window_fd, domain.window_len) == 0);
    run = aligned_alloc(4096, 4 * HV_PAGE);
    must(make_memory(&one, &domain) == 0);
    must(map_anonymous(HV_IMAGE_BASE, IMAGE) == 0 &&
         map_anonymous(HV_RAM_VA, RAM) == 0);
    vm = &one;
}

static void begin(void)
{
    memset(run, 0, 4 * HV_PAGE);
    memset(vm_host(KVM_TABLES_GPA), 0, one.table.used * HV_PAGE);
    memset(SHARED, 0, HV_PAGE);
    one.table = (struct table){0};
    one.ram_len = RAM;
    map_tables(&one, &domain);
    table_map(&one.table, HV_IMAGE_BASE, IMAGE, RX | TABLE_OWN);
    table_map(&one.table, HV_RAM_VA, RAM, RW | TABLE_OWN);
    table_live(&one.table, write_table, NULL);
    memcpy(engine_page, vm_host(HV_ENGINE_VA), sizeof(engine_page));
    settled = true;
    in_call = false;
}

// --------------------------------------------------------------------- rules

static void check_pages(uint64_t addr, uint64_t len)
{
    for (uint64_t end = addr + len; addr < end; addr += HV_PAGE) {
        unsigned r = table_rights(addr);

        must(r & TABLE_OWN && !(r & TABLE_SUPERVISOR));
        must(!(r & HV_PROT_WRITE && r & HV_PROT_EXEC));
    }
}

static void check(void)
{
    must(!memcmp(engine_page, vm_host(HV_ENGINE_VA), sizeof(engine_page)));
    must(table_rights(HV_HYPERCALL_VA) == RX);
    must(table_rights(HV_START_INFO_VA) == R);
    must(table_rights(HV_SHARED_INFO_VA) == RW);
    must(table_rights(HV_ENGINE_VA) == (TABLE_SUPERVISOR | RW));
    must(table_rights(KVM_SHIM) == (TABLE_SUPERVISOR | RX));
    must(table_rights(HV_RAM_VA + RAM) == 0);
    must(table_rights(HV_RAM_VA - HV_PAGE) == 0);
    must(table_rights(HV_IMAGE_BASE + IMAGE) == 0);
    for (uint64_t i = 0; i < KVM_TABLES_FIRST; i++)
        must(table_rights(KVM_TABLES_GPA + i * HV_PAGE) ==
             (TABLE_SUPERVISOR | RW));
    check_pages(HV_IMAGE_BASE, IMAGE);
    check_pages(HV_RAM_VA, RAM);
}

// --------------------------------------------------------------------- input

struct input {
    const uint8_t *at;
    size_t len;
};

static uint8_t byte(struct input *in)
{
    if (!in->len)
        return 0;
    in->len--;
    return *in->at++;
}

// A number: a place that matters, and how far from it in bytes or pages; or
// any.
static uint64_t number(struct input *in)
{
    static const uint64_t place[] = {
        0,
        HV_IMAGE_BASE,
        HV_IMAGE_BASE + IMAGE,
        HV_IMAGE_LIMIT,
        HV_HYPERCALL_VA,
        HV_SHARED_INFO_VA,
        KVM_STACK_END,
        KVM_SHIM,
        KVM_TABLES_GPA,
        HV_WINDOW_VA,
        HV_RAM_VA,
        HV_RAM_VA + RAM,
        HV_RAM_VA + (2ul << 20),
        HV_RAM_VA + HV_RAM_MAX,
        UINT64_MAX,
    };
    const uint8_t what = byte(in);
    uint64_t n = 0;

    if (what % 16 < sizeof(place) / sizeof(place[0])) {
        n = place[what % 16] + (int8_t)byte(in) * (what & 16 ? 1 : HV_PAGE);
        return what & 32 ? n + (2ul << 20) * byte(in) : n;
    }
    for (int i = 0; i < 8; i++)
        n = n << 8 | byte(in);
    return n;
}

static void any_regs(struct input *in)
{
    struct kvm_regs *r = regs();

    r->rdi = number(in);
    r->rsi = number(in);
    r->rdx = number(in);
    r->rcx = number(in);
    r->rip = number(in);
    r->rsp = number(in);
}

static void any_call(struct input *in, bool honest)
{
    any_regs(in);
    regs()->rax = byte(in);
    run->io.direction = honest ? KVM_EXIT_IO_OUT : byte(in);
    run->io.size = honest ? 1 : byte(in);
    run->io.count = honest ? 1 : byte(in);
    settled = false;
    on_call();
}

// The processor has put it on the shim's stack.
static void any_trap(struct input *in)
{
    const unsigned vector = byte(in) % (KVM_VECTORS + 1);
    const unsigned nerror = VECTORS_ERROR >> (vector & 31) & 1;
    uint64_t frame[6], *f = frame + 6 - (5 + nerror);

    any_regs(in);
    faulted = number(in);
    f[0] = number(in);
    f[nerror] = regs()->rip;
    f[nerror + 1] = HV_CS;
    f[nerror + 2] = 0x202;
    f[nerror + 3] = regs()->rsp;
    f[nerror + 4] = HV_SS;
    regs()->rsp = KVM_STACK_END - (5 + nerror) * 8;
    memcpy(vm_host(regs()->rsp), f, (5 + nerror) * 8);
    regs()->rip = KVM_SHIM + KVM_SHIM_ENTRY * vector + 1;
    settled = true;
    on_trap();
}

static void piece(struct input *in)
{
    uint64_t at, n;

    switch (byte(in) % 8) {
    case 0:
    case 1:
    case 2:
        any_call(in, true);
        break;
    case 3:
        any_call(in, false);
        break;
    case 4:
        any_trap(in);
        break;
    case 5:
        any_regs(in);
        deliver_upcall();
        break;
    default: // the guest's own page
        at = (byte(in) | byte(in) << 8) % HV_PAGE;
        for (n = byte(in) % 32; n && at < HV_PAGE; n--)
            ((uint8_t *)SHARED)[at++] = byte(in);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static bool ready;
    struct input in = {data, len};

    if (len > 2048)
        return 0;
    if (!ready)
        once();
    ready = true;
    begin();
    if (!setjmp(over))
        while (in.len) {
            piece(&in);
            // Whoever it was, nobody waits for a wait that is over.
            SHARED->trap.valid = SHARED->shutdown_reason = 0;
        }
    check();
    return 0;
}
