// SPDX-License-Identifier: ISC
// Giving up rights; see confine.h.

#include "hypervisor/fs/confine.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hypervisor/engine/filter.h"
#include "hypervisor/fs/limits.h"
#include "lib/cleanup.h"

// glibc's header and the kernel's do not go together.
int mount(const char *, const char *, const char *, unsigned long,
          const void *);
int umount2(const char *, int);
#define PRIVATE (1ul << 14 | 1ul << 18) // MS_REC | MS_PRIVATE
#define DETACH  2                       // MNT_DETACH

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

// ------------------------------------------------------------------ the root

static int write_file(const char *path, const char *text, struct err *e)
{
    cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        return err_errno(e, "%s", path);
    return 0;
}

// In a user namespace we are who we were, alone.
static int user_namespace(struct err *e)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    char text[64];

    if (unshare(CLONE_NEWUSER) < 0)
        return err_errno(e, "no user namespace, without which a volume cannot "
                            "be served except by root");
    if (write_file("/proc/self/setgroups", "deny", e) < 0)
        return -e->code;
    snprintf(text, sizeof(text), "%u %u 1", uid, uid);
    if (write_file("/proc/self/uid_map", text, e) < 0)
        return -e->code;
    snprintf(text, sizeof(text), "%u %u 1", gid, gid);
    return write_file("/proc/self/gid_map", text, e);
}

static int mount_volume(bool read_only, struct err *e)
{
    struct mount_attr a = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                       MOUNT_ATTR_NOEXEC |
                                       MOUNT_ATTR_NOSYMFOLLOW};
    cleanup_close int tree = -1;

    if (read_only)
        a.attr_set |= MOUNT_ATTR_RDONLY;
    tree = (int)syscall(SYS_open_tree, AT_FDCWD, ".",
                        OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0)
        return err_errno(e, "taking the volume's folder");
    if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &a, sizeof(a)) < 0)
        return err_errno(e, "mounting the volume without links and devices");
    // /proc is a folder that exists anywhere this program can work.
    if (syscall(SYS_move_mount, tree, "", AT_FDCWD, "/proc",
                MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return err_errno(e, "mounting the volume");
    return 0;
}

int confine_root(int dir_fd, bool read_only, struct err *e)
{
    int fd;

    if (fchdir(dir_fd) < 0)
        return err_errno(e, "the volume's folder");
    close(dir_fd);
    if (geteuid() != 0 && user_namespace(e) < 0)
        return -e->code;
    // The working directory moves along into the new namespace.
    if (unshare(NAMESPACES) < 0)
        return err_errno(e, "making namespaces");
    if (mount(NULL, "/", NULL, PRIVATE, NULL) < 0)
        return err_errno(e, "making mounts private");
    if (mount_volume(read_only, e) < 0)
        return -e->code;
    if (chdir("/proc") < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
        umount2(".", DETACH) < 0 || chdir("/") < 0)
        return err_errno(e, "making the volume the root");
    fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? err_errno(e, "the volume") : fd;
}

// ------------------------------------------------------------------ identity

int confine_identity(int64_t uid, int64_t gid, struct err *e)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0}};
    const struct rlimit no_core = {0, 0};
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur =
            files.rlim_max < FS_FDS_MAX ? files.rlim_max : FS_FDS_MAX;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (uid >= 0 && (setgroups(0, NULL) < 0 ||
                     setresgid((gid_t)gid, (gid_t)gid, (gid_t)gid) < 0 ||
                     setresuid((uid_t)uid, (uid_t)uid, (uid_t)uid) < 0))
        return err_errno(e, "becoming the volume's user");
    if (syscall(SYS_capset, &head, none) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0)
        return err_errno(e, "giving up privileges");
    umask(0);
    // The host asks for a lease back, or a file is longer than it allows: both
    // are seen by what the call returns.
    signal(SIGIO, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

// -------------------------------------------------------------- system calls

#define SUID 07000u

static const struct rule rules[] = {
    // The ring: kicks, calls, the front end's words, and the helpers.
    {SYS_read, {{TEST_END}}},
    {SYS_write, {{TEST_END}}},
    {SYS_poll, {{TEST_END}}},
    {SYS_recvmsg, {{TEST_END}}},
    {SYS_sendmsg, {{TEST_END}}},
    {SYS_futex, {{TEST_END}}},
    {SYS_clock_gettime, {{TEST_END}}}, // where there is no vdso
    // Mapping the window; memory of nodes and folders.
    {SYS_mmap, {{TEST_PROT, 2, 0}, {TEST_CLEAR, 2, PROT_EXEC}}},
    {SYS_munmap, {{TEST_END}}},
    {SYS_mremap, {{TEST_END}}},
    {SYS_brk, {{TEST_END}}},
    {SYS_madvise, {{TEST_END}}}, // malloc gives memory back
    // Names and attributes. Whatever is opened lies below the root, which is
    // the volume; what is made has no set-id bits.
    {SYS_openat2, {{TEST_END}}},
    {SYS_openat, {{TEST_CLEAR, 3, SUID}}},
    {SYS_newfstatat, {{TEST_END}}},
    {SYS_fstat, {{TEST_END}}},
    {SYS_fstatfs, {{TEST_END}}},
    {SYS_getdents64, {{TEST_END}}},
    {SYS_readlinkat, {{TEST_END}}},
    {SYS_mkdirat, {{TEST_CLEAR, 2, SUID}}},
    {SYS_symlinkat, {{TEST_END}}},
    {SYS_unlinkat, {{TEST_END}}},
    {SYS_renameat2, {{TEST_END}}},
    {SYS_fchmod, {{TEST_CLEAR, 1, SUID}}},
    {SYS_fchmodat, {{TEST_CLEAR, 2, SUID}}},
    {SYS_utimensat, {{TEST_END}}},
    // Contents.
    {SYS_preadv, {{TEST_END}}},
    {SYS_preadv2, {{TEST_END}}}, // not to wait
    {SYS_pwritev, {{TEST_END}}},
    {SYS_lseek, {{TEST_END}}}, // in folders
    {SYS_ftruncate, {{TEST_END}}},
    {SYS_fallocate, {{TEST_EQUAL, 1, 0}}},
    {SYS_fsync, {{TEST_END}}},
    {SYS_fdatasync, {{TEST_END}}},
    // Locks, of guests and of the count; leases; opendir looks at flags and
    // sets them.
    {SYS_fcntl, {{TEST_EQUAL, 1, F_SETLK}}},
    {SYS_fcntl, {{TEST_EQUAL, 1, F_SETLKW}}},
    {SYS_fcntl, {{TEST_EQUAL, 1, F_GETLK}}},
    {SYS_fcntl, {{TEST_EQUAL, 1, F_SETLEASE}}},
    {SYS_fcntl, {{TEST_EQUAL, 1, F_GETFL}}},
    {SYS_fcntl, {{TEST_EQUAL, 1, F_SETFD}}},
    {SYS_flock, {{TEST_END}}},
    {SYS_close, {{TEST_END}}},
    {SYS_restart_syscall, {{TEST_END}}}, // poll, after a stop
    {SYS_exit_group, {{TEST_END}}},
};

int confine_calls(struct err *e)
{
    static struct sock_filter p[1024];
    struct sock_fprog program = {.filter = p};

    program.len = (unsigned short)filter_build(
        p, sizeof(p) / sizeof(p[0]), rules, sizeof(rules) / sizeof(rules[0]), 0,
        0, SECCOMP_RET_KILL_PROCESS);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
                &program) != 0)
        return err_errno(e, "loading the filter of system calls");
    return 0;
}
