// SPDX-License-Identifier: ISC
// One build's process; see sandbox.h.

#include "node-agent/builder/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/io.h"
#include "lib/sock.h"
#include "node-agent/builder/filter.h"
#include "node-agent/builder/house.h"
#include "node-agent/bundle/bundle.h"

/* bwrap's own, the compiler's, options, sources. */
#define ARGS_ROOM (128 + OPTIONS_MAX + BUNDLE_FILES_MAX)

struct args {
    const char *v[ARGS_ROOM];
    size_t n;
};

static void args_add(struct args *a, const char *word)
{
    if (a->n < ARGS_ROOM - 1)
        a->v[a->n++] = word;
}

static void args_add_all(struct args *a, const char *const *words)
{
    for (; *words; words++)
        args_add(a, *words);
}

static const char *const bwrap_words[] = {
    "bwrap",
    "--unshare-all",    /* no network, and only one's own processes */
    "--unshare-user",   /* not only if it can be had */
    "--disable-userns", /* nor a way to privileges in new namespaces */
    "--uid",
    "65534",
    "--gid",
    "65534",
    "--cap-drop",
    "ALL",
    "--die-with-parent", /* the builder role */
    "--new-session",     /* no terminal to push characters into */
    "--hostname",
    "build", /* the machine's name is nobody's business */
    "--ro-bind",
    HOUSE_TOOLCHAIN,
    "/",
    "--dev-bind",
    "/dev/null",
    "/dev/null",
    "--ro-bind",
    HOUSE_WORK "/src",
    "/src",
    "--bind",
    HOUSE_WORK "/out",
    "/out",
    "--bind",
    HOUSE_WORK "/tmp",
    "/tmp",
    "--chdir",
    "/src",
    "--clearenv",
    "--setenv",
    "PATH",
    "/usr/bin",
    "--setenv",
    "LC_ALL",
    "C.UTF-8",
    "--setenv",
    "TMPDIR",
    "/tmp",
    "--setenv",
    "SOURCE_DATE_EPOCH",
    "0", /* __DATE__: same bundle, same
            image */
    NULL};

/* What every compile is told, after the customer's own options. */
static const char *const compiler_words[] = {
    "-fmax-errors=50", /* the rest follows from the first ones */
    "-fdiagnostics-color=never",
    "-fno-use-linker-plugin",   /* the toolchain has no LTO */
    "-frandom-seed=hostel",     /* the same names each time */
    "-ffile-prefix-map=/src/=", /* no path of ours in the image */
    NULL};

/* -------------------------------------------------------------- unpacking */

struct unpack {
    const struct manifest *m;
    int src_fd; /* the folder */
    int fd;     /* the file being written, -1 between files */
};

static int unpack_manifest(void *ctx, const struct manifest *m, struct err *e)
{
    struct unpack *u = ctx;

    (void)e;
    u->m = m;
    return 0;
}

/* Makes the folders above path. The path's form was checked: manifest.h. */
static int unpack_folders(int src_fd, const char *path, struct err *e)
{
    char part[BUNDLE_PATH_MAX + 1];

    for (const char *s = strchr(path, '/'); s; s = strchr(s + 1, '/')) {
        snprintf(part, sizeof(part), "%.*s", (int)(s - path), path);
        if (mkdirat(src_fd, part, 0755) < 0 && errno != EEXIST)
            return err_errno(e, "making the folder %s", part);
    }
    return 0;
}

static int unpack_open(struct unpack *u, size_t i, struct err *e)
{
    const char *path = u->m->file[i].path;

    if (unpack_folders(u->src_fd, path, e) < 0)
        return -e->code;
    u->fd = openat(u->src_fd, path,
                   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
    return u->fd < 0 ? err_errno(e, "making %s", path) : 0;
}

static int unpack_data(void *ctx, size_t i, const void *data, size_t len,
                       struct err *e)
{
    struct unpack *u = ctx;

    if (u->m->file[i].role != ROLE_SOURCE)
        return 0;
    if (u->fd < 0 && unpack_open(u, i, e) < 0)
        return -e->code;
    if (write_full(u->fd, data, len) < 0)
        return err_errno(e, "unpacking %s", u->m->file[i].path);
    return 0;
}

static int unpack_end(void *ctx, size_t i, struct err *e)
{
    struct unpack *u = ctx;

    if (u->m->file[i].role != ROLE_SOURCE)
        return 0;
    if (u->fd < 0 && unpack_open(u, i, e) < 0) /* an empty file */
        return -e->code;
    close(steal_fd(&u->fd));
    return 0;
}

/* The reader, whose manifest lives as long as it does, or NULL. */
static struct bundle_reader *unpack(int bundle_fd, struct err *e)
{
    static const struct bundle_handler handler = {.manifest = unpack_manifest,
                                                  .file_data = unpack_data,
                                                  .file_end = unpack_end};
    static struct unpack u = {.fd = -1};
    struct bundle_reader *r = bundle_reader_new(&handler, &u);

    u.src_fd = open(HOUSE_WORK "/src", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (!r || u.src_fd < 0) {
        err_errno(e, "opening the sources' folder");
        return NULL;
    }
    if (lseek(bundle_fd, 0, SEEK_SET) < 0 ||
        bundle_read_fd(r, bundle_fd, e) < 0 || bundle_reader_end(r, e) < 0)
        return NULL;
    return r;
}

/* ----------------------------------------------------------------- setting */

static int cgroups_enter(const struct sandbox_job *job, struct err *e)
{
    for (int i = 0; i < job->nprocs; i++)
        if (write_full(job->procs[i], "0", 1) < 0)
            return err_errno(e, "entering the build's cgroup");
    return 0;
}

/* Mounts of this build's own, over which only it has a view. They vanish
 * with its last process and the builder's descriptor of /out. */
static int work_mount(const struct sandbox_job *job, struct err *e)
{
    static const char *const folders[] = {"src", "out", "tmp"};
    uid_t uid = HOUSE_UID(job->slot);
    char options[96];

    snprintf(options, sizeof(options), "mode=755,size=%lluk,nr_inodes=4096",
             (unsigned long long)job->memory_kib / 2);
    if (unshare(CLONE_NEWNS) < 0 ||
        mount("build", HOUSE_WORK, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              options) < 0 ||
        chdir(HOUSE_WORK) < 0)
        return err_errno(e, "mounting the build's folder");
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        if (mkdir(folders[i], 0755) < 0 || chown(folders[i], uid, uid) < 0)
            return err_errno(e, "making the build's folder %s", folders[i]);
    return 0;
}

static int user_become(uid_t uid, struct err *e)
{
    if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
        setresuid(uid, uid, uid) < 0)
        return err_errno(e, "becoming the build's user");
    /* After the change of user, which clears it. The builder may be gone
     * already; then its end of the socket is too, and the hello fails. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return err_errno(e, "tying the build to the builder");
    return 0;
}

static int limit_set(int what, uint64_t most, struct err *e)
{
    struct rlimit l;

    if (getrlimit(what, &l) < 0)
        return err_errno(e, "reading limit %d", what);
    if (l.rlim_max == RLIM_INFINITY || l.rlim_max > most)
        l.rlim_max = most;
    l.rlim_cur = l.rlim_max;
    if (setrlimit(what, &l) < 0)
        return err_errno(e, "setting limit %d of the build", what);
    return 0;
}

/* The cgroup bounds the whole build; these bound one process of it. */
static int limits_set(const struct sandbox_job *job, struct err *e)
{
    const struct {
        int what;
        uint64_t most;
    } limits[] = {
        {RLIMIT_CPU, job->cpu_ns / 1000000000 + 2}, /* s; the builder looks
                                                       more closely */
        {RLIMIT_FSIZE, SANDBOX_FILE_MAX},
        {RLIMIT_AS, job->memory_kib * 1024}, /* gcc says so itself then */
        {RLIMIT_STACK, 64ull << 20},         /* what cc1 would ask for */
        {RLIMIT_NPROC, 32},                  /* bwrap 2, driver 3, as, ld */
        {RLIMIT_NOFILE, 256},                /* includes nest to 200 */
        {RLIMIT_CORE, 0},
        {RLIMIT_MEMLOCK, 0},
        {RLIMIT_MSGQUEUE, 0},
    };

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        if (limit_set(limits[i].what, limits[i].most, e) < 0)
            return -e->code;
    return 0;
}

/* ---------------------------------------------------------------- compiler */

/* No name or option can mean anything else to gcc than what it says here:
 * bundle/options.h, and manifest_check for names that begin with - or @. */
static void compiler_args(struct args *a, const struct manifest *m)
{
    args_add(a, "hostel-cc");
    for (size_t i = 0; i < m->noptions; i++)
        args_add(a, m->option[i]);
    args_add_all(a, compiler_words);
    args_add(a, "-o");
    args_add(a, "/out/" SANDBOX_IMAGE);
    for (size_t i = 0; i < m->nfiles; i++)
        if (manifest_file_is_unit(&m->file[i]))
            args_add(a, m->file[i].path);
}

static void args_build(struct args *a, const struct sandbox_job *job,
                       int filter_fd, const struct manifest *m)
{
    static char filter[16], status[16];

    snprintf(filter, sizeof(filter), "%d", filter_fd);
    snprintf(status, sizeof(status), "%d", job->status_fd);
    args_add_all(a, bwrap_words);
    args_add(a, "--seccomp");
    args_add(a, filter);
    args_add(a, "--json-status-fd");
    args_add(a, status);
    args_add(a, "--");
    compiler_args(a, m);
}

/* Standard descriptors as the compiler will have them; of all others only
 * the two that bwrap is told of outlive the exec, and not bwrap. */
static int descriptors_set(const struct sandbox_job *job, int filter_fd,
                           struct err *e)
{
    int null = open("/dev/null", O_RDONLY);

    if (null < 0 || dup2(null, 0) < 0 || dup2(job->log_fd, 1) < 0 ||
        dup2(job->log_fd, 2) < 0 ||
        close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) < 0 ||
        fcntl(filter_fd, F_SETFD, 0) < 0 ||
        fcntl(job->status_fd, F_SETFD, 0) < 0)
        return err_errno(e, "setting the compiler's descriptors");
    return 0;
}

static int hello(const struct sandbox_job *job, struct err *e)
{
    struct sandbox_hello h = {""};
    cleanup_close int out =
        open(HOUSE_WORK "/out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (out < 0)
        return err_errno(e, "opening the build's output folder");
    return sock_send(job->talk_fd, &h, sizeof(h), &out, 1);
}

static int sandbox_enter(const struct sandbox_job *job, struct args *a,
                         struct err *e)
{
    struct bundle_reader *r;
    int filter_fd;

    if (cgroups_enter(job, e) < 0 || work_mount(job, e) < 0 ||
        user_become(HOUSE_UID(job->slot), e) < 0 || limits_set(job, e) < 0)
        return -e->code;
    r = unpack(job->bundle_fd, e);
    if (!r)
        return -e->code;
    filter_fd = filter_open(e); /* one each: bwrap reads it to its end */
    if (filter_fd < 0)
        return filter_fd;
    args_build(a, job, filter_fd, bundle_reader_manifest(r));
    if (descriptors_set(job, filter_fd, e) < 0)
        return -e->code;
    return hello(job, e);
}

_Noreturn void sandbox_run(const struct sandbox_job *job)
{
    static struct args a;
    char *const env[] = {NULL};
    struct sandbox_hello h = {""};
    struct err e = {0};

    if (sandbox_enter(job, &a, &e) == 0)
        execve(HOUSE_BWRAP, (char *const *)a.v, env);
    /* After the hello this one comes too late to be read; the missing status
     * of bwrap then tells. */
    snprintf(h.why, sizeof(h.why), "%s", e.text);
    sock_send(job->talk_fd, &h, sizeof(h), NULL, 0);
    _exit(125);
}
