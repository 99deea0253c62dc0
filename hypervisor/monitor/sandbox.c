// SPDX-License-Identifier: ISC
// Giving up rights; see sandbox.h.

#include "hypervisor/monitor/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hypervisor/dev/uring.h"
#include "hypervisor/engine/filter.h"
#include "lib/cleanup.h"
#include "lib/io.h"

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

// ---------------------------------------------------------------- the world

static int write_file(const char *path, const char *text, struct err *e)
{
    cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        return err_errno(e, "%s", path);
    return 0;
}

// In the new user namespace we are who we were, alone.
static int map_self(uid_t uid, gid_t gid, struct err *e)
{
    char text[64];

    if (write_file("/proc/self/setgroups", "deny", e) < 0)
        return -e->code;
    snprintf(text, sizeof(text), "%u %u 1", uid, uid);
    if (write_file("/proc/self/uid_map", text, e) < 0)
        return -e->code;
    snprintf(text, sizeof(text), "%u %u 1", gid, gid);
    return write_file("/proc/self/gid_map", text, e);
}

static int empty_root(struct err *e)
{
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

    // /proc is a folder that exists anywhere this program can work.
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", "/proc", "tmpfs", flags, "size=4k,nr_inodes=2,mode=555") <
            0)
        return err_errno(e, "mounting an empty root");
    if (chdir("/proc") < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
        umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return err_errno(e, "changing to an empty root");
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY | flags, NULL) < 0)
        return err_errno(e, "making the empty root read-only");
    return 0;
}

static int leave(struct err *e)
{
    if (unshare(NAMESPACES) < 0)
        return err_errno(e, "making namespaces");
    if (sethostname("domain", 6) < 0)
        return err_errno(e, "sethostname");
    return empty_root(e);
}

int sandbox_leave_world(bool *contained, struct err *e)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();

    *contained = true;
    if (uid == 0)
        return leave(e);
    // Some systems forbid user namespaces, some make them and forbid all that
    // one could do in them.
    *contained = unshare(CLONE_NEWUSER) == 0 && map_self(uid, gid, e) == 0 &&
                 leave(e) == 0;
    return 0;
}

// ------------------------------------------------------------ system calls

// Everything a monitor does after its slot is made.
static const struct allowed {
    int nr;
    const char *why;
} allowed[] = {
    {SYS_epoll_wait, "the loop"},
    {SYS_epoll_ctl, "controllers come and go, sinks fill up"},
    {SYS_recvmsg, "messages of the controller, with descriptors"},
    {SYS_sendmsg, "answers; the zygote's plan"},
    {SYS_futex, "waking a blocked guest"},
    {SYS_writev, "console output; frames out"},
    {SYS_write, "frames out, of one piece"},
    {SYS_readv, "large frames in"},
    {SYS_poll, "is there room in the sink"},
    {SYS_timerfd_settime, "the guest's timer, the lease"},
    {SYS_clock_gettime, "guest CPU time; any time where there is no vdso"},
    {SYS_pidfd_send_signal, "upcalls; stopping the guest"},
    {SYS_pread64, "ELF headers and symbols; guest memory for reports"},
    {SYS_pwrite64, "guest memory, for a debugger"},
    {SYS_fstat, "is it a regular file, and how long"},
    {SYS_newfstatat, "the same, by another libc"},
    {SYS_read, "timers; console input; frames in"},
    {SYS_epoll_pwait2, "the loop, until a device's rate allows more"},
    {SYS_ftruncate, "the window grows by what its devices need"},
    {SYS_io_uring_enter,
     "disks, frames; rings are restricted, see dev/uring.c"},
    {SYS_preadv, "disks, without a ring or by a detour"},
    {SYS_pwritev, "the same"},
    {SYS_sched_setaffinity, "sharing a core with the guest, see pair.h"},
    {SYS_getcpu, "which core that is, where there is no vdso"},
    {SYS_fdatasync, "disks: flush"},
    {SYS_fallocate, "disks: discard, write zeroes; a console that rolls"},
    {SYS_accept4, "a controller's successor"},
    {SYS_close, "descriptors no longer needed"},
    {SYS_waitid, "how the guest ended"},
    {SYS_madvise, "giving back stack once the domain runs"},
    {SYS_restart_syscall, "resuming poll after a stop"},
    {SYS_exit_group, "the end"},
};
#define NALLOWED (sizeof(allowed) / sizeof(allowed[0]))

static int close_syscalls(struct err *e)
{
    struct sock_filter p[FILTER_NUMBERS_MAX(NALLOWED)];
    struct sock_fprog program = {.filter = p};
    uint32_t nr[NALLOWED];

    for (size_t i = 0; i < NALLOWED; i++)
        nr[i] = allowed[i].nr;
    program.len = filter_numbers(p, sizeof(p) / sizeof(p[0]), nr, NALLOWED,
                                 SECCOMP_RET_KILL_PROCESS);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
        return err_errno(e, "loading the monitor's filter");
    return 0;
}

// ---------------------------------------------------------------- identity

static const struct limit {
    int resource;
    rlim_t most;
    const char *why;
} limits[] = {
    {RLIMIT_CORE, 0, "no dumps of what strangers put into us"},
    {RLIMIT_MEMLOCK, 0, "nothing locked"},
    {RLIMIT_NOFILE, 128, "its own 12, a message's, and four a device"},
    {RLIMIT_STACK, 1 << 20, "the deepest use is a report of 4 KiB"},
};

// No more processes; with a ring, its workers beside monitor and guest (of
// kvm: with a thread of the kernel's). Who has no identity of its own shares
// the count with all of the user's processes.
static int limit_processes(uint32_t uid, bool workers)
{
    const rlim_t most = workers ? 3 + 2 * URING_WORKERS : 0;
    struct rlimit l = {most, most};

    return workers && !uid ? 0 : setrlimit(RLIMIT_NPROC, &l);
}

static int drop_identity(uint32_t uid, uint32_t gid, bool workers,
                         struct err *e)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0}};

    if (uid && (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
                setresuid(uid, uid, uid) < 0))
        return err_errno(e, "becoming the slot's user");
    if (syscall(SYS_capset, &head, none) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_DUMPABLE, 0) < 0)
        return err_errno(e, "giving up privileges");
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct rlimit l = {limits[i].most, limits[i].most};

        if (setrlimit(limits[i].resource, &l) < 0)
            return err_errno(e, "setting limits");
    }
    if (limit_processes(uid, workers) < 0)
        return err_errno(e, "setting limits");
    return 0;
}

static bool map_has(const char *path, uint32_t id)
{
    FILE *f = fopen(path, "re");
    unsigned long first, len;
    bool has = !f; // no user namespaces at all

    while (f && !has && fscanf(f, "%lu %*u %lu", &first, &len) == 2)
        has = id >= first && id - first < len;
    if (f)
        fclose(f);
    return has;
}

bool sandbox_has_identity(uint32_t id)
{
    return map_has("/proc/self/uid_map", id) &&
           map_has("/proc/self/gid_map", id);
}

int sandbox_close(uint32_t uid, uint32_t gid, bool workers, struct err *e)
{
    if (drop_identity(uid, gid, workers, e) < 0)
        return -e->code;
    return close_syscalls(e);
}
