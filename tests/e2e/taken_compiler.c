// SPDX-License-Identifier: ISC
/*
 * Stands where hostel-cc should, as if an input had taken the compiler over:
 * the worst that a build can hold. The file /src/attack names what to try.
 * What succeeds that must not is told on standard error as "TAKEN: ..."; the
 * exit status is 0, so that the builder goes on to look at the output.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT "/out/image"

static void taken(const char *what)
{
    fprintf(stderr, "TAKEN: %s\n", what);
}

static void put(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

    if (fd >= 0 && write(fd, "not an image", 12) == 12)
        close(fd);
}

/* ---------------------------------------------------------------- attacks */

static void attack_read(void)
{
    static const char *const paths[] = {
        "/etc/passwd", "/etc/shadow",    "/proc/self/maps", "/proc/1/environ",
        "/sys/kernel", "/root",          "/home",           "/var",
        "/run",        "/dev/zero",      "/dev/urandom",    "/dev/tty",
        "/dev/shm",    "/../etc/passwd", "/usr/bin/sh",     "/bin",
        "/boot"};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (open(paths[i], O_RDONLY) >= 0)
            taken(paths[i]);
    for (int fd = 3; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            taken("a descriptor of somebody else's");
}

static void attack_write(void)
{
    static const char *const paths[] = {
        "/x",          "/usr/x",       "/src/x",       "/dev/x",
        "/src/attack", "/usr/bin/gcc", "/toolchain.id"};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (open(paths[i], O_WRONLY | O_CREAT, 0666) >= 0)
            taken(paths[i]);
    if (chmod("/src/attack", 0777) == 0 && open("/src/attack", O_WRONLY) >= 0)
        taken("the sources");
}

/* System calls that the filter must not let through. */
static void attack_calls(void)
{
    char stack[4096];

    if (socket(AF_INET, SOCK_STREAM, 0) >= 0 ||
        socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ||
        socket(AF_NETLINK, SOCK_RAW, 0) >= 0)
        taken("socket");
    if (unshare(CLONE_NEWUSER) == 0 || unshare(CLONE_NEWNS) == 0)
        taken("unshare");
    if (syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) >= 0)
        taken("clone of a user namespace");
    if (syscall(SYS_clone3, stack, 88) >= 0 || errno != ENOSYS)
        taken("clone3");
    if (mount("none", "/tmp", "tmpfs", 0, NULL) == 0 || umount("/src") == 0)
        taken("mount");
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) == 0)
        taken("ptrace");
    if (syscall(SYS_bpf, 0, stack, 16) >= 0 ||
        syscall(SYS_perf_event_open, stack, 0, -1, -1, 0) >= 0 ||
        syscall(SYS_io_uring_setup, 1, stack) >= 0 ||
        syscall(SYS_userfaultfd, 0) >= 0 ||
        syscall(SYS_keyctl, 0, 0, 0, 0, 0) >= 0)
        taken("a far corner of the kernel");
    if (setuid(0) == 0 || setresuid(0, 0, 0) == 0 || geteuid() == 0)
        taken("root");
    if (mknod("/out/node", S_IFCHR | 0666, 0x105) == 0)
        taken("a device");
    if (chroot("/tmp") == 0)
        taken("chroot");
    if (setpriority(PRIO_PROCESS, 0, -5) == 0)
        taken("priority");
}

static void attack_exec(void)
{
    static const char program[] = "#!/usr/bin/gcc\n";
    char *const argv[] = {(char *)"/tmp/program", NULL};
    int fd = open("/tmp/program", O_WRONLY | O_CREAT, 0755);

    if (fd >= 0 && write(fd, program, sizeof(program) - 1) > 0)
        close(fd);
    execv(argv[0], argv);
    if (errno != EACCES)
        taken("a program of its own");
    fd = memfd_create("program", 0);
    if (fd >= 0)
        taken("memfd_create");
}

/* Signals to everyone; only this build's own processes may hear them. */
static void attack_kill(void)
{
    put(OUTPUT);
    kill(-1, SIGKILL);
}

/* Goes on after the build seems over, out of its session. */
static void attack_linger(void)
{
    put(OUTPUT);
    if (fork() == 0) {
        close(0);
        for (int i = 0; i < 3; i++)
            if (fork() != 0)
                break;
        for (;;)
            put("/tmp/still-here");
    }
}

static void attack_forks(void)
{
    for (;;)
        fork();
}

static void attack_memory(void)
{
    for (;;) {
        char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED) {
            if (fork() != 0)
                for (;;)
                    ; /* hold it, while the child goes on with its own */
            continue;
        }
        memset(p, 1, 1 << 20);
    }
}

static void attack_fill(void)
{
    static char block[1 << 16];
    char name[32];

    for (int i = 0; i < 100000; i++) {
        int fd;

        snprintf(name, sizeof(name), "/out/%d", i);
        fd = open(name, O_WRONLY | O_CREAT, 0666);
        if (fd < 0)
            break;
        for (int n = 0; n < 1000; n++)
            if (write(fd, block, sizeof(block)) < 0)
                break;
        close(fd);
    }
    put(OUTPUT);
}

static void attack_shout(void)
{
    static char line[1 << 16];

    memset(line, 'x', sizeof(line));
    for (int i = 0; i < 2000; i++)
        if (write(2, line, sizeof(line)) < 0)
            break;
}

static void attack_symlink(void)
{
    if (symlink("/etc/passwd", OUTPUT) == 0)
        taken("a symbolic link");
}

static void attack_folder(void)
{
    if (mkdir(OUTPUT, 0777) == 0)
        taken("a folder");
}

static void attack_pipe(void)
{
    if (mkfifo(OUTPUT, 0666) == 0)
        taken("a pipe");
}

static void attack_names(void)
{
    put(OUTPUT);
    if (link(OUTPUT, "/out/second") == 0)
        taken("a second name");
}

static void attack_large(void)
{
    int fd = open(OUTPUT, O_WRONLY | O_CREAT, 0666);

    signal(SIGXFSZ, SIG_IGN);
    if (ftruncate(fd, 1ll << 40) == 0)
        taken("a file of a terabyte");
}

static void attack_nothing(void)
{
}

static const struct {
    const char *name;
    void (*run)(void);
} attacks[] = {
    {"read", attack_read},       {"write", attack_write},
    {"calls", attack_calls},     {"exec", attack_exec},
    {"kill", attack_kill},       {"linger", attack_linger},
    {"forks", attack_forks},     {"memory", attack_memory},
    {"fill", attack_fill},       {"shout", attack_shout},
    {"symlink", attack_symlink}, {"folder", attack_folder},
    {"pipe", attack_pipe},       {"names", attack_names},
    {"large", attack_large},     {"nothing", attack_nothing},
};

int main(void)
{
    char name[32] = "";
    int fd = open("/src/attack", O_RDONLY);

    if (fd < 0 || read(fd, name, sizeof(name) - 1) < 0)
        return 1;
    close(fd);
    name[strcspn(name, "\n")] = 0;
    for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++)
        if (strcmp(attacks[i].name, name) == 0) {
            attacks[i].run();
            return 0;
        }
    return 1;
}
