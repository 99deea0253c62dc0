// SPDX-License-Identifier: ISC
// Control groups; see cgroup.h.
//
// Files are opened by name for each use, a few microseconds; only those that
// every domain's figures come from are kept open for a slot.

#include "node-agent/spawner/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/io.h"

#define VALUE_MAX     4096 /* any file of one group but cgroup.procs */
#define PROCS_MAX     (1u << 20)
#define KIB_UNLIMITED (1ull << 52)

#define PEAK_V1 "memory.max_usage_in_bytes"

/* -------------------------------------------------------------- the files */

static int group_open(const struct cgroup_tree *t, enum cgroup_part part,
                      const char *name, const char *file, int flags)
{
    char path[CGROUP_NAME_MAX + 64];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", name, file);
    fd = openat(t->root[t->part[part]], path, flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int group_write(const struct cgroup_tree *t, enum cgroup_part part,
                       const char *name, const char *file, const char *text)
{
    cleanup_close int fd = group_open(t, part, name, file, O_WRONLY);

    if (fd < 0)
        return fd;
    return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* `kept` is the place of a descriptor to be used, and left open; or NULL. */
static int group_read(const struct cgroup_tree *t, enum cgroup_part part,
                      const char *name, const char *file, int *kept,
                      char text[VALUE_MAX])
{
    cleanup_close int mine = -1;
    int fd = kept ? *kept : -1;
    ssize_t n;

    if (fd < 0)
        fd = group_open(t, part, name, file, O_RDONLY);
    if (fd < 0)
        return fd;
    *(kept ? kept : &mine) = fd;
    n = pread_full(fd, text, VALUE_MAX - 1, 0);
    if (n < 0)
        return n;
    text[n] = 0;
    return 0;
}

static int *kept_file(struct cgroup_kept *kept, enum cgroup_file file)
{
    return kept ? &kept->fd[file] : NULL;
}

void cgroup_kept_drop(struct cgroup_kept *kept)
{
    for (int i = 0; i < CGROUP_FILES; i++) {
        if (kept->fd[i] >= 0)
            close(kept->fd[i]);
        kept->fd[i] = -1;
    }
    while (kept->nprocs)
        close(kept->procs[--kept->nprocs]);
}

static int number_parse(const char *text, uint64_t *value)
{
    unsigned long long v;
    char *end;

    if (*text < '0' || *text > '9')
        return -EBADMSG;
    errno = 0;
    v = strtoull(text, &end, 10);
    if (errno || (*end != '\n' && *end != 0))
        return -EBADMSG;
    *value = v;
    return 0;
}

static int group_number(const struct cgroup_tree *t, enum cgroup_part part,
                        const char *name, const char *file, int *kept,
                        uint64_t *value)
{
    char text[VALUE_MAX];
    int r = group_read(t, part, name, file, kept, text);

    return r < 0 ? r : number_parse(text, value);
}

/* A file of lines "key number". */
static int group_field(const struct cgroup_tree *t, enum cgroup_part part,
                       const char *name, const char *file, int *kept,
                       const char *key, uint64_t *value)
{
    char text[VALUE_MAX];
    size_t len = strlen(key);
    int r = group_read(t, part, name, file, kept, text);

    if (r < 0)
        return r;
    for (char *line = text; line && *line;) {
        char *next = strchr(line, '\n');

        if (next)
            *next++ = 0;
        if (strncmp(line, key, len) == 0 && line[len] == ' ')
            return number_parse(line + len + 1, value);
        line = next;
    }
    return -ENODATA;
}

/* ----------------------------------------------------------------- groups */

int cgroup_make(const struct cgroup_tree *t, const char *name, struct err *e)
{
    for (int i = 0; i < t->nroots; i++)
        if (mkdirat(t->root[i], name, 0755) < 0 && errno != EEXIST)
            return err_errno(e, "making the control group %s", name);
    return 0;
}

int cgroup_remove(const struct cgroup_tree *t, const char *name)
{
    int r = 0;

    for (int i = 0; i < t->nroots; i++)
        if (unlinkat(t->root[i], name, AT_REMOVEDIR) < 0 && errno != ENOENT)
            r = -errno;
    return r;
}

int cgroup_each(const struct cgroup_tree *t, const char *prefix,
                void (*each)(const char *name, void *arg), void *arg)
{
    for (int i = 0; i < t->nroots; i++) {
        int fd = openat(t->root[i], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *entry;

        if (!d)
            return -errno;
        while ((entry = readdir(d)))
            if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
                strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
                strlen(entry->d_name) < CGROUP_NAME_MAX)
                each(entry->d_name, arg);
        closedir(d);
    }
    return 0;
}

int cgroup_procs(const struct cgroup_tree *t, const char *name,
                 int fds[CGROUP_PARTS], struct err *e)
{
    char path[CGROUP_NAME_MAX + 64];

    snprintf(path, sizeof(path), "%s/cgroup.procs", name);
    for (int i = 0; i < t->nroots; i++) {
        fds[i] = openat(t->root[i], path, O_WRONLY | O_CLOEXEC);
        if (fds[i] < 0) {
            int r = err_errno(e, "opening %s", path);

            while (i--)
                close(fds[i]);
            return r;
        }
    }
    return t->nroots;
}

int cgroup_procs_kept(const struct cgroup_tree *t, const char *name,
                      struct cgroup_kept *kept, struct err *e)
{
    int n = kept->nprocs ? kept->nprocs : cgroup_procs(t, name, kept->procs, e);

    if (n > 0)
        kept->nprocs = n;
    return n;
}

int cgroup_enter(const struct cgroup_tree *t, const char *name, pid_t pid,
                 struct err *e)
{
    int fds[CGROUP_PARTS], n = cgroup_procs(t, name, fds, e), r = 0;

    for (int i = 0; i < n; i++) {
        if (r == 0 && dprintf(fds[i], "%d", (int)pid) < 0)
            r = err_errno(e, "moving process %d into %s", (int)pid, name);
        close(fds[i]);
    }
    return n < 0 ? n : r;
}

static int memory_limit_v2(const struct cgroup_tree *t, const char *name,
                           const char *bytes)
{
    int r = group_write(t, CGROUP_MEMORY, name, "memory.max", bytes);

    /* Without swap accounting there is no such file, and no swap to limit. */
    group_write(t, CGROUP_MEMORY, name, "memory.swap.max", "0");
    /* Half a domain is none: when one process must die, all do. */
    group_write(t, CGROUP_MEMORY, name, "memory.oom.group", "1");
    return r;
}

static int memory_limit_v1(const struct cgroup_tree *t, const char *name,
                           const char *bytes)
{
    int r;

    /* Memory plus swap may never be the smaller of the two. */
    group_write(t, CGROUP_MEMORY, name, "memory.memsw.limit_in_bytes", "-1");
    r = group_write(t, CGROUP_MEMORY, name, "memory.limit_in_bytes", bytes);
    group_write(t, CGROUP_MEMORY, name, "memory.memsw.limit_in_bytes", bytes);
    return r;
}

static int weight_set(const struct cgroup_tree *t, const char *name,
                      uint32_t weight)
{
    bool v2 = t->version == 2;
    uint32_t shares = weight * 1024u / 100u;
    char text[32];

    snprintf(text, sizeof(text), "%u", v2 ? weight : shares < 2 ? 2 : shares);
    return group_write(t, CGROUP_CPU, name, v2 ? "cpu.weight" : "cpu.shares",
                       text);
}

#define CAP_PERIOD_US 10000u

static int cap_set(const struct cgroup_tree *t, const char *name,
                   uint32_t percent)
{
    char text[48];
    int r;

    if (t->version == 2) {
        if (percent)
            snprintf(text, sizeof(text), "%u %u",
                     percent * (CAP_PERIOD_US / 100), CAP_PERIOD_US);
        else
            strcpy(text, "max");
        return group_write(t, CGROUP_CPU, name, "cpu.max", text);
    }
    if (!percent)
        return group_write(t, CGROUP_CPU, name, "cpu.cfs_quota_us", "-1");
    snprintf(text, sizeof(text), "%u", CAP_PERIOD_US);
    r = group_write(t, CGROUP_CPU, name, "cpu.cfs_period_us", text);
    if (r < 0)
        return r;
    snprintf(text, sizeof(text), "%u", percent * (CAP_PERIOD_US / 100));
    return group_write(t, CGROUP_CPU, name, "cpu.cfs_quota_us", text);
}

int cgroup_share(const struct cgroup_tree *t, const char *name, uint32_t weight,
                 uint32_t cap_percent, struct err *e)
{
    int r = weight_set(t, name, weight ? weight : 100);

    if (r == 0)
        r = cap_set(t, name, cap_percent);
    if (r < 0) {
        errno = -r;
        return err_errno(e, "sharing CPUs with the control group %s", name);
    }
    return 0;
}

int cgroup_limit(const struct cgroup_tree *t, const char *name,
                 const struct cgroup_limits *limits, struct err *e)
{
    bool v2 = t->version == 2;
    char text[32];
    int r;

    if (limits->memory_kib && limits->memory_kib < KIB_UNLIMITED)
        snprintf(text, sizeof(text), "%llu",
                 (unsigned long long)limits->memory_kib << 10);
    else
        strcpy(text, v2 ? "max" : "-1");
    r = (v2 ? memory_limit_v2 : memory_limit_v1)(t, name, text);
    if (r == 0 && limits->cpu_weight)
        r = weight_set(t, name, limits->cpu_weight);
    if (r == 0 && limits->pids) {
        snprintf(text, sizeof(text), "%u", limits->pids);
        r = group_write(t, CGROUP_PIDS, name, "pids.max", text);
    }
    if (r < 0) {
        errno = -r;
        return err_errno(e, "limiting the control group %s", name);
    }
    return 0;
}

int cgroup_cpu_ns(const struct cgroup_tree *t, const char *name,
                  struct cgroup_kept *kept, uint64_t *cpu_ns)
{
    int *file = kept_file(kept, KEPT_CPU), r;

    if (t->version == 1)
        return group_number(t, CGROUP_CPUACCT, name, "cpuacct.usage", file,
                            cpu_ns);
    r = group_field(t, CGROUP_CPU, name, "cpu.stat", file, "usage_usec",
                    cpu_ns);
    if (r == 0)
        *cpu_ns *= 1000;
    return r;
}

int cgroup_peak_kib(const struct cgroup_tree *t, const char *name,
                    struct cgroup_kept *kept, uint64_t *peak_kib)
{
    int r = group_number(t, CGROUP_MEMORY, name,
                         t->version == 2 ? "memory.peak" : PEAK_V1,
                         kept_file(kept, KEPT_PEAK), peak_kib);

    /* Linux before 5.19 keeps no peak in version 2. */
    if (r == -ENOENT && t->version == 2)
        r = group_number(t, CGROUP_MEMORY, name, "memory.current",
                         kept_file(kept, KEPT_MEMORY), peak_kib);
    if (r == 0)
        *peak_kib = (*peak_kib + 1023) >> 10;
    return r;
}

int cgroup_peak_reset(const struct cgroup_tree *t, const char *name,
                      struct cgroup_kept *kept)
{
    /* Version 2's newer reset counts only for the descriptor it was asked
     * by; making the group anew is simpler. */
    if (t->version == 2)
        return -EOPNOTSUPP;
    if (!kept)
        return group_write(t, CGROUP_MEMORY, name, PEAK_V1, "0");
    if (kept->fd[KEPT_PEAK] < 0)
        kept->fd[KEPT_PEAK] =
            group_open(t, CGROUP_MEMORY, name, PEAK_V1, O_RDWR);
    if (kept->fd[KEPT_PEAK] < 0)
        return kept->fd[KEPT_PEAK];
    return pwrite(kept->fd[KEPT_PEAK], "0", 1, 0) < 0 ? -errno : 0;
}

int cgroup_oom_kills(const struct cgroup_tree *t, const char *name,
                     struct cgroup_kept *kept, uint64_t *kills)
{
    return group_field(t, CGROUP_MEMORY, name,
                       t->version == 2 ? "memory.events" : "memory.oom_control",
                       kept_file(kept, KEPT_EVENTS), "oom_kill", kills);
}

static int root_empty(const struct cgroup_tree *t, int root, const char *name)
{
    char path[CGROUP_NAME_MAX + 64], c;
    cleanup_close int fd = -1;
    ssize_t n;

    snprintf(path, sizeof(path), "%s/cgroup.procs", name);
    fd = openat(t->root[root], path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 1 : -errno;
    n = read(fd, &c, 1);
    return n < 0 ? -errno : n == 0;
}

int cgroup_empty(const struct cgroup_tree *t, const char *name)
{
    int r = 1;

    for (int i = 0; i < t->nroots && r == 1; i++)
        r = root_empty(t, i, name);
    return r;
}

int cgroup_empty_in(const struct cgroup_tree *t, enum cgroup_part part,
                    const char *name)
{
    return root_empty(t, t->part[part], name);
}

int cgroup_tasks(const struct cgroup_tree *t, const char *name, uint32_t most)
{
    char text[32];

    snprintf(text, sizeof(text), "%u", most);
    return group_write(t, CGROUP_PIDS, name, "pids.max", text);
}

int cgroup_memory_kib(const struct cgroup_tree *t, const char *name,
                      struct cgroup_kept *kept, uint64_t *kib)
{
    int r = group_number(t, CGROUP_MEMORY, name,
                         t->version == 2 ? "memory.current"
                                         : "memory.usage_in_bytes",
                         kept_file(kept, KEPT_MEMORY), kib);

    if (r == 0)
        *kib = (*kib + 1023) >> 10;
    return r;
}

/* ---------------------------------------------------------------- killing */

static bool procs_holds(const char *text, pid_t pid)
{
    char word[16];

    snprintf(word, sizeof(word), "%d", (int)pid);
    return cgroup_word_in(text, word, "\n");
}

static int procs_read(const struct cgroup_tree *t, int root, const char *name,
                      struct buf *b)
{
    char path[CGROUP_NAME_MAX + 64];
    cleanup_close int fd = -1;

    snprintf(path, sizeof(path), "%s/cgroup.procs", name);
    fd = openat(t->root[root], path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    return fd_read(fd, path, b, NULL);
}

/*
 * A process id is only a number: between reading it and killing it, it may
 * have become somebody else's. So take a handle first, look whether the id is
 * still listed, and only then use the handle.
 */
static int group_kill_v1(const struct cgroup_tree *t, int root,
                         const char *name)
{
    cleanup_buf struct buf first = BUF_INIT(PROCS_MAX);
    int r = procs_read(t, root, name, &first);
    const char *p = buf_str(&first);

    while (r == 0 && *p) {
        cleanup_buf struct buf again = BUF_INIT(PROCS_MAX);
        pid_t pid = strtol(p, (char **)&p, 10);
        cleanup_close int handle = pid > 0 ? pidfd_open(pid, 0) : -1;

        p += strspn(p, "\n");
        if (handle < 0)
            continue;
        r = procs_read(t, root, name, &again);
        if (r == 0 && procs_holds(buf_str(&again), pid))
            pidfd_send_signal(handle, SIGKILL, NULL, 0);
    }
    return r;
}

int cgroup_kill(const struct cgroup_tree *t, const char *name)
{
    int r = 0;

    if (t->version == 2) {
        r = group_write(t, CGROUP_CPU, name, "cgroup.kill", "1");
        if (r == -ENOENT) /* no such group, or Linux before 5.14 */
            r = group_kill_v1(t, 0, name);
        return r;
    }
    for (int i = 0; i < t->nroots && r == 0; i++)
        r = group_kill_v1(t, i, name);
    return r;
}
