// SPDX-License-Identifier: ISC
// Control groups against folders that look like them: which version is
// chosen, which files are read and written, and that nonsense in a file is an
// error and not a number. The kernel's own are used by tests/domain/slots.

#include "node-agent/spawner/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/io.h"
#include "tests/unit/lib_check.h"

static char top[] = "/tmp/cgroup_test.XXXXXX";

__attribute__((format(printf, 2, 3))) static void put(const char *text,
                                                      const char *path, ...)
{
    char name[PATH_MAX], full[PATH_MAX + 64], *slash;
    struct err e;
    va_list ap;
    int fd;

    va_start(ap, path);
    vsnprintf(name, sizeof(name), path, ap);
    va_end(ap);
    snprintf(full, sizeof(full), "%s/%s", top, name);
    slash = strrchr(full, '/');
    *slash = 0;
    CHECK(dir_make(full, 0755, &e) == 0);
    *slash = '/';
    fd = open(full, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0 && write_full(fd, text, strlen(text)) == 0);
    close(fd);
}

static const char *get(const char *path)
{
    static char text[256];
    char full[PATH_MAX];
    int fd, n;

    snprintf(full, sizeof(full), "%s/%s", top, path);
    fd = open(full, O_RDONLY);
    CHECK(fd >= 0);
    n = read(fd, text, sizeof(text) - 1);
    CHECK(n >= 0);
    text[n] = 0;
    close(fd);
    return text;
}

#define LINE_V2 "41 31 0:38 / /v2 rw,relatime shared:9 - cgroup2 cgroup2 rw\n"
#define LINES_V1                                                               \
    "30 1 8:1 / / rw - ext4 /dev/sda rw\n"                                     \
    "32 31 0:29 / /v1/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"                 \
    "34 31 0:31 / /v1/cpuset rw - cgroup cgroup rw,cpuset\n"                   \
    "35 31 0:32 / /v1/memory rw master:3 - cgroup cgroup rw,memory\n"
#define LINE_PIDS "39 31 0:36 / /v1/pids rw - cgroup cgroup rw,pids\n"

static void versions(void)
{
    struct cgroup_tree t;
    struct err e = {0};

    put("cpuset cpu io memory pids\n", "v2/cgroup.controllers");
    put("", "v2/cgroup.subtree_control");
    put("", "v2/t/cgroup.subtree_control");
    CHECK(cgroup_tree_open_at(&t, LINES_V1 LINE_V2, top, "/t", &e) == 0);
    CHECK(t.version == 2 && t.nroots == 1);
    CHECK(!strcmp(get("v2/cgroup.subtree_control"), "+cpu +memory +pids"));
    CHECK(!strcmp(get("v2/t/cgroup.subtree_control"), "+cpu +memory +pids"));
    cgroup_tree_close(&t);

    /* Mounted, but its controllers are version 1's. */
    put("\n", "v2/cgroup.controllers");
    put("", "v1/cpu/x");
    put("", "v1/memory/x");
    CHECK(cgroup_tree_open_at(&t, LINES_V1 LINE_V2, top, "/t", &e) < 0);
    CHECK(strstr(e.text, "no pids control groups"));
    put("", "v1/pids/x");
    CHECK(cgroup_tree_open_at(&t, LINE_V2 LINES_V1 LINE_PIDS, top, "/t", &e) ==
          0);
    CHECK(t.version == 1 && t.nroots == 3);
    CHECK(t.part[CGROUP_CPU] == t.part[CGROUP_CPUACCT]);
    cgroup_tree_close(&t);

    /* A word that only contains a controller's name is not it. */
    put("cpuset xmemory pidsx\n", "v2/cgroup.controllers");
    CHECK(cgroup_tree_open_at(&t, LINE_V2, top, "/t", &e) < 0);
    CHECK(cgroup_tree_open_at(&t, "", top, "/t", &e) < 0);
    CHECK(cgroup_tree_open_at(&t, " - \n- - -\n1 2 3 - cgroup\n", top, "/t",
                              &e) < 0);
}

static void open_v1(struct cgroup_tree *t)
{
    struct err e = {0};

    CHECK(cgroup_tree_open_at(t, LINES_V1 LINE_PIDS, top, "/t", &e) == 0);
}

static void open_v2(struct cgroup_tree *t)
{
    struct err e = {0};

    put("cpu memory pids\n", "v2/cgroup.controllers");
    CHECK(cgroup_tree_open_at(t, LINE_V2, top, "/t", &e) == 0);
}

// One descriptor to reset it and to read it.
static void kept_peak(const struct cgroup_tree *t)
{
    struct cgroup_kept kept = CGROUP_KEPT_INIT;
    uint64_t v;

    put("8192\n", "v1/memory/t/s/memory.max_usage_in_bytes");
    CHECK(cgroup_peak_reset(t, "s", &kept) == 0);
    CHECK(kept.fd[KEPT_PEAK] >= 0);
    CHECK(!strcmp(get("v1/memory/t/s/memory.max_usage_in_bytes"), "0192\n"));
    CHECK(cgroup_peak_kib(t, "s", &kept, &v) == 0 && v == 1);
    cgroup_kept_drop(&kept);
    CHECK(cgroup_peak_reset(t, "never", &kept) == -ENOENT);
    CHECK(kept.fd[KEPT_PEAK] < 0);
}

static void numbers(void)
{
    static const char *const bad[] = {
        "",         "\n",    "-1\n",
        " 5\n",     "5 \n",  "0x5",
        "5\n\nxx5", "max\n", "18446744073709551616\n"};
    struct cgroup_tree t;
    uint64_t v;

    open_v1(&t);
    CHECK(cgroup_cpu_ns(&t, "s", NULL, &v) == -ENOENT);
    put("18446744073709551615\n", "v1/cpu/t/s/cpuacct.usage");
    CHECK(cgroup_cpu_ns(&t, "s", NULL, &v) == 0 && v == UINT64_MAX);
    put("0", "v1/cpu/t/s/cpuacct.usage");
    CHECK(cgroup_cpu_ns(&t, "s", NULL, &v) == 0 && v == 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put(bad[i], "v1/cpu/t/s/cpuacct.usage");
        CHECK((cgroup_cpu_ns(&t, "s", NULL, &v) == -EBADMSG) == (i != 6));
    }
    put("4097\n", "v1/memory/t/s/memory.max_usage_in_bytes");
    CHECK(cgroup_peak_kib(&t, "s", NULL, &v) == 0 && v == 5);
    CHECK(cgroup_peak_reset(&t, "s", NULL) == 0);
    kept_peak(&t);
    put("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
        "v1/memory/t/s/memory.oom_control");
    CHECK(cgroup_oom_kills(&t, "s", NULL, &v) == 0 && v == 3);
    put("oom_kill_disable 0\n", "v1/memory/t/s/memory.oom_control");
    CHECK(cgroup_oom_kills(&t, "s", NULL, &v) == -ENODATA);
    cgroup_tree_close(&t);

    open_v2(&t);
    put("usage_usec 1234\nuser_usec 5\nsystem_usec 7\n", "v2/t/s/cpu.stat");
    CHECK(cgroup_cpu_ns(&t, "s", NULL, &v) == 0 && v == 1234000);
    put("user_usec 5\nxusage_usec 4\n", "v2/t/s/cpu.stat");
    CHECK(cgroup_cpu_ns(&t, "s", NULL, &v) == -ENODATA);
    put("8192\n", "v2/t/s/memory.current");
    CHECK(cgroup_peak_kib(&t, "s", NULL, &v) == 0 && v == 8);
    put("16384\n", "v2/t/s/memory.peak");
    CHECK(cgroup_peak_kib(&t, "s", NULL, &v) == 0 && v == 16);
    CHECK(cgroup_peak_reset(&t, "s", NULL) == -EOPNOTSUPP);
    put("low 0\nmax 2\noom 1\noom_kill 1\noom_group_kill 0\n",
        "v2/t/s/memory.events");
    CHECK(cgroup_oom_kills(&t, "s", NULL, &v) == 0 && v == 1);
    cgroup_tree_close(&t);
}

static void limits(void)
{
    struct cgroup_limits l = {
        .memory_kib = 65536, .cpu_weight = 100, .pids = 9};
    struct cgroup_tree t;
    struct err e = {0};

    open_v1(&t);
    CHECK(cgroup_limit(&t, "n", &l, &e) == -ENOENT && strstr(e.text, "n"));
    put("", "v1/memory/t/s/memory.limit_in_bytes");
    put("", "v1/memory/t/s/memory.memsw.limit_in_bytes");
    put("", "v1/cpu/t/s/cpu.shares");
    put("", "v1/pids/t/s/pids.max");
    CHECK(cgroup_limit(&t, "s", &l, &e) == 0);
    CHECK(!strcmp(get("v1/memory/t/s/memory.limit_in_bytes"), "67108864"));
    CHECK(
        !strcmp(get("v1/memory/t/s/memory.memsw.limit_in_bytes"), "67108864"));
    CHECK(!strcmp(get("v1/cpu/t/s/cpu.shares"), "1024"));
    CHECK(!strcmp(get("v1/pids/t/s/pids.max"), "9"));
    cgroup_tree_close(&t);

    open_v2(&t);
    put("", "v2/t/s/memory.max");
    put("", "v2/t/s/cpu.weight");
    put("", "v2/t/s/pids.max");
    CHECK(cgroup_limit(&t, "s", &l, &e) == 0);
    CHECK(!strcmp(get("v2/t/s/memory.max"), "67108864"));
    CHECK(!strcmp(get("v2/t/s/cpu.weight"), "100"));
    l = (struct cgroup_limits){0};
    put("", "v2/t/s/memory.max");
    CHECK(cgroup_limit(&t, "s", &l, &e) == 0);
    CHECK(!strcmp(get("v2/t/s/memory.max"), "max"));
    cgroup_tree_close(&t);
}

static void seen(const char *name, void *arg)
{
    CHECK(!strncmp(name, "slot-", 5));
    ++*(int *)arg;
}

static void groups(void)
{
    struct cgroup_tree t;
    struct cgroup_kept kept = CGROUP_KEPT_INIT;
    int n = 0, fds[CGROUP_PARTS];
    struct err e = {0};

    open_v2(&t);
    CHECK(cgroup_make(&t, "slot-1", &e) == 0);
    CHECK(cgroup_make(&t, "slot-1", &e) == 0);
    CHECK(cgroup_make(&t, "slot-22", &e) == 0);
    CHECK(cgroup_make(&t, "build-0", &e) == 0);
    CHECK(cgroup_each(&t, "slot-", seen, &n) == 0 && n == 2);
    put("", "v2/t/slot-1/cgroup.procs");
    CHECK(cgroup_empty(&t, "slot-1") == 1);
    CHECK(cgroup_empty(&t, "never") == 1);
    put("17\n", "v2/t/slot-1/cgroup.procs");
    CHECK(cgroup_empty(&t, "slot-1") == 0);
    CHECK(cgroup_procs(&t, "slot-1", fds, &e) == 1);
    close(fds[0]);
    CHECK(cgroup_procs_kept(&t, "slot-1", &kept, &e) == 1);
    fds[0] = kept.procs[0];
    CHECK(cgroup_procs_kept(&t, "slot-1", &kept, &e) == 1);
    CHECK(kept.procs[0] == fds[0]); // the same, and not opened again
    cgroup_kept_drop(&kept);
    CHECK(kept.nprocs == 0 && fcntl(fds[0], F_GETFD) < 0);
    CHECK(cgroup_procs_kept(&t, "slot-22", &kept, &e) == -ENOENT);
    CHECK(cgroup_procs(&t, "slot-22", fds, &e) == -ENOENT);
    CHECK(cgroup_remove(&t, "slot-22") == 0);
    CHECK(cgroup_remove(&t, "slot-22") == 0);
    CHECK(cgroup_remove(&t, "slot-1") == -ENOTEMPTY);
    cgroup_tree_close(&t);
}

int main(void)
{
    char rm[64];

    CHECK(mkdtemp(top));
    versions();
    numbers();
    limits();
    groups();
    snprintf(rm, sizeof(rm), "rm -r %s", top);
    return system(rm) != 0;
}
