// SPDX-License-Identifier: ISC
// Making a slot; see slot.h. Whoever asked sees only that the process died,
// so the reason goes to standard error.

#include "hypervisor/monitor/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "hypervisor/monitor/place.h"
#include "hypervisor/monitor/sandbox.h"
#include "hypervisor/monitor/stack.h"
#include "hypervisor/monitor/start_info.h"
#include "lib/log.h"

// The I/O window of a domain without devices: the console. It is mapped at its
// largest, which costs nothing: the file says how much of it is there.
#define WINDOW_LEN     (HVC_WINDOW_MIN_KIB * 1024ul)
#define WINDOW_MAX_LEN (HVC_WINDOW_MAX_KIB * 1024ul)

__attribute__((noreturn)) static void die(const struct err *e)
{
    log_error("making a slot: %s", e->text);
    _exit(1);
}

static int join_cgroups(const struct slot *s, struct err *e)
{
    for (size_t i = 0; i < s->nprocs; i++)
        if (write(s->procs_fd[i], "0", 1) != 1)
            return err_errno(e, "joining a cgroup");
    return 0;
}

// Page faults that would otherwise come while a domain starts.
static void touch(struct domain *d)
{
    volatile uint8_t *start = (volatile uint8_t *)d->start_info;

    start[0] = 0;
    d->window[HV_CONSOLE_OFFSET] = 0;
}

// Nobody who shares it can take it away.
static int make_file(const char *name, uint64_t len)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 || ftruncate(fd, len) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0)
        return -1;
    return fd;
}

static int make_memory(struct domain *d, struct err *e)
{
    d->memory_fd = make_file("hostel-domain", SHARED_LEN);
    d->window_fd = make_file("hostel-window", WINDOW_LEN);
    if (d->memory_fd < 0 || d->window_fd < 0)
        return err_errno(e, "making the shared memory");
    d->window_len = WINDOW_LEN;
    d->window_max = WINDOW_MAX_LEN;
    d->start_info = place_map(place.start_info, HV_START_INFO_LEN, d->memory_fd,
                              SHARED_START_INFO);
    d->shared =
        place_map(place.shared_info, HV_PAGE, d->memory_fd, SHARED_SHARED_INFO);
    d->window = place_map(place.window, WINDOW_MAX_LEN, d->window_fd, 0);
    if (!d->start_info || !d->shared || !d->window)
        return err_errno(e, "mapping the shared memory");
    for (unsigned i = 0; i < HV_VCPU_MAX; i++)
        d->shared->vcpu[i].upcall_mask = 1;
    d->shared->control.generation = 1;
    if (getrandom(d->shared->control.seed, sizeof(d->shared->control.seed), 0) <
        0)
        return err_errno(e, "no randomness for the guest");
    touch(d);
    return 0;
}

static int make_page(struct monitor *m, int page_fd, struct err *e)
{
    struct stat st;

    if (page_fd < 0) {
        m->page = mmap(NULL, HV_PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (m->page == MAP_FAILED)
            return err_errno(e, "mapping the counter page");
    } else {
        if (fstat(page_fd, &st) < 0 || st.st_size < (off_t)HV_PAGE)
            return err_set(e, EINVAL, "the counter page is not a page long");
        m->page = place_map(place.page, HV_PAGE, page_fd, 0);
        if (!m->page)
            return err_errno(e, "mapping the counter page");
    }
    m->page->magic = HVC_PAGE_MAGIC;
    m->page->version = HVC_PAGE_VERSION;
    m->page->state = HVC_PARKED;
    return 0;
}

static int make_loop(struct monitor *m, struct err *e)
{
    m->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    m->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    m->lease_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (m->epoll_fd < 0 || m->timer_fd < 0 || m->lease_fd < 0)
        return err_errno(e, "making the loop's descriptors");
    return 0;
}

// A monitor works in short turns, so it asks for a short slice and in return
// is run soon after it is woken. Kernels before 6.12 take no notice.
static void work_in_short_turns(void)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime_ns, deadline_ns, period_ns;
    } attr = {.size = sizeof(attr)};

    if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) < 0)
        return;
    attr.runtime_ns = 100000;
    syscall(SYS_sched_setattr, 0, &attr, 0);
}

// Nothing of the nursery's stays but what the monitor uses.
static int close_rest(const struct slot *s, struct err *e)
{
    for (int fd = 0; fd < 3; fd++)
        if (dup2(s->null_fd, fd) < 0)
            return err_errno(e, "dup2");
    close(s->null_fd);
    close(s->proc_fd);
    if (s->page_fd >= 0)
        close(s->page_fd);
    for (size_t i = 0; i < s->nprocs; i++)
        close(s->procs_fd[i]);
    return 0;
}

int slot_prepare(struct slot *s, struct err *e)
{
    clock_sample(&s->origin);
    cpu_features();
    s->proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    s->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (s->proc_fd < 0 || s->null_fd < 0)
        return err_errno(e, "opening /proc and /dev/null");
    return place_prepare(s->proc_fd, e);
}

pid_t slot_fork(int *pidfd, bool pid_namespace)
{
    struct clone_args args = {.flags = CLONE_PIDFD |
                                       (pid_namespace ? CLONE_NEWPID : 0),
                              .pidfd = (uint64_t)(uintptr_t)pidfd,
                              .exit_signal = SIGCHLD};
    pid_t pid = syscall(SYS_clone3, &args, sizeof(args));

    return pid < 0 ? -errno : pid;
}

__attribute__((noreturn)) static void run(const void *slot)
{
    const struct slot *s = slot;
    struct monitor *m = &place.monitor;
    const struct engine_slot es = {s->uid, s->gid, s->proc_fd};
    struct err e = {0};

    // Not as a whole: most of it is zero, and its pages are not there yet.
    m->domain.engine = s->engine;
    m->state = HVC_PARKED;
    m->listen_fd = s->listen_fd;
    m->conn_fd = s->conn_fd;
    m->image_fd = m->core_fd = -1;
    memset(m->keep_fd, 0xff, sizeof(m->keep_fd));
    m->clock.origin = s->origin;
    m->console.sink_fd = m->console.source_fd = -1;
    prctl(PR_SET_NAME, "hostel-monitor");
    work_in_short_turns();
    signal(SIGCHLD, SIG_DFL); // the nursery ignores it; we wait for the guest
    if (join_cgroups(s, &e) < 0 || make_memory(&m->domain, &e) < 0 ||
        make_page(m, s->page_fd, &e) < 0 ||
        m->domain.engine->make(&m->domain, &es, &e) < 0 || make_loop(m, &e) < 0)
        die(&e);
    devices_init(&m->devices, &m->domain, m->page, m->epoll_fd);
    // Where io_uring is forbidden, disks and interfaces are served without.
    if (s->rings && devices_make_rings(&m->devices, &e) < 0)
        log_warn("%s: disks and networks will be slower", e.text);
    if (close_rest(s, &e) < 0)
        die(&e);
    pair_init(&m->pair);
    m->spin[0].most_ns = SPIN_GUEST_NS;
    m->spin[1].most_ns = SPIN_DISK_NS;
    stack_trim();
    if (sandbox_close(s->uid, s->gid, m->devices.ring.fd >= 0, &e) < 0)
        die(&e);
    // What it cost to make the zygote is not the domain's.
    m->cpu_base_ns = m->domain.engine->cpu_ns(&m->domain);
    monitor_run(m);
}

__attribute__((noreturn)) void slot_run(const struct slot *s)
{
    place_run(run, s, sizeof(*s));
}
