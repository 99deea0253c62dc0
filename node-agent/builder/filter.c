// SPDX-License-Identifier: ISC
// What gcc, cc1, as and ld need of the kernel; see filter.h.
//
// A call that is not here fails with ENOSYS, so that a C library newer than
// this table falls back to what the table knows. Nothing here makes a socket,
// a namespace, a link, a device or a mount, or touches another process than
// one's own children.

#include "node-agent/builder/filter.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"

static const int allowed[] = {
    /* files, all of them under the sandbox's own root */
    SYS_openat,          /* sources, headers, objects, libraries */
    SYS_open,            /* the same, by older code */
    SYS_close,           /* and done with them */
    SYS_read,            /* sources */
    SYS_pread64,         /* the loader reads ELF headers so */
    SYS_readv,           /* stdio of other C libraries */
    SYS_write,           /* objects, messages */
    SYS_pwrite64,        /* ld fills sections in place */
    SYS_writev,          /* stdio, the loader's messages */
    SYS_lseek,           /* libbfd seeks all the time */
    SYS_ftruncate,       /* ld sets the output's size */
    SYS_fallocate,       /* the same, where libbfd prefers it */
    SYS_newfstatat,      /* is there such a file, is it a folder */
    SYS_stat,            /* the same, older */
    SYS_fstat,           /* size of what is to be read */
    SYS_lstat,           /* ld looks before it unlinks */
    SYS_statx,           /* the same, newer */
    SYS_access,          /* the driver looks for its programs */
    SYS_faccessat,       /* the same, newer */
    SYS_faccessat2,      /* the same, newest */
    SYS_readlink,        /* the driver finds out where it lives */
    SYS_readlinkat,      /* the same, newer */
    SYS_getcwd,          /* goes into debug information */
    SYS_getdents64,      /* the shell, should a driver be a script */
    SYS_unlink,          /* intermediate files */
    SYS_unlinkat,        /* the same, newer */
    SYS_rename,          /* the output's last step */
    SYS_renameat,        /* the same, newer */
    SYS_chmod,           /* ld makes the output executable */
    SYS_fchmod,          /* the same */
    SYS_umask,           /* to know with which rights */
    SYS_fcntl,           /* close-on-exec */
    SYS_dup,             /* descriptors of a pipeline */
    SYS_dup2,            /* the same */
    SYS_dup3,            /* the same */
    SYS_pipe,            /* the driver learns why exec failed */
    SYS_pipe2,           /* the same, newer */
    SYS_poll,            /* waiting on such a pipe */
    SYS_copy_file_range, /* libbfd copying sections */
    /* memory */
    SYS_mmap,     /* the loader, malloc, large inputs */
    SYS_munmap,   /* and done with them */
    SYS_mremap,   /* realloc */
    SYS_mprotect, /* the loader's relocations */
    SYS_madvise,  /* cc1's collector */
    SYS_brk,      /* malloc */
    /* processes: the driver and its children */
    SYS_vfork,             /* the driver starts cc1, as, ld */
    SYS_fork,              /* the same, older */
    SYS_execve,            /* the same */
    SYS_wait4,             /* and waits for them */
    SYS_exit,              /* a thread ends */
    SYS_exit_group,        /* a process ends */
    SYS_kill,              /* the driver stops its children */
    SYS_tgkill,            /* abort */
    SYS_getpid,            /* names of intermediate files */
    SYS_getppid,           /* the shell, should a driver be a script */
    SYS_gettid,            /* abort */
    SYS_getuid,            /* the loader: is this setuid? */
    SYS_geteuid,           /* the same */
    SYS_getgid,            /* the same */
    SYS_getegid,           /* the same */
    SYS_prlimit64,         /* cc1 wants more stack; lowering only, without
                              privilege */
    SYS_getrlimit,         /* the same, older */
    SYS_setrlimit,         /* the same, older */
    SYS_getrusage,         /* cc1 times its passes */
    SYS_times,             /* the same */
    SYS_sysinfo,           /* how much to collect depends on memory */
    SYS_uname,             /* the loader: kernel version */
    SYS_sched_getaffinity, /* number of CPUs, asked for by malloc */
    /* start of a process, signals, time */
    SYS_arch_prctl,      /* thread pointer */
    SYS_set_tid_address, /* C library's start */
    SYS_set_robust_list, /* the same */
    SYS_rseq,            /* the same */
    SYS_futex,           /* locks of stdio */
    SYS_rt_sigaction,    /* cc1 reports its own crashes */
    SYS_rt_sigprocmask,  /* around fork */
    SYS_rt_sigreturn,    /* back from a handler */
    SYS_sigaltstack,     /* cc1 reports stack overflow */
    SYS_restart_syscall, /* the kernel's own */
    SYS_clock_gettime,   /* where the vDSO has no clock */
    SYS_gettimeofday,    /* the same */
    SYS_time,            /* the same */
    SYS_getrandom,       /* names of intermediate files */
};

#define CLONE_SPACES                                                           \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |             \
     CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)

#define X32_BIT 0x40000000u
#define LOAD(field)                                                            \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define EQUAL(value, yes, no)                                                  \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define FAIL(number) RETURN(SECCOMP_RET_ERRNO | (number))

/* Other ABIs of the same kernel have other numbers: no such process. */
static const struct sock_filter head[] = {
    LOAD(arch),
    EQUAL(AUDIT_ARCH_X86_64, 1, 0),
    RETURN(SECCOMP_RET_KILL_PROCESS),
    LOAD(nr),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1),
    RETURN(SECCOMP_RET_KILL_PROCESS),
};

/* The two that depend on an argument. clone: a child, in our namespaces.
 * ioctl: stdio asks whether a descriptor is a terminal. */
static const struct sock_filter tail[] = {
    EQUAL(SYS_clone, 0, 4),
    LOAD(args[0]),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_SPACES, 0, 1),
    FAIL(EPERM),
    RETURN(SECCOMP_RET_ALLOW),
    EQUAL(SYS_ioctl, 0, 4),
    LOAD(args[1]),
    EQUAL(TCGETS, 0, 1),
    RETURN(SECCOMP_RET_ALLOW),
    FAIL(ENOTTY),
    FAIL(ENOSYS),
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

int filter_open(struct err *e)
{
    cleanup_close int fd = memfd_create("build-filter", MFD_CLOEXEC);
    struct sock_filter code[COUNT(head) + 2 * COUNT(allowed) + COUNT(tail)];
    size_t n = 0;

    for (size_t i = 0; i < COUNT(head); i++)
        code[n++] = head[i];
    for (size_t i = 0; i < COUNT(allowed); i++) {
        code[n++] = (struct sock_filter)EQUAL((unsigned)allowed[i], 0, 1);
        code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
    }
    for (size_t i = 0; i < COUNT(tail); i++)
        code[n++] = tail[i];
    if (fd < 0 || write_full(fd, code, n * sizeof(code[0])) < 0)
        return err_errno(e, "writing the build's filter");
    if (lseek(fd, 0, SEEK_SET) < 0)
        return err_errno(e, "rewinding the build's filter");
    return steal_fd(&fd);
}
