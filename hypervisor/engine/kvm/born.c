// SPDX-License-Identifier: ISC
/*
 * A newborn child of the monitor becomes the process of a vCPU: it makes the
 * virtual machine while it may, gives up its rights, waits for the plan of
 * what to map, maps it and runs. It stays outside the guest, so it keeps an
 * address space of its own; what it may ask of the host is in the table here.
 */
#include "hypervisor/engine/kvm/born.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hypervisor/engine/filter.h"
#include "hypervisor/engine/kvm/machine.h"
#include "hypervisor/engine/kvm/vcpu.h"
#include "lib/sock.h"

// What the process may do from the time it waits for its plan.
static const struct rule rules[] = {
    // Running the guest, and its registers around traps.
    {SYS_ioctl, {{TEST_EQUAL, 0, VM_FD_VCPU}, {TEST_EQUAL, 1, KVM_RUN}}},
    {SYS_ioctl, {{TEST_EQUAL, 0, VM_FD_VCPU}, {TEST_EQUAL, 1, KVM_GET_SREGS}}},
    {SYS_ioctl, {{TEST_EQUAL, 0, VM_FD_VCPU}, {TEST_EQUAL, 1, KVM_SET_SREGS}}},
    // Whether a trap is on its way.
    {SYS_ioctl,
     {{TEST_EQUAL, 0, VM_FD_VCPU}, {TEST_EQUAL, 1, KVM_GET_VCPU_EVENTS}}},
    // Its vector state, when it is parked or dead.
    {SYS_ioctl, {{TEST_EQUAL, 0, VM_FD_VCPU}, {TEST_EQUAL, 1, KVM_GET_XSAVE}}},
    {SYS_ioctl, {{TEST_EQUAL, 0, VM_FD_VCPU}, {TEST_EQUAL, 1, KVM_SET_XSAVE}}},
    // Blocking until an event; ringing the doorbell, an eventfd that does not
    // block.
    {SYS_futex,
     {{TEST_PAGE, 0, KVM_HOST_VA + HV_SHARED_INFO_VA},
      {TEST_EQUAL, 1, FUTEX_WAIT},
      {TEST_EQUAL, 3, 0}}},
    {SYS_write, {{TEST_EQUAL, 0, PLAN_FD_DOORBELL}, {TEST_EQUAL, 2, 8}}},
    // The handler of upcall signals returns.
    {SYS_rt_sigreturn, {{TEST_END}}},
    // The guest's RAM, given back and filled.
    {SYS_madvise, {{TEST_EQUAL, 2, MADV_DONTNEED}}},
    {SYS_madvise, {{TEST_EQUAL, 2, MADV_POPULATE_WRITE}}},
    // The plan: receiving it, memory as it says, the answer. No code of ours
    // comes from outside.
    {SYS_recvmsg, {{TEST_EQUAL, 0, PLAN_FD_MONITOR}}},
    {SYS_sendmsg, {{TEST_EQUAL, 0, PLAN_FD_MONITOR}}},
    {SYS_mmap, {{TEST_CLEAR, 2, PROT_EXEC}}},
    {SYS_ioctl,
     {{TEST_EQUAL, 0, VM_FD_VM}, {TEST_EQUAL, 1, KVM_SET_USER_MEMORY_REGION}}},
    {SYS_close_range, {{TEST_EQUAL, 1, ~0u}}},
    // The end.
    {SYS_exit_group, {{TEST_END}}},
};
#define FILTER_MAX 256

static __attribute__((noreturn)) void fail(int monitor_fd, const char *text)
{
    sock_send(monitor_fd, text, strlen(text), NULL, 0);
    _exit(PLAN_EXIT_SETUP);
}

static void set_signals(void)
{
    struct sigaction a = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int sig = 1; sig < _NSIG; sig++)
        sigaction(sig, &a, NULL);
    a.sa_handler = vcpu_kick;
    sigaction(PLAN_SIGNAL_UPCALL, &a, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void close_syscalls(void)
{
    struct sock_filter filter[FILTER_MAX];
    struct sock_fprog program = {.filter = filter};

    program.len = filter_build(filter, FILTER_MAX, rules,
                               sizeof(rules) / sizeof(rules[0]), 0, 0,
                               SECCOMP_RET_KILL_PROCESS);
    child_must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
}

static void say(char byte)
{
    if (sock_send(PLAN_FD_MONITOR, &byte, 1, NULL, 0) < 0)
        _exit(PLAN_EXIT_PLAN);
}

static void receive(struct plan *plan, int *fds)
{
    size_t nfds = 2;

    if (sock_recv(PLAN_FD_MONITOR, plan, sizeof(*plan), fds, &nfds) !=
            sizeof(*plan) ||
        nfds != (plan->initrd_len ? 2 : 1))
        _exit(PLAN_EXIT_PLAN);
}

void born(const struct domain *d, const struct engine_slot *slot,
          int monitor_fd)
{
    static struct vm vm;
    struct plan plan;
    struct err e = {0};
    int fds[2] = {-1, -1};

    child_give_memory(slot, monitor_fd);
    child_volunteer(slot);
    if (vm_make(&vm, d, &e) < 0)
        fail(monitor_fd, e.text);
    child_drop(slot);
    set_signals();
    child_descriptors((int[]){d->doorbell_fd, monitor_fd, vm.vm_fd, vm.vcpu_fd},
                      4);
    vm.vm_fd = VM_FD_VM;
    vm.vcpu_fd = VM_FD_VCPU;
    close_syscalls();
    say(PLAN_READY);

    receive(&plan, fds);
    if (vm_load(&vm, &plan, fds[0], fds[1]) < 0)
        _exit(PLAN_EXIT_MAP);
    if (plan.acknowledge)
        say(PLAN_MAPPED);
    child_must(close_range(VM_FD_VCPU + 1, ~0u, 0) == 0);
    vcpu_run(&vm, plan.image.entry);
}
