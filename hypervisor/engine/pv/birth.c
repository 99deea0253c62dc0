// SPDX-License-Identifier: ISC
/*
 * A newborn child of the monitor becomes a zygote: identity and rights away,
 * descriptors down to two, signals set, the pages of the guest ABI mapped,
 * then a jump into the set-up code. There is nobody to report to but the
 * monitor, which sees the exit status.
 */
#include "hypervisor/engine/pv/birth.h"

#include <linux/rseq.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hypervisor/engine/child.h"
#include "hypervisor/engine/pv/layout.h"
#include "hypervisor/engine/pv/rules.h"

// The kernel's own struct: libc's sigaction would name libc's restorer.
static void birth_signal(int sig, uint64_t handler, uint64_t mask)
{
    struct {
        uint64_t handler, flags, restorer, mask;
    } action = {0};

    if (handler) {
        action.handler = handler;
        action.mask = mask;
        action.flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | 0x04000000;
        action.restorer = PV_RESTORER_VA;
    }
    syscall(SYS_rt_sigaction, sig, &action, NULL, 8);
}

static void birth_signals(void)
{
    static const int handled[] = {PLAN_SIGNAL_UPCALL, SIGSEGV, SIGBUS, SIGILL,
                                  SIGFPE};
    stack_t stack = {.ss_sp = (void *)PV_STACK_VA,
                     .ss_size = PV_STACK_END - PV_STACK_VA};
    uint64_t none = 0;

    for (int sig = 1; sig < _NSIG; sig++)
        birth_signal(sig, 0, 0);
    for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
        birth_signal(handled[i], PV_HANDLER_VA, 0);
    // The budget's signal among others: one that no handler can swallow.
    birth_signal(SIGTRAP, PV_TRAP_VA, 0);
    // A system call that the filter refused; nothing comes after it.
    birth_signal(SIGSYS, PV_HANDLER_VA, ~0ul);
    child_must(sigaltstack(&stack, NULL) == 0);
    child_must(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8) == 0);
}

static void birth_map(uint64_t addr, uint64_t len, int prot, int flags, int fd,
                      uint64_t offset)
{
    child_must(mmap((void *)addr, len, prot, flags | MAP_FIXED_NOREPLACE, fd,
                    offset) == (void *)addr);
}

static void birth_memory(const struct domain *d, int blob_fd)
{
    const int code = PROT_READ | PROT_EXEC, data = PROT_READ | PROT_WRITE;

    birth_map(HV_HYPERCALL_VA, HV_PAGE, code, MAP_PRIVATE, blob_fd,
              PV_BLOB_HYPERCALL);
    birth_map(HV_SETUP_VA, HV_SETUP_LEN, code, MAP_PRIVATE, blob_fd,
              PV_BLOB_SETUP);
    birth_map(HV_ENGINE_VA, PV_RESIDENT_LEN, code, MAP_PRIVATE, blob_fd,
              PV_BLOB_RESIDENT);
    birth_map(PV_SETUP_DATA_VA, PV_SETUP_DATA_LEN, data,
              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    birth_map(PV_STACK_VA, PV_STACK_END - PV_STACK_VA, data,
              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    birth_map(HV_START_INFO_VA, HV_START_INFO_LEN, PROT_READ, MAP_SHARED,
              d->memory_fd, SHARED_START_INFO);
    birth_map(HV_SHARED_INFO_VA, HV_PAGE, data, MAP_SHARED, d->memory_fd,
              SHARED_SHARED_INFO);
    birth_map(HV_WINDOW_VA, d->window_max, data, MAP_SHARED, d->window_fd, 0);
}

// What libc registered with the kernel lies in memory about to go.
static void birth_unregister(void)
{
    if (__rseq_size)
        syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset,
                32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
    syscall(SYS_set_robust_list, NULL, 24);
    syscall(SYS_set_tid_address, NULL);
}

void birth(const struct domain *d, const struct engine_slot *slot, int blob_fd,
           int monitor_fd)
{
    struct pv_birth *b = (struct pv_birth *)PV_SETUP_DATA_VA;
    struct sock_filter filter[PV_FILTER_MAX];
    const int fds[] = {d->doorbell_fd, monitor_fd};

    child_give_memory(slot, monitor_fd);
    child_volunteer(slot);
    child_drop(slot);
    birth_signals();
    birth_memory(d, blob_fd);
    child_descriptors(fds, 2);
    b->window_max = d->window_max;
    b->filter_len = rules_build(filter, PV_FILTER_MAX);
    memcpy(b->filter, filter, b->filter_len * sizeof(filter[0]));
    birth_unregister();
    ((void (*)(struct pv_birth *))HV_SETUP_VA)(b);
    _exit(PLAN_EXIT_SETUP);
}
