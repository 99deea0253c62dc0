// SPDX-License-Identifier: ISC
/*
 * Set-up code of a pv guest: the zygote's life from an address space full of
 * its monitor to the guest's first instruction.
 *
 * Freestanding, position fixed at HV_SETUP_VA, no writable data. It empties
 * the address space, loads the filter (which lets these pages alone make any
 * system call), waits for a plan, maps it, drops its descriptors and unmaps
 * itself and its memory with the last two bytes of its last page: the next
 * instruction is the start of the resident code.
 */
#include <linux/mman.h>
#include <linux/seccomp.h>
#include <stddef.h>

#include "hypervisor/engine/pv/layout.h"
#include "hypervisor/engine/pv/syscall.h"

#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define SOL_SOCKET_ 1
#define SCM_RIGHTS_ 1

// Mappings up to this are filled at once: small programs touch all of theirs,
// and a page fault each costs more.
#define POPULATE_MAX 65536

struct pv_iovec {
    void *base;
    uint64_t len;
};
struct pv_msghdr {
    void *name;
    uint64_t namelen;
    struct pv_iovec *iov;
    uint64_t iovlen;
    void *control;
    uint64_t controllen;
    uint64_t flags;
};
struct pv_rights {
    uint64_t len;
    int level, type;
    int fd[2];
};

void pv_zygote(const struct pv_birth *) __attribute__((noreturn));
void pv_leave(uint64_t entry, uint64_t rsp) __attribute__((noreturn));

static __attribute__((noreturn)) void setup_fail(int status)
{
    for (;;)
        pv_call1(__NR_exit_group, status);
}

static void setup_map(uint64_t addr, uint64_t len, int prot, int fd,
                      uint64_t offset)
{
    int flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE;

    if (len == 0)
        return;
    if (fd < 0)
        flags |= MAP_ANONYMOUS;
    if (len <= POPULATE_MAX)
        flags |= MAP_POPULATE;
    if (pv_call6(__NR_mmap, addr, len, prot, flags, fd, offset) != (long)addr)
        setup_fail(PLAN_EXIT_MAP);
}

static int setup_prot(uint32_t prot)
{
    return (prot & HV_PROT_READ ? PROT_READ : 0) |
           (prot & HV_PROT_WRITE ? PROT_WRITE : 0) |
           (prot & HV_PROT_EXEC ? PROT_EXEC : 0);
}

// The plan comes from the monitor, which by then has read a hostile image:
// nothing in it may replace the set-up code, which the filter still lets do
// anything, or make memory that is both written and run.
static int within(uint64_t addr, uint64_t len, uint64_t low, uint64_t high)
{
    return addr >= low && addr <= high && len <= high - addr &&
           (addr | len) % HV_PAGE == 0;
}

static void setup_check(const struct plan *p)
{
    const struct image *m = &p->image;
    int good =
        m->nsegments <= IMAGE_SEGMENTS_MAX &&
        within(HV_RAM_VA, p->ram_len, HV_RAM_VA, HV_RAM_VA + HV_RAM_MAX) &&
        p->initrd_len <= HV_INITRD_MAX;

    for (uint32_t i = 0; good && i < m->nsegments; i++) {
        const struct image_segment *s = &m->segment[i];

        good = within(s->addr, s->len, HV_IMAGE_BASE, HV_IMAGE_LIMIT) &&
               within(s->addr, s->file_len, HV_IMAGE_BASE, HV_IMAGE_LIMIT) &&
               s->file_len <= s->len &&
               (s->zero_at == 0 || (s->zero_at >= s->addr &&
                                    s->zero_at - s->addr < s->file_len)) &&
               !(s->prot & HV_PROT_WRITE && s->prot & HV_PROT_EXEC);
    }
    if (!good)
        setup_fail(PLAN_EXIT_PLAN);
}

static void setup_zero(uint64_t at, uint64_t len)
{
    __asm__ volatile("rep stosb"
                     : "+D"(at), "+c"(len)
                     : "a"(0)
                     : "memory");
}

static void setup_image(const struct image *m, int fd)
{
    for (uint32_t i = 0; i < m->nsegments; i++) {
        const struct image_segment *s = &m->segment[i];
        int prot = setup_prot(s->prot);

        setup_map(s->addr, s->file_len, prot, fd, s->offset);
        setup_map(s->addr + s->file_len, s->len - s->file_len, prot, -1, 0);
        if (s->zero_at)
            setup_zero(s->zero_at, -s->zero_at % HV_PAGE);
    }
}

// Everything but [HV_HYPERCALL_VA, the engine's own] and the window.
static void setup_empty(uint64_t window_max)
{
    uint64_t gap = HV_ENGINE_VA + HV_ENGINE_LEN;
    uint64_t rest = HV_WINDOW_VA + window_max;

    if (pv_call2(__NR_munmap, 0, HV_HYPERCALL_VA) < 0 ||
        pv_call2(__NR_munmap, gap, HV_WINDOW_VA - gap) < 0 ||
        pv_call2(__NR_munmap, rest, PV_TASK_END - rest) < 0)
        setup_fail(PLAN_EXIT_SETUP);
}

static void setup_filter(const struct pv_birth *b)
{
    struct {
        uint16_t len;
        const uint64_t *filter;
    } program = {b->filter_len, b->filter};

    if (pv_call3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
        setup_fail(PLAN_EXIT_SETUP);
}

// Page faults that would otherwise come while the guest starts.
static void setup_touch(void)
{
    static const uint32_t at[] = {
        HV_HYPERCALL_VA,        HV_START_INFO_VA,
        HV_SHARED_INFO_VA,      HV_ENGINE_VA,
        HV_ENGINE_VA + HV_PAGE, HV_WINDOW_VA + HV_CONSOLE_OFFSET,
    };

    for (uint32_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
        *(volatile uint8_t *)(uint64_t)at[i];
}

static void setup_say(char byte)
{
    if (pv_call3(__NR_write, PLAN_FD_MONITOR, &byte, 1) != 1)
        setup_fail(PLAN_EXIT_PLAN);
}

static void setup_receive(struct plan *plan, struct pv_rights *rights)
{
    struct pv_iovec iov = {plan, sizeof(*plan)};
    struct pv_msghdr msg = {NULL, 0, &iov, 1, rights, sizeof(*rights), 0};

    if (pv_call3(__NR_recvmsg, PLAN_FD_MONITOR, &msg, 0) !=
            (long)sizeof(*plan) ||
        msg.controllen < offsetof(struct pv_rights, fd) + sizeof(int) ||
        rights->level != SOL_SOCKET_ || rights->type != SCM_RIGHTS_)
        setup_fail(PLAN_EXIT_PLAN);
}

__attribute__((noreturn)) void pv_zygote(const struct pv_birth *birth)
{
    struct plan plan;
    struct pv_rights rights;

    // The monitor's thread pointer says where its memory was.
    pv_call2(__NR_arch_prctl, ARCH_SET_FS, 0);
    pv_call2(__NR_arch_prctl, ARCH_SET_GS, 0);
    setup_empty(birth->window_max);
    setup_filter(birth);
    setup_touch();
    setup_say(PLAN_READY);

    setup_receive(&plan, &rights);
    setup_check(&plan);
    setup_image(&plan.image, rights.fd[0]);
    setup_map(HV_RAM_VA, plan.ram_len, PROT_READ | PROT_WRITE, -1, 0);
    if (plan.initrd_len)
        setup_map(HV_INITRD_VA, plan.initrd_len, PROT_READ, rights.fd[1], 0);
    if (plan.acknowledge)
        setup_say(PLAN_MAPPED);
    if (pv_call3(__NR_close_range, PLAN_FD_DOORBELL + 1, ~0u, 0) < 0)
        setup_fail(PLAN_EXIT_SETUP);
    pv_leave(plan.image.entry, HV_RAM_VA + plan.ram_len);
}
