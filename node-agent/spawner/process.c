// SPDX-License-Identifier: ISC
// Processes; see process.h.
//
// A short domain costs a dozen microseconds for each file of /proc that is read
// about it: the kernel makes the file's folder first, and must find and drop
// all that when the process ends. So what newer kernels tell of a pidfd is
// asked there.

#include "node-agent/spawner/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/io.h"

// As in <linux/magic.h> and <linux/pidfd.h> of Linux 6.13.
#define PID_FS_MAGIC_ 0x50494446
struct pidfd_info_ {
    uint64_t mask, cgroup_id;
    uint32_t pid, tgid, ppid, ids[8];
    int32_t exit_code;
};
#define PIDFD_INFO_PID_ 1u
#define PIDFD_GET_INFO_ _IOWR(0xff, 11, struct pidfd_info_)

// Tells an inode from a time.
#define BORN_INODE (1ull << 63)

/* Field 3 and field 22 of /proc/PID/stat, counted behind the name, which may
 * hold anything. */
static int stat_read(pid_t pid, char *state, uint64_t *born)
{
    char path[32], text[1024];
    cleanup_close int fd = -1;
    unsigned long long ticks;
    ssize_t n;
    char *p;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -ESRCH;
    n = read_full(fd, text, sizeof(text) - 1);
    if (n <= 0)
        return -ESRCH;
    text[n] = 0;
    p = strrchr(text, ')');
    if (!p || sscanf(p + 1,
                     " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                     "%*s %*s %*s %*s %*s %*s %llu",
                     state, &ticks) != 2)
        return -EBADMSG;
    *born = ticks;
    return 0;
}

// 0: such handles have no inode of their own.
static uint64_t inode_of(int pidfd)
{
    struct statfs fs;
    struct stat st;

    if (fstatfs(pidfd, &fs) < 0 || fs.f_type != PID_FS_MAGIC_ ||
        fstat(pidfd, &st) < 0)
        return 0;
    return BORN_INODE | st.st_ino;
}

uint64_t process_born(pid_t pid, int pidfd)
{
    uint64_t born = inode_of(pidfd);
    char state;

    if (born)
        return born;
    return pid > 0 && stat_read(pid, &state, &born) == 0 ? born : 0;
}

int process_open(pid_t pid, uint64_t born)
{
    cleanup_close int fd = pid > 0 ? pidfd_open(pid, 0) : -1;
    uint64_t now;
    char state;

    /* The handle first: then the number cannot change hands. */
    if (fd < 0 || stat_read(pid, &state, &now) < 0 || state == 'Z' ||
        state == 'X')
        return -ESRCH;
    /* A predecessor of an older version has written down a time. */
    if (born != (born & BORN_INODE ? inode_of(fd) : now))
        return -ESRCH;
    return steal_fd(&fd);
}

/* Where the kernel does not tell it directly. */
static pid_t number_read(int pidfd)
{
    char path[48], text[512], *at;
    cleanup_close int info = -1;
    ssize_t n;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
    info = open(path, O_RDONLY | O_CLOEXEC);
    n = info < 0 ? -1 : read_full(info, text, sizeof(text) - 1);
    if (n < 0)
        return -1;
    text[n] = 0;
    at = strstr(text, "\nPid:");
    return at ? (pid_t)strtol(at + 5, NULL, 10) : -1;
}

pid_t process_number(int pidfd)
{
    struct pidfd_info_ info = {.mask = PIDFD_INFO_PID_};

    if (ioctl(pidfd, PIDFD_GET_INFO_, &info) == 0 &&
        info.mask & PIDFD_INFO_PID_)
        return info.pid ? (pid_t)info.pid : -1;
    return number_read(pidfd);
}
