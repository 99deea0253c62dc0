// SPDX-License-Identifier: ISC
// Giving up rights; see confine.h.

#include "node-agent/volume/confine.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "node-agent/volume/tree.h"

// glibc's header and the kernel's do not go together.
int mount(const char *, const char *, const char *, unsigned long,
          const void *);
int umount2(const char *, int);
#define PRIVATE (1ul << 14 | 1ul << 18) // MS_REC | MS_PRIVATE
#define DETACH  2                       // MNT_DETACH
#define FIXED   (1ul << 5 | 1ul << 12 | 1ul | 1ul << 1 | 1ul << 2)
/* MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV */

// Also without other processes to see: there is no /proc.
#define NAMESPACES (CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

// libarchive's decoders are the largest: 64 MiB for a window.
#define MEMORY_MAX (320ull << 20)
#define FILES_MAX  (4 * TREE_DEPTH_MAX + 64) // tree_copy has four a level

// ------------------------------------------------------------------ the root

static int mount_take(int fd, bool read_only, struct err *e)
{
    struct mount_attr a = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                       MOUNT_ATTR_NOEXEC |
                                       MOUNT_ATTR_NOSYMFOLLOW};
    int tree =
        (int)syscall(SYS_open_tree, fd, "",
                     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

    close(fd);
    if (tree < 0)
        return err_errno(e, "taking the volume's folder");
    if (read_only)
        a.attr_set |= MOUNT_ATTR_RDONLY;
    if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &a, sizeof(a)) <
        0) {
        close(tree);
        return err_errno(e, "mounting a volume without links and devices");
    }
    return tree;
}

static int mount_show(int tree, const char *at, struct err *e)
{
    if (tree < 0)
        return 0;
    if (mkdir(at, 0755) < 0 || syscall(SYS_move_mount, tree, "", AT_FDCWD, at,
                                       MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return err_errno(e, "mounting a volume");
    return 0;
}

int confine_root(int from_fd, int to_fd, struct err *e)
{
    cleanup_close int from = -1, to = -1;

    // While we are still where these mounts are.
    if (from_fd >= 0 && (from = mount_take(from_fd, true, e)) < 0)
        return from;
    if (to_fd >= 0 && (to = mount_take(to_fd, false, e)) < 0)
        return to;
    if (unshare(NAMESPACES) < 0 || mount(NULL, "/", NULL, PRIVATE, NULL) < 0)
        return err_errno(e, "making namespaces");
    // /proc is a folder wherever this program can work; nobody else sees it.
    if (mount("volume", "/proc", "tmpfs", 0, "mode=755,size=4k,nr_inodes=8") <
            0 ||
        chdir("/proc") < 0)
        return err_errno(e, "making a root folder");
    if (mount_show(from, CONFINE_FROM + 1, e) < 0 ||
        mount_show(to, CONFINE_TO + 1, e) < 0)
        return -e->code;
    if (mount(NULL, ".", NULL, FIXED, NULL) < 0 ||
        syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", DETACH) < 0 ||
        chdir("/") < 0)
        return err_errno(e, "moving into the root folder");
    return 0;
}

// ------------------------------------------------------------------ identity

static int limits_set(struct err *e)
{
    const struct {
        int what;
        rlim_t most;
    } limits[] = {
        {RLIMIT_AS, MEMORY_MAX}, {RLIMIT_NOFILE, FILES_MAX},
        {RLIMIT_NPROC, 0}, // it starts nothing
        {RLIMIT_CORE, 0},        {RLIMIT_MEMLOCK, 0},
        {RLIMIT_MSGQUEUE, 0},
    };

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct rlimit l = {limits[i].most, limits[i].most}, now;

        if (getrlimit(limits[i].what, &now) == 0 && now.rlim_max < l.rlim_max)
            l.rlim_cur = l.rlim_max = now.rlim_max;
        if (setrlimit(limits[i].what, &l) < 0)
            return err_errno(e, "setting limit %d", limits[i].what);
    }
    return 0;
}

int confine_identity(uid_t uid, int capability, struct err *e)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct have[2] = {{0}};

    for (int cap = 0; cap < 64; cap++)
        if (prctl(PR_CAPBSET_READ, cap) == 1 && prctl(PR_CAPBSET_DROP, cap) < 0)
            return err_errno(e, "dropping a capability for good");
    if (prctl(PR_SET_KEEPCAPS, capability >= 0) < 0 || setgroups(0, NULL) < 0 ||
        setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
        return err_errno(e, "becoming the volume's user");
    if (capability >= 0)
        have[capability / 32].permitted = have[capability / 32].effective =
            1u << capability % 32;
    if (syscall(SYS_capset, &head, have) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_DUMPABLE, 0) < 0)
        return err_errno(e, "giving up privileges");
    umask(0);
    signal(SIGPIPE, SIG_IGN); // write says so
    return limits_set(e);
}

// -------------------------------------------------------------- system calls

// Where an argument counts: only with none of these bits, or only this value.
enum test { ANY, WITHOUT, EQUAL };

static const struct allowed {
    int nr;
    enum test test;
    unsigned argument;
    uint32_t value;
} allowed[] = {
    {SYS_read, ANY, 0, 0},     // the stream; files, where they are not copied
    {SYS_pread64, ANY, 0, 0},  // files being packed
    {SYS_write, ANY, 0, 0},    // the stream, standard error
    {SYS_pwrite64, ANY, 0, 0}, // files
    {SYS_sendmsg, ANY, 0, 0},  // the report
    {SYS_copy_file_range, ANY, 0, 0}, // copies that share blocks, or not
    {SYS_ioctl, EQUAL, 1, FICLONE},   // the same
    {SYS_lseek, ANY, 0, 0},           // holes
    {SYS_ftruncate, ANY, 0, 0},       // a file's end that is a hole
    {SYS_close, ANY, 0, 0},
    {SYS_openat, WITHOUT, 3, 07000}, // no set-id bits
    {SYS_mkdirat, WITHOUT, 2, 07000},
    {SYS_symlinkat, ANY, 0, 0},
    {SYS_readlinkat, ANY, 0, 0},
    {SYS_unlinkat, ANY, 0, 0},
    {SYS_renameat, ANY, 0, 0}, // from incoming to data
    {SYS_renameat2, ANY, 0, 0},
    {SYS_fchmod, WITHOUT, 1, 07000},
    {SYS_utimensat, ANY, 0, 0},
    {SYS_newfstatat, ANY, 0, 0},
    {SYS_fstat, ANY, 0, 0},
    {SYS_statx, ANY, 0, 0}, // the same, by a newer libc
    {SYS_getdents64, ANY, 0, 0},
    {SYS_fcntl, ANY, 0, 0}, // fdopendir looks at the flags
    {SYS_syncfs, ANY, 0, 0},
    {SYS_mmap, WITHOUT, 2, PROT_EXEC},
    {SYS_mprotect, WITHOUT, 2, PROT_EXEC}, // malloc's arenas
    {SYS_munmap, ANY, 0, 0},
    {SYS_mremap, ANY, 0, 0},
    {SYS_madvise, ANY, 0, 0},
    {SYS_brk, ANY, 0, 0},
    {SYS_futex, ANY, 0, 0},     // libraries' once
    {SYS_getrandom, ANY, 0, 0}, // hash tables' keys
    {SYS_clock_gettime, ANY, 0, 0},
    {SYS_gettimeofday, ANY, 0, 0},
    {SYS_restart_syscall, ANY, 0, 0},
    {SYS_rt_sigreturn, ANY, 0, 0},
    {SYS_exit_group, ANY, 0, 0},
};
#define NALLOWED  (sizeof(allowed) / sizeof(allowed[0]))
#define INSNS_MAX (6 * NALLOWED + 8)

static size_t rule_add(struct sock_filter *p, const struct allowed *a)
{
    const unsigned at = offsetof(struct seccomp_data, args) + 8 * a->argument;
    const struct sock_filter yes = BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW);
    const struct sock_filter no = BPF_STMT(BPF_RET, SECCOMP_RET_KILL_PROCESS);
    size_t n = 1;

    if (a->test == ANY) {
        p[n++] = yes;
    } else {
        p[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at);
        p[n++] = a->test == WITHOUT
                     ? (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K,
                                                    a->value, 1, 0)
                     : (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                    a->value, 0, 1);
        p[n++] = yes;
        p[n++] = no;
    }
    p[0] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, a->nr, 0,
                                        n - 1);
    return n;
}

int confine_calls(struct err *e)
{
    static struct sock_filter p[INSNS_MAX];
    struct sock_fprog program = {.filter = p};
    size_t n = 0;

    p[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                          offsetof(struct seccomp_data, arch));
    p[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                          AUDIT_ARCH_X86_64, 1, 0);
    p[n++] = (struct sock_filter)BPF_STMT(BPF_RET, SECCOMP_RET_KILL_PROCESS);
    p[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                          offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < NALLOWED; i++)
        n += rule_add(&p[n], &allowed[i]);
    p[n++] = (struct sock_filter)BPF_STMT(BPF_RET, SECCOMP_RET_KILL_PROCESS);
    program.len = (unsigned short)n;
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
        return err_errno(e, "loading the filter of system calls");
    return 0;
}
