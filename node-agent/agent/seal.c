// SPDX-License-Identifier: ISC
// The second step of confinement: files and system calls. See roles.h.

#include "node-agent/agent/roles.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "lib/cleanup.h"

/* ------------------------------------------------------------ system calls */

#define A   (1u << ROLE_API | 1u << ROLE_OPERATOR)
#define K   (1u << ROLE_KEEPER)
#define L   (1u << ROLE_LEDGER)
#define ALL (A | K | L)
#define DB  (K | L)

enum verdict {
    ALLOW,
    ALLOW_WITHOUT, /* only with none of these bits in that argument */
    ALLOW_WITH,    /* only with all of these bits */
    ALLOW_EQUAL,   /* only this value */
    NO_SUCH_CALL   /* ENOSYS: libc then tries another */
};

/* What is not here kills. Notably nobody may make a socket, connect, execute,
 * fork, trace, mount, or map memory that can be executed. */
static const struct allowed {
    int nr;
    unsigned roles;
    const char *why;
    enum verdict verdict;
    unsigned argument;
    uint32_t value;
} allowed[] = {
    {SYS_recvmsg, ALL, "channels", 0, 0, 0},
    {SYS_sendmsg, ALL, "channels; the API's replies", 0, 0, 0},
    {SYS_poll, ALL, "waiting", 0, 0, 0},
    {SYS_ppoll, ALL, "the same, by another libc", 0, 0, 0},
    {SYS_read, ALL, "lifeline, files, sockets", 0, 0, 0},
    {SYS_write, ALL, "log, files, role_ready", 0, 0, 0},
    {SYS_pread64, ALL, "databases; consoles that are followed", 0, 0, 0},
    {SYS_close, ALL, "", 0, 0, 0},
    {SYS_fcntl, ALL, "SQLite's locks; O_NONBLOCK; memfd seals", 0, 0, 0},
    {SYS_fstat, ALL, "lengths of files and memfds", 0, 0, 0},
    {SYS_newfstatat, ALL, "the same, by another libc; SQLite's paths", 0, 0, 0},
    {SYS_statx, ALL, "the same, by a newer one", 0, 0, 0},
    {SYS_lseek, ALL, "lengths", 0, 0, 0},
    {SYS_memfd_create, ALL, "long answers; bundles being uploaded", 0, 0, 0},
    {SYS_ftruncate, ALL, "memfds; SQLite's log after a checkpoint", 0, 0, 0},
    {SYS_mmap, ALL, "memory; bundles", ALLOW_WITHOUT, 2, PROT_EXEC},
    {SYS_mprotect, ALL, "stacks' guard pages", ALLOW_WITHOUT, 2, PROT_EXEC},
    {SYS_munmap, ALL, "", 0, 0, 0},
    {SYS_mremap, ALL, "realloc; SQLite's shared memory", 0, 0, 0},
    {SYS_madvise, ALL, "free", 0, 0, 0},
    {SYS_brk, ALL, "malloc", 0, 0, 0},
    {SYS_getrandom, ALL, "ids, salts, keys of hash tables", 0, 0, 0},
    {SYS_clock_gettime, ALL, "where there is no vdso; CPU clocks", 0, 0, 0},
    {SYS_clock_getres, K, "clock_getcpuclockid: the agent's CPU", 0, 0, 0},
    {SYS_clock_nanosleep, ALL, "SQLite's busy wait; a pause", 0, 0, 0},
    {SYS_nanosleep, ALL, "the same, by another libc", 0, 0, 0},
    {SYS_gettimeofday, ALL, "where there is no vdso", 0, 0, 0},
    {SYS_futex, ALL, "threads; malloc's locks", 0, 0, 0},
    {SYS_sched_yield, ALL, "locks", 0, 0, 0},
    {SYS_sched_getaffinity, ALL, "malloc counts processors", 0, 0, 0},
    {SYS_getpid, ALL, "SQLite; abort", 0, 0, 0},
    {SYS_gettid, ALL, "abort", 0, 0, 0},
    {SYS_tgkill, ALL, "abort", 0, 0, 0},
    {SYS_getppid, K, "the agent's CPU: who is the supervisor", 0, 0, 0},
    {SYS_rt_sigaction, ALL, "SIGPIPE; abort", 0, 0, 0},
    {SYS_rt_sigprocmask, ALL, "threads; abort", 0, 0, 0},
    {SYS_rt_sigreturn, ALL, "", 0, 0, 0},
    {SYS_restart_syscall, ALL, "waiting, after a stop", 0, 0, 0},
    {SYS_exit, ALL, "threads", 0, 0, 0},
    {SYS_exit_group, ALL, "the end", 0, 0, 0},

    {SYS_mkdir, K, "the store's folders", 0, 0, 0},
    {SYS_openat, ALL, "in its own folder, see landlock below", 0, 0, 0},
    {SYS_access, DB, "SQLite: is there a journal", 0, 0, 0},
    {SYS_faccessat, DB, "the same, by another libc", 0, 0, 0},
    {SYS_readlink, DB, "SQLite's paths", 0, 0, 0},
    {SYS_getcwd, DB, "SQLite's paths", 0, 0, 0},
    {SYS_geteuid, DB, "SQLite: whose are new files", 0, 0, 0},
    {SYS_pwrite64, DB, "databases", 0, 0, 0},
    {SYS_fsync, DB, "", 0, 0, 0},
    {SYS_fdatasync, DB, "", 0, 0, 0},
    {SYS_fallocate, DB, "SQLite's shared memory", 0, 0, 0},
    {SYS_fchmod, DB, "SQLite's files", 0, 0, 0},
    {SYS_unlink, DB, "SQLite's journal", 0, 0, 0},
    {SYS_unlinkat, DB, "the store's old files", 0, 0, 0},
    {SYS_renameat, K, "the store's new files", 0, 0, 0},
    {SYS_renameat2, K, "the same, by another libc", 0, 0, 0},
    {SYS_rename, DB, "files written beside, then moved", 0, 0, 0},
    {SYS_mkdirat, K, "a customer's folder in the store", 0, 0, 0},
    {SYS_getdents64, K, "sweeping the store", 0, 0, 0},
    {SYS_utimensat, K, "when a blob was last used", 0, 0, 0},
    {SYS_fstatfs, DB, "is there room on the disk", 0, 0, 0},
    {SYS_statfs, K, "the same", 0, 0, 0},
    {SYS_copy_file_range, K, "images into the store", 0, 0, 0},
    {SYS_sendfile, A | K, "files to clients; images into the store", 0, 0, 0},

    {SYS_accept4, A, "clients", 0, 0, 0},
    {SYS_accept, A, "the same", 0, 0, 0},
    {SYS_recvfrom, A, "clients; the lifeline", 0, 0, 0},
    {SYS_sendto, A, "clients", 0, 0, 0},
    {SYS_writev, A, "clients", 0, 0, 0},
    {SYS_shutdown, A, "clients", 0, 0, 0},
    {SYS_setsockopt, A, "TCP_NODELAY, TCP_CORK", 0, 0, 0},
    {SYS_getsockopt, A, "peers' credentials", 0, 0, 0},
    {SYS_getsockname, A, "which kind of socket it is", 0, 0, 0},
    {SYS_getpeername, A, "who it is", 0, 0, 0},
    {SYS_socket, A, "naming a link-local client's interface", NO_SUCH_CALL, 0,
     0},
    {SYS_socketpair, A, "a stream between a client and a monitor", ALLOW_EQUAL,
     0, AF_UNIX},
    {SYS_eventfd2, A, "waking the server's threads", 0, 0, 0},
    {SYS_ioctl, A, "FIONBIO on clients' sockets", ALLOW_EQUAL, 1, 0x5421},
    {SYS_clone3, A, "its flags cannot be seen here", NO_SUCH_CALL, 0, 0},
    {SYS_clone, A, "threads, no processes", ALLOW_WITH, 0, CLONE_THREAD},
    {SYS_set_robust_list, A, "threads", 0, 0, 0},
    {SYS_rseq, A, "threads", 0, 0, 0},
    {SYS_prctl, A, "threads' names", ALLOW_EQUAL, 0, PR_SET_NAME},
};
#define NALLOWED (sizeof(allowed) / sizeof(allowed[0]))

/* For each call: is it this one? then its verdict; else go on behind it. */
#define INSNS_MAX (6 * NALLOWED + 8)

static size_t rule_add(struct sock_filter *p, const struct allowed *a)
{
    const unsigned at = offsetof(struct seccomp_data, args) + 8 * a->argument;
    const struct sock_filter yes = BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW);
    const struct sock_filter no = BPF_STMT(BPF_RET, SECCOMP_RET_KILL_PROCESS);
    size_t n = 1;

    switch (a->verdict) {
    case ALLOW:
        p[n++] = yes;
        break;
    case NO_SUCH_CALL:
        p[n++] = (struct sock_filter)BPF_STMT(
            BPF_RET, SECCOMP_RET_ERRNO | (ENOSYS & SECCOMP_RET_DATA));
        break;
    case ALLOW_WITHOUT:
    case ALLOW_WITH:
    case ALLOW_EQUAL:
        p[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at);
        if (a->verdict == ALLOW_WITHOUT)
            p[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K,
                                                  a->value, 1, 0);
        else if (a->verdict == ALLOW_WITH)
            p[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K,
                                                  a->value, 0, 1);
        else
            p[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                  a->value, 0, 1);
        p[n++] = yes;
        p[n++] = no;
        break;
    }
    p[0] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, a->nr, 0,
                                        n - 1);
    return n;
}

static int calls_seal(int role, struct err *e)
{
    struct sock_filter p[INSNS_MAX];
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
        if (allowed[i].roles & (1u << role))
            n += rule_add(&p[n], &allowed[i]);
    p[n++] = (struct sock_filter)BPF_STMT(BPF_RET, SECCOMP_RET_KILL_PROCESS);
    program.len = n;
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
        return err_errno(e, "loading the role's filter of system calls");
    return 0;
}

/* ------------------------------------------------------------------- files */

/* Rights of landlock's first version, which Linux 5.13 knows; a kernel with a
 * newer one handles these just the same. */
#define LANDLOCK_FILES                                                         \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |              \
     LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |              \
     LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |          \
     LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |              \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |              \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |            \
     LANDLOCK_ACCESS_FS_MAKE_SYM)
#define LANDLOCK_OWN                                                           \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |            \
     LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |             \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |            \
     LANDLOCK_ACCESS_FS_MAKE_REG)

static int files_seal(struct err *e)
{
    struct landlock_ruleset_attr set = {.handled_access_fs = LANDLOCK_FILES};
    struct landlock_path_beneath_attr own = {.allowed_access = LANDLOCK_OWN};
    cleanup_close int rules_fd = -1, dir = -1;

    rules_fd = syscall(SYS_landlock_create_ruleset, &set, sizeof(set), 0);
    if (rules_fd < 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
        return 0;
    dir = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    own.parent_fd = dir;
    if (rules_fd < 0 || dir < 0 ||
        syscall(SYS_landlock_add_rule, rules_fd, LANDLOCK_RULE_PATH_BENEATH,
                &own, 0) < 0 ||
        syscall(SYS_landlock_restrict_self, rules_fd, 0) < 0)
        return err_errno(e, "closing the file system");
    return 0;
}

int role_seal(struct err *e)
{
    if (files_seal(e) < 0)
        return -e->code;
    return role_self() < 0 ? 0 : calls_seal(role_self(), e);
}
