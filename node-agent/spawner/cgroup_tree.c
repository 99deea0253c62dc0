// SPDX-License-Identifier: ISC
// Finding and making a node's tree of control groups; see cgroup.h.

#include "node-agent/spawner/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/io.h"

#define MOUNTINFO_MAX (4u << 20) /* a machine with 20,000 mounts */
#define WORDS_MAX     4096       /* of cgroup.controllers */

static const char *const part_name[CGROUP_PARTS] = {"cpu", "cpuacct", "memory",
                                                    "pids"};

/* One line of mountinfo; see proc_pid_mountinfo(5). */
struct mount {
    const char *where, *type, *options;
};

static int mount_parse(char *line, struct mount *m)
{
    char *dash = strstr(line, " - "), *save = NULL, *field;

    if (!dash)
        return -EBADMSG;
    *dash = 0;
    field = strtok_r(line, " ", &save);
    for (int i = 0; field && i < 4; i++)
        field = strtok_r(NULL, " ", &save);
    m->where = field;
    m->type = strtok_r(dash + 3, " ", &save);
    strtok_r(NULL, " ", &save);
    m->options = strtok_r(NULL, " ", &save);
    return m->where && m->type && m->options ? 0 : -EBADMSG;
}

bool cgroup_word_in(const char *list, const char *word, const char *separators)
{
    size_t len = strlen(word);

    for (const char *p = list; *p;) {
        size_t n = strcspn(p, separators);

        if (n == len && memcmp(p, word, len) == 0)
            return true;
        p += n;
        p += strspn(p, separators);
    }
    return false;
}

/* Our folder in the hierarchy mounted at `mount`, made if missing. */
static int tree_folder(const char *mount, const char *path, struct err *e)
{
    char dir[PATH_MAX];
    int fd;

    if (snprintf(dir, sizeof(dir), "%s%s", mount, path) >= (int)sizeof(dir))
        return err_set(e, ENAMETOOLONG, "%s%s: the path is too long", mount,
                       path);
    if (mkdir(dir, 0755) < 0 && errno != EEXIST)
        return err_errno(e, "making the control group %s", dir);
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? err_errno(e, "%s", dir) : fd;
}

static int file_words(const char *dir, const char *file, char text[WORDS_MAX])
{
    char path[PATH_MAX + 64];
    cleanup_close int fd = -1;
    ssize_t n;

    snprintf(path, sizeof(path), "%s/%s", dir, file);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    n = read_full(fd, text, WORDS_MAX - 1);
    if (n < 0)
        return n;
    text[n] = 0;
    return 0;
}

/* Hand the three controllers down to the children of `dir`. */
static int controllers_enable(const char *dir, struct err *e)
{
    static const char words[] = "+cpu +memory +pids";
    char path[PATH_MAX + 64];
    cleanup_close int fd = -1;

    snprintf(path, sizeof(path), "%s/cgroup.subtree_control", dir);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, words, sizeof(words) - 1) < 0)
        return err_errno(e, "enabling cpu, memory and pids in %s", path);
    return 0;
}

/* Version 2 is usable if it has what we need: 1, 0 or an error. */
static int tree_try_v2(struct cgroup_tree *t, const char *mount,
                       const char *path, struct err *e)
{
    char have[WORDS_MAX], dir[PATH_MAX];
    int r = file_words(mount, "cgroup.controllers", have);

    if (r < 0 || !cgroup_word_in(have, "cpu", " \n") ||
        !cgroup_word_in(have, "memory", " \n") ||
        !cgroup_word_in(have, "pids", " \n"))
        return 0;
    /* From the top down; all but the last folder must be there. */
    if (snprintf(dir, sizeof(dir), "%s%s", mount, path) >= (int)sizeof(dir))
        return err_set(e, ENAMETOOLONG, "%s: the path is too long", path);
    for (char *p = dir + strlen(mount); (p = strchr(p, '/')); p++) {
        *p = 0;
        r = controllers_enable(dir, e);
        *p = '/';
        if (r < 0)
            return r;
    }
    r = tree_folder(mount, path, e);
    if (r < 0)
        return r;
    t->root[0] = r;
    r = controllers_enable(dir, e);
    if (r < 0)
        return r;
    t->version = 2;
    t->nroots = 1;
    memset(t->part, 0, sizeof(t->part));
    return 1;
}

/* A version 1 hierarchy may hold several controllers: "cpu,cpuacct". */
static int tree_add_v1(struct cgroup_tree *t, const struct mount *m,
                       const char *mount, const char *path, struct err *e)
{
    int root = -1;

    for (int i = 0; i < CGROUP_PARTS; i++) {
        if (t->part[i] >= 0 || !cgroup_word_in(m->options, part_name[i], ","))
            continue;
        if (root < 0) {
            int fd = tree_folder(mount, path, e);

            if (fd < 0)
                return fd;
            root = t->nroots++;
            t->root[root] = fd;
        }
        t->part[i] = root;
    }
    return 0;
}

int cgroup_tree_open_at(struct cgroup_tree *t, const char *mountinfo,
                        const char *prefix, const char *path, struct err *e)
{
    char where[PATH_MAX];
    int r = 0;

    *t = (struct cgroup_tree)CGROUP_TREE_INIT;
    memset(t->part, 0xff, sizeof(t->part));
    for (int version = 2; version >= 1 && r == 0 && !t->version; version--) {
        cleanup_free char *text = strdup(mountinfo);
        char *save = NULL;

        if (!text)
            return err_set(e, ENOMEM, "no memory");
        for (char *line = strtok_r(text, "\n", &save); line && r == 0;
             line = strtok_r(NULL, "\n", &save)) {
            struct mount m;

            if (mount_parse(line, &m) < 0)
                continue;
            if (snprintf(where, sizeof(where), "%s%s", prefix, m.where) >=
                (int)sizeof(where))
                continue;
            if (version == 2 && strcmp(m.type, "cgroup2") == 0)
                r = tree_try_v2(t, where, path, e);
            else if (version == 1 && strcmp(m.type, "cgroup") == 0)
                r = tree_add_v1(t, &m, where, path, e);
        }
    }
    if (r >= 0 && !t->version) {
        t->version = 1;
        for (int i = 0; i < CGROUP_PARTS && r >= 0; i++)
            if (t->part[i] < 0)
                r = err_set(e, ENOTSUP,
                            "this machine has no %s control groups, neither "
                            "version 2 nor version 1",
                            part_name[i]);
    }
    if (r < 0) {
        cgroup_tree_close(t);
        return r;
    }
    return 0;
}

static int mountinfo_read(struct buf *b, struct err *e)
{
    return file_read("/proc/self/mountinfo", b, e);
}

int cgroup_tree_open(struct cgroup_tree *t, const char *path, struct err *e)
{
    cleanup_buf struct buf b = BUF_INIT(MOUNTINFO_MAX);
    int r = mountinfo_read(&b, e);

    if (r < 0)
        return r;
    return cgroup_tree_open_at(t, buf_str(&b), "", path, e);
}

void cgroup_tree_close(struct cgroup_tree *t)
{
    for (int i = 0; i < CGROUP_PARTS; i++) {
        if (t->root[i] >= 0)
            close(t->root[i]);
        t->root[i] = -1;
    }
    t->nroots = 0;
}

int cgroup_tree_remove(const char *path)
{
    cleanup_buf struct buf b = BUF_INIT(MOUNTINFO_MAX);
    char *save = NULL, dir[PATH_MAX];
    int r = mountinfo_read(&b, NULL);

    if (r < 0)
        return r;
    for (char *line = strtok_r((char *)b.data, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        struct mount m;

        if (mount_parse(line, &m) < 0 || strncmp(m.type, "cgroup", 6) != 0 ||
            snprintf(dir, sizeof(dir), "%s%s", m.where, path) >=
                (int)sizeof(dir))
            continue;
        if (rmdir(dir) < 0 && errno != ENOENT)
            r = -errno;
    }
    return r;
}
