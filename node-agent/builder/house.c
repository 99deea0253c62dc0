// SPDX-License-Identifier: ISC
// The builder role's root folder and user namespace; see house.h.

#include "node-agent/builder/house.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"

struct house_bind {
    const char *from, *to; /* from NULL: the toolchain */
    unsigned long flags;   /* beside MS_NOSUID */
};

static const struct house_bind binds[] = {
    {NULL, HOUSE_TOOLCHAIN, MS_RDONLY | MS_NODEV},
    {"/usr", "/usr", MS_RDONLY | MS_NODEV},   /* bwrap, libc, the loader */
    {"/proc", "/proc", MS_NODEV | MS_NOEXEC}, /* bwrap reads mounts, writes
                                                 its uid_map */
};

/* The loader's path is /lib64 in every program, and Debian's is in /usr. */
static const char *const links[] = {"/lib", "/lib64", "/bin"};

static int house_bind(const struct house_bind *b, const char *toolchain,
                      struct err *e)
{
    const char *from = b->from ? b->from : toolchain;
    const char *to = b->to + 1; /* relative to the root being made */

    if (mkdir(to, 0755) < 0 || mount(from, to, NULL, MS_BIND, NULL) < 0 ||
        mount(NULL, to, NULL, MS_BIND | MS_REMOUNT | MS_NOSUID | b->flags,
              NULL) < 0)
        return err_errno(e, "showing %s to builds as %s", from, b->to);
    return 0;
}

static int house_furnish(const char *toolchain, struct err *e)
{
    for (size_t i = 0; i < sizeof(binds) / sizeof(binds[0]); i++)
        if (house_bind(&binds[i], toolchain, e) < 0)
            return -e->code;
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        char to[32];

        snprintf(to, sizeof(to), "usr%s", links[i]);
        if (symlink(to, links[i] + 1) < 0)
            return err_errno(e, "making %s for builds", links[i]);
    }
    if (mkdir("tmp", 0755) < 0 || mkdir("work", 0755) < 0 ||
        mkdir("dev", 0755) < 0 || mknod("dev/null", S_IFREG | 0444, 0) < 0 ||
        mount("/dev/null", "dev/null", NULL, MS_BIND, NULL) < 0)
        return err_errno(e, "making the builder's folders");
    return 0;
}

/* Mounts of our own, and a root that holds only what house.h lists. */
static int house_root(const struct node_config *cfg, struct err *e)
{
    umask(022); /* builds' users walk through it */
    if (unshare(CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return err_errno(e, "making mounts of the builder's own");
    /* Any folder will do to build it on: it is seen from inside only. */
    if (mount("hostel-builder", cfg->run_dir, "tmpfs", MS_NOSUID | MS_NODEV,
              "mode=755,size=64k,nr_inodes=64") < 0 ||
        chdir(cfg->run_dir) < 0)
        return err_errno(e, "making the builder's root folder");
    if (house_furnish(cfg->toolchain_dir, e) < 0)
        return -e->code;
    if (mount(NULL, ".", NULL,
              MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV,
              NULL) < 0)
        return err_errno(e, "making the builder's root read-only");
    /* Old root stacked under the new one, then let go. */
    if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
        chdir("/") < 0)
        return err_errno(e, "moving into the builder's root");
    return 0;
}

static int house_map(pid_t pid, const char *file, const struct node_config *cfg)
{
    char path[64], text[96];
    cleanup_close int fd = -1;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    snprintf(text, sizeof(text), "0 %u 1\n%u %u %u\n",
             UID_ROLE(cfg->uid_base, ROLE_BUILDER), HOUSE_UID(0),
             UID_BUILD_SLOT(cfg->uid_base, 0), BUILD_SLOTS_MAX);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? -errno : write_full(fd, text, strlen(text));
}

/* Someone who is still root outside must write the maps: a child that stays
 * behind in the old namespace does. */
static int house_users(const struct node_config *cfg, struct err *e)
{
    pid_t self = getpid(), child;
    int go[2], status;
    char byte = 0;

    if (pipe2(go, O_CLOEXEC) < 0)
        return err_errno(e, "making a pipe");
    child = fork();
    if (child < 0)
        return err_errno(e, "forking");
    if (child == 0) {
        close(go[1]);
        if (read(go[0], &byte, 1) != 1 || house_map(self, "uid_map", cfg) < 0 ||
            house_map(self, "gid_map", cfg) < 0)
            _exit(1);
        _exit(0);
    }
    close(go[0]);
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) {
        int r = err_errno(e, "making the builder's user namespace");

        close(go[1]); /* the child ends */
        waitpid(child, &status, 0);
        return r;
    }
    write_full(go[1], &byte, 1);
    close(go[1]);
    if (waitpid(child, &status, 0) != child || status != 0)
        return err_set(e, EPERM,
                       "the kernel refused the builder's user ids "
                       "(is uid_base taken?)");
    return 0;
}

int house_enter(const struct node_config *cfg, struct err *e)
{
    if (house_root(cfg, e) < 0 || house_users(cfg, e) < 0)
        return -e->code;
    if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 ||
        setresuid(0, 0, 0) < 0)
        return err_errno(e, "becoming the builder's user");
    /* Once more: a change of user undoes what role_confine has set. */
    if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return err_errno(e, "giving up privileges");
    return 0;
}
