// SPDX-License-Identifier: ISC
/*
 * A newborn child of the monitor becomes a zygote: identity and rights away,
 * descriptors down to two, signals set, the pages of the guest ABI mapped,
 * then a jump into the set-up code. There is nobody to report to but the
 * monitor, which sees the exit status.
 */
#include "hypervisor/engine/pv/birth.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/rseq.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hypervisor/engine/pv/filter.h"
#include "hypervisor/engine/pv/layout.h"
#include "lib/sock.h"

static void must(bool ok)
{
    if (!ok)
        _exit(PV_EXIT_SETUP);
}

// The monitor reads the guest's memory through it: for crash reports, saving
// and debugging. The memory is the same before and after it is emptied.
static void birth_give_memory(int proc_fd, int monitor_fd)
{
    int fd = openat(proc_fd, "self/mem", O_RDWR | O_CLOEXEC);

    must(fd >= 0 && sock_send(monitor_fd, "m", 1, &fd, 1) == 0);
}

// When memory runs out the guest goes, not its monitor.
static void birth_volunteer(int proc_fd)
{
    int fd = openat(proc_fd, "self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd >= 0 && write(fd, "1000", 4) != 4)
        must(errno == EACCES || errno == EPERM);
}

static void birth_limit(int resource, rlim_t most)
{
    struct rlimit l = {most, most};

    must(setrlimit(resource, &l) == 0);
}

static void birth_drop(const struct engine_slot *slot)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0}};

    if (slot->uid) {
        must(setgroups(0, NULL) == 0);
        must(setresgid(slot->gid, slot->gid, slot->gid) == 0);
        must(setresuid(slot->uid, slot->uid, slot->uid) == 0);
        must(prctl(PR_SET_DUMPABLE, 0) == 0);
    }
    must(syscall(SYS_capset, &head, none) == 0);
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    // After the change of identity, which clears it.
    must(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
    birth_limit(RLIMIT_CORE, 0);
    birth_limit(RLIMIT_NPROC, 0);
    birth_limit(RLIMIT_MEMLOCK, 0);
    birth_limit(RLIMIT_SIGPENDING, 16); // upcalls do not queue
}

// The kernel's own struct: libc's sigaction would name libc's restorer.
static void birth_signal(int sig, bool handled)
{
    struct {
        uint64_t handler, flags, restorer, mask;
    } action = {0};

    if (handled) {
        action.handler = PV_HANDLER_VA;
        action.flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | 0x04000000;
        action.restorer = PV_RESTORER_VA;
    }
    syscall(SYS_rt_sigaction, sig, &action, NULL, 8);
}

static void birth_signals(void)
{
    static const int handled[] = {PV_SIGNAL_UPCALL, SIGSEGV, SIGBUS, SIGILL,
                                  SIGFPE};
    stack_t stack = {.ss_sp = (void *)PV_STACK_VA,
                     .ss_size = PV_STACK_END - PV_STACK_VA};
    uint64_t none = 0;

    // SIGTRAP stays as it is: a handler would swallow the budget's signal.
    for (int sig = 1; sig < _NSIG; sig++)
        birth_signal(sig, false);
    for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
        birth_signal(handled[i], true);
    must(sigaltstack(&stack, NULL) == 0);
    must(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8) == 0);
}

static void birth_map(uint64_t addr, uint64_t len, int prot, int flags, int fd,
                      uint64_t offset)
{
    must(mmap((void *)addr, len, prot, flags | MAP_FIXED_NOREPLACE, fd,
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
    birth_map(PV_STACK_VA, PV_STACK_END - PV_STACK_VA, data,
              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    birth_map(HV_START_INFO_VA, HV_START_INFO_LEN, PROT_READ, MAP_SHARED,
              d->memory_fd, SHARED_START_INFO);
    birth_map(HV_SHARED_INFO_VA, HV_PAGE, data, MAP_SHARED, d->memory_fd,
              SHARED_SHARED_INFO);
    birth_map(HV_WINDOW_VA, d->window_len, data, MAP_SHARED, d->memory_fd,
              SHARED_WINDOW);
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

static void birth_descriptors(int doorbell_fd, int monitor_fd)
{
    // Out of each other's way first.
    doorbell_fd = fcntl(doorbell_fd, F_DUPFD, 10);
    monitor_fd = fcntl(monitor_fd, F_DUPFD, 10);
    must(dup3(doorbell_fd, PV_FD_DOORBELL, 0) >= 0);
    must(dup3(monitor_fd, PV_FD_MONITOR, 0) >= 0);
    must(close_range(PV_FD_MONITOR + 1, ~0u, 0) == 0);
}

void birth(const struct domain *d, const struct engine_slot *slot, int blob_fd,
           int monitor_fd)
{
    struct pv_birth *b = (struct pv_birth *)PV_STACK_VA;
    struct sock_filter filter[PV_FILTER_MAX];

    prctl(PR_SET_NAME, "hostel-guest");
    birth_give_memory(slot->proc_fd, monitor_fd);
    birth_volunteer(slot->proc_fd);
    birth_drop(slot);
    birth_signals();
    birth_memory(d, blob_fd);
    birth_descriptors(d->doorbell_fd, monitor_fd);
    b->window_len = d->window_len;
    b->filter_len = filter_build(filter, PV_FILTER_MAX);
    memcpy(b->filter, filter, b->filter_len * sizeof(filter[0]));
    birth_unregister();
    ((void (*)(struct pv_birth *))HV_SETUP_VA)(b);
    _exit(PV_EXIT_SETUP);
}
