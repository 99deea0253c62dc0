// SPDX-License-Identifier: ISC
// What KVM on this machine offers; see machine.h.

#include "hypervisor/engine/kvm/machine.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hypervisor/abi/hv.h"
#include "lib/cleanup.h"
#include "lib/io.h"

#define KVM_PATH "/dev/kvm"

// x87, SSE, AVX and the three of AVX-512.
#define XCR0_OFFERED 0xe7u

// What the address of the running task's segment is to be marked as. VMX asks
// for "busy"; SVM does not look, but QEMU's emulation of it wants "available".
#define TSS_AVAILABLE 9u
#define TSS_BUSY      11u

#define CPUID_VMX (1u << 5) // leaf 1, ecx
#define CPUID_SVM (1u << 2) // leaf 0x80000001, ecx

struct machine machine = {.fd = -1, .code_fd = -1};

// Features that a KVM in software leaves out of its list though they work.
static const struct missing {
    uint32_t function, index;
    uint32_t ebx, ecx;
} missing[] = {
    {1, 0, 0, bit_XSAVE | bit_OSXSAVE | bit_AVX},
    {7, 0,
     bit_FSGSBASE | bit_AVX2 | bit_AVX512F | bit_AVX512BW | bit_AVX512CD |
         bit_AVX512DQ | bit_AVX512VL,
     0},
};

static bool is_qemu(void)
{
    uint32_t a, b, c, d;

    __cpuid(1, a, b, c, d);
    if (!(c & 1u << 31))
        return false;
    __cpuid(0x40000000, a, b, c, d);
    return b == 0x54474354; // "TCGT"
}

static uint64_t host_xcr0(void)
{
    uint32_t a, d;

    __asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return a & XCR0_OFFERED;
}

// The supported list, plus what the host has of `missing`, less the leaves
// that tell a guest kernel about KVM.
static void cpuid_amend(struct kvm_cpuid2 *list)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < list->nent; i++) {
        struct kvm_cpuid_entry2 *e = &list->entries[i];
        uint32_t a, b, c, d;

        if (e->function >> 28 == 4)
            continue;
        for (size_t m = 0; m < sizeof(missing) / sizeof(missing[0]); m++)
            if (missing[m].function == e->function &&
                missing[m].index == e->index) {
                __cpuid_count(e->function, e->index, a, b, c, d);
                e->ebx |= b & missing[m].ebx;
                e->ecx |= c & missing[m].ecx;
            }
        list->entries[n++] = *e;
    }
    list->nent = n;
}

extern const uint8_t kvm_code[2 * HV_PAGE]; // page.S

// Nobody changes what every machine runs.
static int make_code(struct err *e)
{
    cleanup_close int fd =
        memfd_create("hostel-kvm", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return err_errno(e, "memfd_create");
    if (write_full(fd, kvm_code, sizeof(kvm_code)) < 0)
        return err_errno(e, "writing the hypercall page");
    if (fcntl(fd, F_ADD_SEALS,
              F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return err_errno(e, "sealing the hypercall page");
    machine.code_fd = steal_fd(&fd);
    return 0;
}

int machine_open(struct err *e)
{
    cleanup_close int fd = open(KVM_PATH, O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return err_errno(e, KVM_PATH);
    if (ioctl(fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
        return err_set(e, ENOTSUP, KVM_PATH " has another interface");
    if (ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_IMMEDIATE_EXIT) <= 0 ||
        !(ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_SYNC_REGS) &
          KVM_SYNC_X86_REGS) ||
        ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_XCRS) <= 0)
        return err_set(e, ENOTSUP, KVM_PATH " is too old");
    machine.run_len = ioctl(fd, KVM_GET_VCPU_MMAP_SIZE, 0);
    machine.cpuid.head.nent = MACHINE_CPUID_MAX;
    if (machine.run_len < 0 ||
        ioctl(fd, KVM_GET_SUPPORTED_CPUID, &machine.cpuid) < 0)
        return err_errno(e, "asking " KVM_PATH " what it offers");
    cpuid_amend(&machine.cpuid.head);
    machine.hardware = machine_is_hardware();
    machine.tss_type = is_qemu() ? TSS_AVAILABLE : TSS_BUSY;
    machine.xcr0 = host_xcr0();
    if (make_code(e) < 0)
        return -e->code;
    machine.fd = steal_fd(&fd);
    return 0;
}

void machine_close(void)
{
    // The numbers stay: their page is one with all monitors.
    if (machine.fd >= 0)
        close(machine.fd);
    if (machine.code_fd >= 0)
        close(machine.code_fd);
}

bool machine_is_hardware(void)
{
    uint32_t a, b, c, d;
    bool hardware;

    __cpuid(1, a, b, c, d);
    hardware = !!(c & CPUID_VMX);
    __cpuid(0x80000001, a, b, c, d);
    hardware |= !!(c & CPUID_SVM);
    return hardware && access(KVM_PATH, R_OK | W_OK) == 0;
}
