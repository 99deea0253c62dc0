// SPDX-License-Identifier: ISC
// Making a kvm domain; see vm.h, and layout.h for what is where.

#include "hypervisor/engine/kvm/vm.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <x86intrin.h>

#include "hypervisor/engine/kvm/caches.h"
#include "hypervisor/engine/kvm/machine.h"

#define LARGE (2ul << 20)

#define R  HV_PROT_READ
#define RW (HV_PROT_READ | HV_PROT_WRITE)
#define RX (HV_PROT_READ | HV_PROT_EXEC)

// ----------------------------------------------------------------- memory

// Where the guest's memory is, nothing else may be: no replacing.
static int map(uint64_t addr, uint64_t len, int prot, int flags, int fd,
               uint64_t offset)
{
    void *p = mmap(vm_host(addr), len, prot,
                   flags | MAP_FIXED_NOREPLACE | MAP_NORESERVE, fd, offset);

    return p == vm_host(addr) ? 0 : -ENOMEM;
}

static int map_anonymous(uint64_t addr, uint64_t len)
{
    return map(addr, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
               -1, 0);
}

int vm_slot(struct vm *vm, uint32_t n, uint64_t addr, uint64_t len)
{
    struct kvm_userspace_memory_region r = {.slot = n,
                                            .guest_phys_addr = addr,
                                            .memory_size = len,
                                            .userspace_addr =
                                                KVM_HOST_VA + addr};

    return ioctl(vm->vm_fd, KVM_SET_USER_MEMORY_REGION, &r) < 0 ? -errno : 0;
}

static int slot(struct vm *vm, uint64_t addr, uint64_t len)
{
    return vm_slot(vm, vm->nslots++, addr, len);
}

static uint64_t whole_pages(uint64_t len)
{
    return (len + HV_PAGE - 1) & ~(HV_PAGE - 1);
}

// ------------------------------------------------------ the engine's pages

#define GDT_CODE0 0x10
#define GDT_DATA0 0x18
#define GDT_TSS   0x40
#define GDT_LEN   0x50

// Type and level of segment descriptors: accessed already, so that nothing
// need be written.
static const uint64_t gdt[GDT_LEN / 8] = {
    [GDT_CODE0 / 8] = 0x00af9b000000ffff,
    [GDT_DATA0 / 8] = 0x00cf93000000ffff,
    [HV_SS / 8] = 0x00cff3000000ffff,
    [HV_CS / 8] = 0x00affb000000ffff,
};

// In the TSS: the stack for CPL 0, and which ports CPL 3 may use. What lies
// beyond the limit is closed.
#define TSS_RSP0       4
#define TSS_BITMAP_AT  102
#define TSS_BITMAP     104
#define TSS_BITMAP_LEN 3
#define TSS_LIMIT      (TSS_BITMAP + TSS_BITMAP_LEN - 1)
_Static_assert(KVM_PORT_CALL == 8, "bitmap");
static const uint8_t tss_bitmap[TSS_BITMAP_LEN] = {0xff, 0xfe, 0xff};

#define GATE_INTERRUPT 0x8eull

static void fill_gdt(void)
{
    uint64_t *g = vm_host(KVM_GDT);
    const uint64_t tss = KVM_TSS;

    memcpy(g, gdt, sizeof(gdt));
    g[GDT_TSS / 8] = TSS_LIMIT | (tss & 0xffffff) << 16 |
                     (0x80ull | machine.tss_type) << 40 |
                     (tss >> 24 & 0xff) << 56;
    g[GDT_TSS / 8 + 1] = tss >> 32;
}

static void fill_idt(void)
{
    uint64_t *idt = vm_host(KVM_IDT);

    for (unsigned v = 0; v < KVM_VECTORS; v++) {
        uint64_t to = KVM_SHIM + KVM_SHIM_ENTRY * v;
        // Those that have an instruction of their own.
        uint64_t dpl = v == 3 || v == 4 ? 3 : 0;

        idt[2 * v] = (to & 0xffff) | GDT_CODE0 << 16 |
                     (GATE_INTERRUPT | dpl << 5) << 40 |
                     (to & 0xffff0000) << 32;
        idt[2 * v + 1] = to >> 32;
    }
}

static void fill_tss(void)
{
    uint8_t *tss = vm_host(KVM_TSS);
    const uint64_t stack = KVM_STACK_END;
    const uint16_t bitmap = TSS_BITMAP;

    memcpy(tss + TSS_RSP0, &stack, sizeof(stack));
    memcpy(tss + TSS_BITMAP_AT, &bitmap, sizeof(bitmap));
    memcpy(tss + TSS_BITMAP, tss_bitmap, sizeof(tss_bitmap));
}

static void map_tables(struct vm *vm, const struct domain *d)
{
    struct table *t = &vm->table;
    const unsigned s = TABLE_SUPERVISOR;

    table_init(t, KVM_TABLES_FIRST);
    table_map(t, HV_HYPERCALL_VA, HV_PAGE, RX);
    table_map(t, HV_START_INFO_VA, HV_START_INFO_LEN, R);
    table_map(t, HV_SHARED_INFO_VA, HV_PAGE, RW);
    table_map(t, HV_WINDOW_VA, d->window_len, RW);
    table_map(t, HV_ENGINE_VA, HV_PAGE, s | RW);
    table_map(t, KVM_SHIM, HV_PAGE, s | RX);
    table_map(t, KVM_STAGE, HV_PAGE, s | R);
    table_map(t, KVM_TABLES_GPA, HV_TABLES_LEN, s | RW);
}

static int make_memory(struct vm *vm, const struct domain *d)
{
    const int rw = PROT_READ | PROT_WRITE;

    if (map(HV_HYPERCALL_VA, HV_PAGE, PROT_READ, MAP_PRIVATE, machine.code_fd,
            0) < 0 ||
        map(KVM_SHIM, HV_PAGE, PROT_READ, MAP_PRIVATE, machine.code_fd,
            HV_PAGE) < 0 ||
        map_anonymous(HV_ENGINE_VA, HV_PAGE) < 0 ||
        map_anonymous(KVM_STAGE, HV_PAGE) < 0 ||
        map_anonymous(KVM_TABLES_GPA, HV_TABLES_LEN) < 0 ||
        map(HV_START_INFO_VA, HV_START_INFO_LEN, PROT_READ, MAP_SHARED,
            d->memory_fd, SHARED_START_INFO) < 0 ||
        map(HV_SHARED_INFO_VA, HV_PAGE, rw, MAP_SHARED, d->memory_fd,
            SHARED_SHARED_INFO) < 0 ||
        map(HV_WINDOW_VA, d->window_max, rw, MAP_SHARED, d->window_fd, 0) < 0)
        return -ENOMEM;
    fill_gdt();
    fill_idt();
    fill_tss();
    map_tables(vm, d);
    vm->window_len = d->window_len;
    return 0;
}

// --------------------------------------------------------------- the vCPU

#define CR0            0x80050033ul // PG AM WP NE ET MP PE
#define CR4_PAE        (1ul << 5)
#define CR4_OSFXSR     (1ul << 9)
#define CR4_OSXMMEXCPT (1ul << 10)
#define CR4_FSGSBASE   (1ul << 16)
#define CR4_OSXSAVE    (1ul << 18)
#define EFER           0xd01ul // NXE LMA LME SCE

static struct kvm_segment segment(uint16_t selector, unsigned type,
                                  unsigned dpl, bool code)
{
    return (struct kvm_segment){.selector = selector,
                                .limit = UINT32_MAX,
                                .type = type,
                                .dpl = dpl,
                                .present = 1,
                                .s = 1,
                                .g = 1,
                                .l = code,
                                .db = !code};
}

void vm_segments(struct kvm_sregs *s, unsigned cpl)
{
    s->cs = segment(cpl ? HV_CS : GDT_CODE0, 11, cpl, true);
    s->ss = segment(cpl ? HV_SS : GDT_DATA0, 3, cpl, false);
    s->tr = (struct kvm_segment){.selector = GDT_TSS,
                                 .base = KVM_TSS,
                                 .limit = TSS_LIMIT,
                                 .type = machine.tss_type,
                                 .present = 1};
}

// Where the last component ends; its place is the processor's.
uint32_t vm_xsave_len(void)
{
    uint32_t len = 576, a, b, c, d;

    for (unsigned i = 2; i < 63; i++) {
        if (!(machine.xcr0 >> i & 1))
            continue;
        __asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(13), "c"(i));
        if (a + b > len)
            len = a + b;
    }
    return len;
}

static int make_sregs(struct vm *vm)
{
    struct kvm_sregs s;
    uint32_t a, b, c, d;

    if (ioctl(vm->vcpu_fd, KVM_GET_SREGS, &s) < 0)
        return -errno;
    s.cr0 = CR0;
    s.cr3 = KVM_TABLES_GPA;
    s.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE;
    __asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(7), "c"(0));
    if (b & 1)
        s.cr4 |= CR4_FSGSBASE;
    s.efer = EFER;
    vm_segments(&s, 3);
    s.ds = s.es = s.fs = s.gs = s.ss;
    s.ldt = (struct kvm_segment){.unusable = 1};
    s.gdt = (struct kvm_dtable){.base = KVM_GDT, .limit = GDT_LEN - 1};
    s.idt = (struct kvm_dtable){.base = KVM_IDT, .limit = 16 * KVM_VECTORS - 1};
    return ioctl(vm->vcpu_fd, KVM_SET_SREGS, &s) < 0 ? -errno : 0;
}

// The guest reads the host's time-stamp counter: the parameters in
// shared_info are for that one.
static int make_tsc(struct vm *vm)
{
    uint64_t zero = 0, before, after;
    struct kvm_device_attr attr = {.group = KVM_VCPU_TSC_CTRL,
                                   .attr = KVM_VCPU_TSC_OFFSET,
                                   .addr = (uint64_t)(uintptr_t)&zero};
    struct {
        struct kvm_msrs head;
        struct kvm_msr_entry entry;
    } tsc = {.head.nmsrs = 1, .entry.index = 0x10};

    if (ioctl(vm->vcpu_fd, KVM_SET_DEVICE_ATTR, &attr) < 0 && errno != ENXIO)
        return -errno;
    before = __rdtsc();
    if (ioctl(vm->vcpu_fd, KVM_GET_MSRS, &tsc) != 1)
        return -EIO;
    after = __rdtsc();
    return tsc.entry.data >= before && tsc.entry.data <= after ? 0 : -ENOTSUP;
}

// The guest's `syscall` ends in the shim.
static int make_syscall(struct vm *vm)
{
    const uint64_t selectors = (uint64_t)GDT_CODE0 << 32;
    struct {
        struct kvm_msrs head;
        struct kvm_msr_entry entry[3];
    } m = {.head.nmsrs = 3,
           .entry = {
               {.index = 0xc0000081, .data = selectors}, // STAR
               {.index = 0xc0000082,                     // LSTAR
                .data = KVM_SHIM + KVM_SHIM_ENTRY * KVM_SYSCALL},
               {.index = 0xc0000084, .data = 0x47700}, // FMASK
           }};

    return ioctl(vm->vcpu_fd, KVM_SET_MSRS, &m) == 3 ? 0 : -EIO;
}

static int make_vcpu(struct vm *vm, struct err *e)
{
    struct kvm_xcrs xcrs = {.nr_xcrs = 1, .xcrs = {{.value = machine.xcr0}}};

    vm->vcpu_fd = ioctl(vm->vm_fd, KVM_CREATE_VCPU, 0);
    if (vm->vcpu_fd < 0)
        return err_errno(e, "KVM: making a vCPU");
    vm->run = mmap(NULL, machine.run_len, PROT_READ | PROT_WRITE, MAP_SHARED,
                   vm->vcpu_fd, 0);
    if (vm->run == MAP_FAILED)
        return err_errno(e, "KVM: mapping the vCPU");
    if (ioctl(vm->vcpu_fd, KVM_SET_CPUID2, &machine.cpuid) < 0)
        return err_errno(e, "KVM: the processor's features");
    if (make_sregs(vm) < 0 || make_syscall(vm) < 0)
        return err_errno(e, "KVM: the vCPU's registers");
    if (ioctl(vm->vcpu_fd, KVM_SET_XCRS, &xcrs) < 0)
        return err_errno(e, "KVM: vector state %#lx", machine.xcr0);
    if (make_tsc(vm) < 0)
        return err_set(e, ENOTSUP,
                       "KVM: the guest's time-stamp counter is not the host's");
    vm->run->kvm_valid_regs = KVM_SYNC_X86_REGS;
    return 0;
}

int vm_make(struct vm *vm, const struct domain *d, struct err *e)
{
    int r;

    *vm = (struct vm){0};
    vm->vm_fd = ioctl(machine.fd, KVM_CREATE_VM, 0);
    if (vm->vm_fd < 0)
        return err_errno(e, "KVM: making a virtual machine");
    r = make_memory(vm, d);
    if (r < 0)
        return err_set(e, -r, "KVM: the virtual machine's memory: %s",
                       strerror(-r));
    if (make_vcpu(vm, e) < 0)
        return -e->code;
    // Kernels start a thread of their own at the first run. Let them do it
    // now, while this process may have one more.
    vm->run->immediate_exit = 1;
    if (ioctl(vm->vcpu_fd, KVM_RUN, 0) < 0 && errno != EINTR)
        return err_errno(e, "KVM: running the vCPU");
    vm->run->immediate_exit = 0;
    if (!machine.hardware && caches_trim(vm, e) < 0)
        return -e->code;
    r = slot(vm, HV_HYPERCALL_VA,
             HV_WINDOW_VA + vm->window_len - HV_HYPERCALL_VA);
    return r < 0 ? err_set(e, -r, "KVM: telling it of memory") : 0;
}

// --------------------------------------------------------------- a domain

static int map_segment(struct vm *vm, const struct image_segment *s, int fd)
{
    const int rw = PROT_READ | PROT_WRITE;
    const uint64_t rest = s->addr + s->file_len;

    if (s->file_len &&
        map(s->addr, s->file_len, rw, MAP_PRIVATE, fd, s->offset) < 0)
        return -ENOMEM;
    if (s->len > s->file_len && map_anonymous(rest, s->len - s->file_len) < 0)
        return -ENOMEM;
    if (s->zero_at)
        memset(vm_host(s->zero_at), 0, whole_pages(s->zero_at) - s->zero_at);
    table_map(&vm->table, s->addr, s->len, s->prot | TABLE_OWN);
    return 0;
}

// Room for more tables than most domains need.
static int more_tables(struct vm *vm, uint64_t need)
{
    uint64_t len;

    if (need <= KVM_TABLES_FIRST)
        return 0;
    len = (need - KVM_TABLES_FIRST) * HV_PAGE;
    len = (len + LARGE - 1) & ~(LARGE - 1); // and mapped by large pages
    if (len > KVM_TABLES_MORE_MAX ||
        map_anonymous(KVM_TABLES_MORE_GPA, len) < 0)
        return -ENOMEM;
    table_map(&vm->table, KVM_TABLES_MORE_GPA, len, TABLE_SUPERVISOR | RW);
    vm->table.limit = KVM_TABLES_FIRST + len / HV_PAGE;
    return slot(vm, KVM_TABLES_MORE_GPA, len);
}

// What the domain's devices have of the window beside what every domain has.
static int more_window(struct vm *vm, uint64_t window_len)
{
    const uint64_t at = HV_WINDOW_VA + vm->window_len;
    const uint64_t more = window_len - vm->window_len;

    if (window_len <= vm->window_len)
        return 0;
    table_map(&vm->table, at, more, RW);
    return slot(vm, at, more);
}

int vm_load(struct vm *vm, const struct plan *p, int image_fd, int initrd_fd)
{
    const struct image *m = &p->image;
    const uint64_t image_len = m->high - m->low;
    const uint64_t initrd_len = whole_pages(p->initrd_len);

    if (more_tables(vm, table_need(p->ram_len, image_len, initrd_len)) < 0)
        return -ENOMEM;
    if (more_window(vm, p->window_len) < 0)
        return -ENOMEM;
    for (uint32_t i = 0; i < m->nsegments; i++)
        if (map_segment(vm, &m->segment[i], image_fd) < 0)
            return -ENOMEM;
    if (map_anonymous(HV_RAM_VA, p->ram_len) < 0 ||
        slot(vm, m->low, image_len) < 0 || slot(vm, HV_RAM_VA, p->ram_len) < 0)
        return -ENOMEM;
    table_map(&vm->table, HV_RAM_VA, p->ram_len, RW | TABLE_OWN);
    vm->ram_len = p->ram_len;
    if (initrd_len) {
        if (map(HV_INITRD_VA, initrd_len, PROT_READ, MAP_PRIVATE, initrd_fd,
                0) < 0 ||
            slot(vm, HV_INITRD_VA, initrd_len) < 0)
            return -ENOMEM;
        table_map(&vm->table, HV_INITRD_VA, initrd_len, R);
    }
    return 0;
}

// ------------------------------------------------------------ guest memory

static bool allowed(uint64_t addr, uint64_t len, unsigned right)
{
    const unsigned mask = right | TABLE_SUPERVISOR;
    const uint64_t last = addr + len - 1;

    return last >= addr && (table_rights(addr) & mask) == right &&
           (table_rights(last) & mask) == right;
}

bool vm_read(uint64_t addr, void *to, uint64_t len)
{
    if (!allowed(addr, len, HV_PROT_READ))
        return false;
    memcpy(to, vm_host(addr), len);
    return true;
}

bool vm_write(uint64_t addr, const void *from, uint64_t len)
{
    if (!allowed(addr, len, HV_PROT_WRITE))
        return false;
    memcpy(vm_host(addr), from, len);
    return true;
}
