// SPDX-License-Identifier: ISC
/*
 * Engine pv, the monitor's side: a domain is a process that may make five
 * system calls. It is born as the monitor's child while the slot is made and
 * waits, as a zygote, for the plan of what to map.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hypervisor/engine/engine.h"
#include "hypervisor/engine/pv/birth.h"
#include "hypervisor/engine/pv/layout.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/sock.h"

extern const uint8_t pv_blob[PV_BLOB_LEN];

// The one domain of this process.
static struct pv {
    int blob_fd; // made once, inherited by every monitor
    int plan_fd; // to the zygote; -1 once it has its plan
    int mem_fd;  // the guest's memory
    pid_t pid;   // of the guest, in the monitor's namespace
} pv = {.blob_fd = -1, .plan_fd = -1, .mem_fd = -1};

static int pv_prepare(struct err *e)
{
    cleanup_close int fd =
        memfd_create("hostel-pv", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return err_errno(e, "memfd_create");
    if (write_full(fd, pv_blob, PV_BLOB_LEN) < 0)
        return err_errno(e, "writing the set-up code");
    if (fcntl(fd, F_ADD_SEALS,
              F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return err_errno(e, "sealing the set-up code");
    pv.blob_fd = steal_fd(&fd);
    return 0;
}

// A zygote answers at once, or never (its image was cut short while it was
// mapped): then the monitor must not wait for ever.
#define ZYGOTE_TIMEOUT_S 10

// Waits for the zygote: its memory's descriptor, then that it is ready.
static int pv_await_zygote(int fd, struct err *e)
{
    size_t nfds = 1;
    char byte;
    ssize_t n = sock_recv(fd, &byte, 1, &pv.mem_fd, &nfds);

    if (n == 1 && nfds == 1)
        n = sock_recv(fd, &byte, 1, NULL, NULL);
    if (n != 1 || byte != PV_READY)
        return err_set(e, EIO, "the guest process could not be set up");
    return 0;
}

static int pv_make(struct domain *d, const struct engine_slot *slot,
                   struct err *e)
{
    cleanup_close int doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    cleanup_close int mine = -1, theirs = -1;
    const struct timeval timeout = {.tv_sec = ZYGOTE_TIMEOUT_S};
    int pair[2], pidfd = -1;
    struct clone_args args = {.flags = CLONE_PIDFD,
                              .pidfd = (uint64_t)(uintptr_t)&pidfd,
                              .exit_signal = SIGCHLD};
    pid_t pid;

    if (doorbell < 0 || sock_pair(pair) < 0)
        return err_errno(e, "making the guest's descriptors");
    mine = pair[0];
    theirs = pair[1];
    d->doorbell_fd = doorbell;
    pid = syscall(SYS_clone3, &args, sizeof(args));
    if (pid < 0)
        return err_errno(e, "starting the guest process");
    if (pid == 0)
        birth(d, slot, pv.blob_fd, theirs);
    close(steal_fd(&pv.blob_fd));
    pv.pid = pid;
    d->exit_fd = pidfd;
    close(steal_fd(&theirs));
    if (setsockopt(mine, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) <
        0)
        return err_errno(e, "setsockopt");
    if (pv_await_zygote(mine, e) < 0)
        return -EIO;
    pv.plan_fd = steal_fd(&mine);
    d->doorbell_fd = steal_fd(&doorbell);
    return 0;
}

static int pv_load(struct domain *d, const struct engine_load *l, struct err *e)
{
    struct pv_plan plan = {.image = *l->image,
                           .ram_len = l->ram_len,
                           .initrd_len = l->initrd_len,
                           .acknowledge = !l->go};
    int fds[2] = {l->image_fd, l->initrd_fd};
    cleanup_close int plan_fd = steal_fd(&pv.plan_fd);
    char byte;
    int r;

    if (l->go)
        d->shared->vcpu[0].wake = 1;
    r = sock_send(plan_fd, &plan, sizeof(plan), fds, l->initrd_len ? 2 : 1);
    if (r < 0)
        return err_set(e, -r, "the guest process is gone");
    if (plan.acknowledge &&
        (sock_recv(plan_fd, &byte, 1, NULL, NULL) != 1 || byte != PV_MAPPED))
        return err_set(e, ENOMEM, "the image and memory could not be mapped");
    return 0;
}

static void pv_futex_wake(uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void pv_go(struct domain *d)
{
    __atomic_store_n(&d->shared->vcpu[0].wake, 1, __ATOMIC_SEQ_CST);
    pv_futex_wake(&d->shared->vcpu[0].wake);
}

static void pv_wake(struct domain *d, unsigned vcpu)
{
    pv_futex_wake(&d->shared->vcpu[vcpu].wake);
}

static void pv_answer(struct domain *d)
{
    pv_futex_wake(&d->shared->runstate_ack);
}

static void pv_interrupt(struct domain *d, unsigned vcpu)
{
    (void)vcpu;
    syscall(SYS_pidfd_send_signal, d->exit_fd, PV_SIGNAL_UPCALL, NULL, 0);
}

static ssize_t pv_read(struct domain *d, uint64_t addr, void *buf, size_t len)
{
    ssize_t n = pread(pv.mem_fd, buf, len, addr);

    (void)d;
    return n < 0 ? -errno : n;
}

static uint64_t pv_cpu_ns(struct domain *d)
{
    // The process clock of another process, as clock_getcpuclockid makes it.
    clockid_t clock = (~(clockid_t)pv.pid << 3) | 2;
    struct timespec t;

    (void)d;
    if (clock_gettime(clock, &t) < 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static void pv_stop(struct domain *d)
{
    syscall(SYS_pidfd_send_signal, d->exit_fd, SIGKILL, NULL, 0);
}

static void pv_reap(struct domain *d, struct engine_exit *x)
{
    siginfo_t info = {0};

    if (waitid(P_PIDFD, d->exit_fd, &info, WEXITED) < 0) {
        *x = (struct engine_exit){ENGINE_FAILED, errno};
        return;
    }
    if (info.si_code != CLD_EXITED)
        *x = (struct engine_exit){ENGINE_SIGNALLED, info.si_status};
    else if (info.si_status >= PV_EXIT_SETUP)
        *x = (struct engine_exit){ENGINE_FAILED, info.si_status};
    else
        *x = (struct engine_exit){ENGINE_EXITED, 0};
}

const struct engine engine_pv = {
    .name = "pv",
    .prepare = pv_prepare,
    .make = pv_make,
    .load = pv_load,
    .go = pv_go,
    .wake = pv_wake,
    .interrupt = pv_interrupt,
    .answer = pv_answer,
    .read = pv_read,
    .cpu_ns = pv_cpu_ns,
    .stop = pv_stop,
    .reap = pv_reap,
};
