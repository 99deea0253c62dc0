// SPDX-License-Identifier: ISC
// A guest as a child process; see child.h.

#include "hypervisor/engine/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hypervisor/engine/plan.h"
#include "lib/cleanup.h"
#include "lib/sock.h"

// ---------------------------------------------------- the monitor's side

// A zygote answers at once, or never (its image was cut short while it was
// mapped): then the monitor must not wait for ever.
#define CHILD_TIMEOUT_S 10

// Waits for the zygote: its memory's descriptor, then that it is ready.
static int child_await(struct domain *d, int fd, struct err *e)
{
    char text[PLAN_TEXT_MAX];
    int fds[2] = {-1, -1};
    size_t nfds = 2;
    ssize_t n = sock_recv(fd, text, 1, fds, &nfds);

    d->child.mem_fd = fds[0];
    d->child.map_fd = fds[1];
    if (n == 1 && nfds == 2)
        n = sock_recv(fd, text, sizeof(text), NULL, NULL);
    if (n == 1 && text[0] == PLAN_READY)
        return 0;
    if (n > 1)
        return err_set(e, EIO, "%.*s", (int)n, text);
    return err_set(e, EIO, "the guest process could not be set up");
}

int child_make(struct domain *d, const struct engine_slot *slot,
               child_born *born, struct err *e)
{
    cleanup_close int doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    cleanup_close int mine = -1, theirs = -1;
    const struct timeval timeout = {.tv_sec = CHILD_TIMEOUT_S};
    int pair[2], pidfd = -1;
    struct clone_args args = {.flags = CLONE_PIDFD,
                              .pidfd = (uint64_t)(uintptr_t)&pidfd,
                              .exit_signal = SIGCHLD};
    pid_t pid;

    d->child = (struct guest_child){.plan_fd = -1, .mem_fd = -1, .map_fd = -1};
    if (doorbell < 0 || sock_pair(pair) < 0)
        return err_errno(e, "making the guest's descriptors");
    mine = pair[0];
    theirs = pair[1];
    d->doorbell_fd = doorbell;
    pid = syscall(SYS_clone3, &args, sizeof(args));
    if (pid < 0)
        return err_errno(e, "starting the guest process");
    if (pid == 0) {
        prctl(PR_SET_NAME, "hostel-guest");
        born(d, slot, theirs);
        _exit(PLAN_EXIT_SETUP);
    }
    d->child.pid = pid;
    d->exit_fd = pidfd;
    close(steal_fd(&theirs));
    if (setsockopt(mine, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) <
        0)
        return err_errno(e, "setsockopt");
    if (child_await(d, mine, e) < 0)
        return -EIO;
    d->child.plan_fd = steal_fd(&mine);
    d->doorbell_fd = steal_fd(&doorbell);
    return 0;
}

int child_load(struct domain *d, const struct engine_load *l, struct err *e)
{
    struct plan plan = {.image = *l->image,
                        .ram_len = l->ram_len,
                        .initrd_len = l->initrd_len,
                        .window_len = d->window_len,
                        .acknowledge = !l->go};
    int fds[2] = {l->image_fd, l->initrd_fd};
    cleanup_close int plan_fd = steal_fd(&d->child.plan_fd);
    char byte;
    int r;

    if (l->go)
        d->shared->vcpu[0].wake = 1;
    r = sock_send(plan_fd, &plan, sizeof(plan), fds, l->initrd_len ? 2 : 1);
    if (r < 0)
        return err_set(e, -r, "the guest process is gone");
    if (plan.acknowledge &&
        (sock_recv(plan_fd, &byte, 1, NULL, NULL) != 1 || byte != PLAN_MAPPED))
        return err_set(e, ENOMEM, "the image and memory could not be mapped");
    return 0;
}

static void futex_wake(uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void child_go(struct domain *d)
{
    __atomic_store_n(&d->shared->vcpu[0].wake, 1, __ATOMIC_SEQ_CST);
    futex_wake(&d->shared->vcpu[0].wake);
}

void child_wake(struct domain *d, unsigned vcpu)
{
    futex_wake(&d->shared->vcpu[vcpu].wake);
}

void child_answer(struct domain *d)
{
    futex_wake(&d->shared->runstate_ack);
}

void child_interrupt(struct domain *d, unsigned vcpu)
{
    (void)vcpu;
    syscall(SYS_pidfd_send_signal, d->exit_fd, PLAN_SIGNAL_UPCALL, NULL, 0);
}

ssize_t child_read(struct domain *d, uint64_t addr, void *buf, size_t len)
{
    ssize_t n = pread(d->child.mem_fd, buf, len, addr);

    return n < 0 ? -errno : n;
}

ssize_t child_write(struct domain *d, uint64_t addr, const void *buf,
                    size_t len)
{
    ssize_t n = pwrite(d->child.mem_fd, buf, len, addr);

    return n < 0 ? -errno : n;
}

// Bits of a page map's entry: present, swapped out, a page of a file.
#define PAGE_PRESENT (1ull << 63)
#define PAGE_SWAPPED (1ull << 62)
#define PAGE_FILE    (1ull << 61)
#define ENTRIES      256

int child_touched(struct domain *d, uint64_t addr, size_t n, bool *touched)
{
    uint64_t entry[ENTRIES];

    for (size_t at = 0; at < n; at += ENTRIES) {
        size_t some = n - at < ENTRIES ? n - at : ENTRIES;
        ssize_t len = some * sizeof(entry[0]);

        if (pread(d->child.map_fd, entry, len,
                  (addr / HV_PAGE + at) * sizeof(entry[0])) != len)
            return -EIO;
        for (size_t i = 0; i < some; i++)
            touched[at + i] = (entry[i] & (PAGE_PRESENT | PAGE_SWAPPED)) &&
                              !(entry[i] & PAGE_FILE);
    }
    return 0;
}

// --------------------------------------------------------------- parking

void child_park(struct domain *d, unsigned order)
{
    d->order = order;
    __atomic_store_n(&park_of(d->shared)->order, order, __ATOMIC_SEQ_CST);
    // One without a plan yet will look before it begins.
    if (order & PARK_STOP && d->child.plan_fd < 0)
        child_interrupt(d, 0);
}

bool child_parked(struct domain *d, struct engine_stop *s)
{
    const struct park *p = park_of(d->shared);

    *s = (struct engine_stop){
        .reason = __atomic_load_n(&p->parked, __ATOMIC_ACQUIRE)};
    if (s->reason == PARK_RUNS)
        return false;
    s->vector = p->vector;
    s->error = p->error;
    s->address = p->address;
    return true;
}

void child_release(struct domain *d, enum park_verdict verdict)
{
    struct park *p = park_of(d->shared);
    const struct hv_vcpu_info *v = &d->shared->vcpu[0];

    p->verdict = verdict;
    // At once, so that nobody takes this stop for the next one.
    __atomic_store_n(&p->parked, PARK_RUNS, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&p->release, 1, __ATOMIC_SEQ_CST);
    futex_wake(&p->release);
    // Upcalls that found it parked.
    if (v->upcall_pending && !v->upcall_mask)
        child_interrupt(d, 0);
}

uint64_t child_cpu_ns(struct domain *d)
{
    // The process clock of another process, as clock_getcpuclockid makes it.
    clockid_t clock = (~(clockid_t)d->child.pid << 3) | 2;
    struct timespec t;

    if (clock_gettime(clock, &t) < 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

// The kernel's job control: signals that come meanwhile (upcalls, the end of
// a futex wait) are found when it goes on.
void child_pause(struct domain *d, bool paused)
{
    syscall(SYS_pidfd_send_signal, d->exit_fd, paused ? SIGSTOP : SIGCONT, NULL,
            0);
}

void child_bind(struct domain *d, const cpu_set_t *cores)
{
    // One that has ended needs no core.
    if (sched_setaffinity(d->child.pid, sizeof(*cores), cores) < 0)
        return;
}

void child_stop(struct domain *d)
{
    syscall(SYS_pidfd_send_signal, d->exit_fd, SIGKILL, NULL, 0);
}

void child_reap(struct domain *d, struct engine_exit *x)
{
    siginfo_t info = {0};

    if (waitid(P_PIDFD, d->exit_fd, &info, WEXITED) < 0) {
        *x = (struct engine_exit){ENGINE_FAILED, errno};
        return;
    }
    if (info.si_code != CLD_EXITED)
        *x = (struct engine_exit){ENGINE_SIGNALLED, info.si_status};
    else if (info.si_status >= PLAN_EXIT_SETUP)
        *x = (struct engine_exit){ENGINE_FAILED, info.si_status};
    else if (info.si_status > PLAN_EXIT_SIGNAL)
        *x = (struct engine_exit){ENGINE_SIGNALLED,
                                  info.si_status - PLAN_EXIT_SIGNAL};
    else
        *x = (struct engine_exit){ENGINE_EXITED, 0};
}

// -------------------------------------------------------- the newborn

void child_must(bool ok)
{
    if (!ok)
        _exit(PLAN_EXIT_SETUP);
}

// The memory is the same before and after it is emptied.
void child_give_memory(const struct engine_slot *slot, int monitor_fd)
{
    const int fds[2] = {
        openat(slot->proc_fd, "self/mem", O_RDWR | O_CLOEXEC),
        openat(slot->proc_fd, "self/pagemap", O_RDONLY | O_CLOEXEC)};

    child_must(fds[0] >= 0 && fds[1] >= 0 &&
               sock_send(monitor_fd, "m", 1, fds, 2) == 0);
}

void child_volunteer(const struct engine_slot *slot)
{
    int fd = openat(slot->proc_fd, "self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd >= 0 && write(fd, "1000", 4) != 4)
        child_must(errno == EACCES || errno == EPERM);
}

static void child_limit(int resource, rlim_t most)
{
    struct rlimit l = {most, most};

    child_must(setrlimit(resource, &l) == 0);
}

void child_drop(const struct engine_slot *slot)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0}};

    if (slot->uid) {
        child_must(setgroups(0, NULL) == 0);
        child_must(setresgid(slot->gid, slot->gid, slot->gid) == 0);
        child_must(setresuid(slot->uid, slot->uid, slot->uid) == 0);
        child_must(prctl(PR_SET_DUMPABLE, 0) == 0);
    }
    child_must(syscall(SYS_capset, &head, none) == 0);
    child_must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    // After the change of identity, which clears it.
    child_must(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
    child_limit(RLIMIT_CORE, 0);
    child_limit(RLIMIT_NPROC, 0);
    child_limit(RLIMIT_MEMLOCK, 0);
    child_limit(RLIMIT_SIGPENDING, 16); // upcalls do not queue
}

#define CHILD_FDS_MAX 8

void child_descriptors(const int *fds, int n)
{
    int aside[CHILD_FDS_MAX];

    // Out of each other's way first.
    for (int i = 0; i < n; i++)
        aside[i] = fcntl(fds[i], F_DUPFD, CHILD_FDS_MAX);
    for (int i = 0; i < n; i++)
        child_must(dup3(aside[i], i, 0) >= 0);
    child_must(close_range(n, ~0u, 0) == 0);
}
