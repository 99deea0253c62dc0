// SPDX-License-Identifier: ISC
/*
 * The builder role without the rest of the agent, for tests of hostile
 * builds:
 *
 *     builder-try [-c CPU-MS] [-w WALL-MS] [-m MIB] [-n SLOTS] [-o OPTION]...
 *                 [-k MS] [-u UID-BASE] TOOLCHAIN SCRATCH DIR...
 *
 * Makes a signed bundle of each folder DIR, all files being sources, hands
 * them to one builder with SLOTS slots, as many at once, and prints a line a
 * folder:
 *
 *     DIR OUTCOME IMAGE-DIGEST CPU-MS WALL-MS TEXT
 *
 * The image and the log are left in SCRATCH as NUMBER.image and NUMBER.log.
 * With -k the builder is killed after so many milliseconds instead. Two at once
 * need two UID-BASEs; the cgroup is /hostel-try-UID-BASE.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/sock.h"
#include "node-agent/agent/ipc.h"
#include "node-agent/agent/roles.h"
#include "node-agent/bundle/bundle.h"
#include "node-agent/spawner/cgroup.h"

#define DIRS_MAX 64

static struct node_config cfg;
static uint64_t cpu_ms = 20000, kill_ms;
static const char *options[OPTIONS_MAX];
static size_t noptions;
static const char *scratch;

/* ------------------------------------------------------------------ bundle */

struct tree {
    struct manifest_file file[BUNDLE_FILES_MAX];
    struct bundle_source from[BUNDLE_FILES_MAX];
    size_t n;
};

static void tree_read(struct tree *t, const char *host, const char *inside)
{
    DIR *d = opendir(host);
    struct dirent *entry;

    if (!d)
        err(1, "%s", host);
    while ((entry = readdir(d))) {
        char *path, *name;
        struct stat st;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (asprintf(&path, "%s/%s", host, entry->d_name) < 0 ||
            asprintf(&name, "%s%s", inside, entry->d_name) < 0)
            err(1, "memory");
        if (stat(path, &st) < 0)
            err(1, "%s", path);
        if (S_ISDIR(st.st_mode)) {
            if (asprintf(&name, "%s%s/", inside, entry->d_name) < 0)
                err(1, "memory");
            tree_read(t, path, name);
            continue;
        }
        if (t->n == BUNDLE_FILES_MAX)
            errx(1, "too many files");
        t->from[t->n].host_path = path;
        t->file[t->n++] = (struct manifest_file){
            .path = name, .role = ROLE_SOURCE, .mode = 0644};
    }
    closedir(d);
}

static int bundle_make(const char *dir)
{
    static struct tree t;
    struct seckey sk;
    struct err e;
    int fd = memfd_create("bundle", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct manifest m = {
        .kind = KIND_SOURCE,
        .name = "try",
        .memory_kib = 65536,
        .cpu_ns = 1000000000,
        .wall_ns = 1000000000,
        .build_cpu_ns = cpu_ms * 1000000,
        .currency = "",
        .not_before_s = (uint64_t)time(NULL),
        .expires_s = (uint64_t)time(NULL) + 3600,
        .option = options,
        .noptions = noptions,
        .file = t.file,
    };

    t.n = 0;
    tree_read(&t, dir, "");
    m.nfiles = t.n;
    key_make(&sk);
    if (fd < 0 || bundle_write(fd, &m, t.from, &sk, &e) < 0)
        errx(1, "%s: %s", dir, e.text);
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) < 0)
        err(1, "sealing");
    return fd;
}

/* ------------------------------------------------------------------ builder */

static pid_t builder_start(int *channel, int *lifeline)
{
    int pair[2], life[2];
    struct err e;
    pid_t pid;

    if (sock_pair(pair) < 0 || sock_pair(life) < 0)
        err(1, "channel");
    pid = fork();
    if (pid < 0)
        err(1, "fork");
    if (pid == 0) {
        int role = fcntl(pair[1], F_DUPFD, 100);
        int line = fcntl(life[0], F_DUPFD, 100);

        for (int fd = 3; fd < 100; fd++)
            close(fd);
        if (dup3(role, ROLE_FD(ROLE_KEEPER), O_CLOEXEC) < 0 ||
            dup3(line, ROLE_LIFELINE_FD, O_CLOEXEC) < 0)
            err(1, "dup");
        close(role);
        close(line);
        log_open("builder");
        if (role_confine(&cfg, ROLE_BUILDER, &e) < 0)
            errx(1, "%s", e.text);
        exit(builder_main(&cfg));
    }
    close(pair[1]);
    close(life[0]);
    *channel = pair[0];
    *lifeline = life[1];
    return pid;
}

static int scratch_open(size_t i, const char *what)
{
    char path[512];
    int fd;

    snprintf(path, sizeof(path), "%s/%zu.%s", scratch, i, what);
    unlink(path);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        err(1, "%s", path);
    return fd;
}

static void build_send(int channel, size_t i, int bundle)
{
    struct msg_build m = {.cpu_ns = cpu_ms * 1000000};
    struct err e;
    int fds[2] = {bundle, scratch_open(i, "log")};

    ipc_head(&m, MSG_BUILD, 0);
    m.id.b[0] = (uint8_t)i;
    m.bundle_len = (uint64_t)lseek(bundle, 0, SEEK_END);
    if (ipc_send(channel, &m.head, fds, 2, &e) < 0)
        errx(1, "%s", e.text);
    close(fds[0]);
    close(fds[1]);
}

static void image_keep(int image, size_t i)
{
    int to = scratch_open(i, "image");
    char piece[65536];
    ssize_t n;

    lseek(image, 0, SEEK_SET);
    while ((n = read(image, piece, sizeof(piece))) > 0)
        write_full(to, piece, (size_t)n);
    close(to);
    close(image);
}

/* Which one it was; n: the builder is gone. */
static size_t build_receive(int channel, char **dirs, size_t n)
{
    union ipc_any any;
    int fds[IPC_FDS_MAX];
    char digest[2 * 32 + 1];
    struct err e;
    size_t i;

    if (ipc_recv(channel, &any, fds, &e) <= 0)
        return n;
    i = any.built.id.b[0];
    if (any.head.type != MSG_BUILT || i >= n)
        errx(1, "the builder sent something else");
    if (fds[0] >= 0)
        image_keep(fds[0], i);
    printf("%s %u %s %llu %llu %s\n", dirs[i], any.built.outcome,
           hex_encode(digest, any.built.image_digest, 32),
           (unsigned long long)any.built.usage.build_cpu_ns / 1000000,
           (unsigned long long)any.built.usage.build_wall_ns / 1000000,
           any.built.text);
    fflush(stdout);
    return i;
}

/* Groups go when they are empty; a killed builder's may take a moment. */
static void groups_remove(void)
{
    struct cgroup_tree tree = CGROUP_TREE_INIT;
    char name[32];
    struct err e;

    if (cgroup_tree_open(&tree, cfg.cgroup_path, &e) < 0)
        errx(1, "%s", e.text);
    for (unsigned i = 0; i < cfg.build_slots; i++) {
        snprintf(name, sizeof(name), "build-%u", i);
        for (int tries = 0; cgroup_remove(&tree, name) < 0; tries++) {
            if (tries == 1000)
                errx(1, "processes are left in %s", name);
            usleep(10000);
        }
    }
    cgroup_tree_close(&tree);
    cgroup_tree_remove(cfg.cgroup_path);
}

static void usage(void)
{
    fprintf(stderr, "usage: builder-try [-c CPU-MS] [-w WALL-MS] [-m MIB] "
                    "[-n SLOTS] [-o OPTION] [-k MS] [-u UID-BASE] TOOLCHAIN "
                    "SCRATCH DIR...\n");
    exit(2);
}

static int options_read(int argc, char **argv)
{
    int c;

    cfg.size = sizeof(cfg);
    cfg.uid_base = UID_BASE_DEFAULT + 65536; /* not a real node's */
    cfg.build_slots = 1;
    cfg.build_memory_kib = 512 << 10;
    cfg.build_wall_ns = 60000000000;
    while ((c = getopt(argc, argv, "c:w:m:n:o:k:u:")) >= 0) {
        switch (c) {
        case 'c':
            cpu_ms = strtoull(optarg, NULL, 10);
            break;
        case 'w':
            cfg.build_wall_ns = strtoull(optarg, NULL, 10) * 1000000;
            break;
        case 'm':
            cfg.build_memory_kib = strtoull(optarg, NULL, 10) << 10;
            break;
        case 'n':
            cfg.build_slots = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'o':
            options[noptions++] = optarg;
            break;
        case 'k':
            kill_ms = strtoull(optarg, NULL, 10);
            break;
        case 'u':
            cfg.uid_base = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        default:
            usage();
        }
    }
    if (argc - optind < 3 || argc - optind - 2 > DIRS_MAX)
        usage();
    return optind;
}

int main(int argc, char **argv)
{
    int at = options_read(argc, argv), channel, lifeline, status;
    int bundles[DIRS_MAX];
    size_t n = (size_t)(argc - at - 2), sent = 0, done = 0;
    char **dirs = argv + at + 2, *toolchain, *own;
    struct err e;
    pid_t pid;

    toolchain = realpath(argv[at], NULL);
    if (!toolchain)
        err(1, "%s", argv[at]);
    snprintf(cfg.toolchain_dir, sizeof(cfg.toolchain_dir), "%s", toolchain);
    scratch = argv[at + 1];
    snprintf(cfg.run_dir, sizeof(cfg.run_dir), "%s", scratch);
    snprintf(cfg.state_dir, sizeof(cfg.state_dir), "%s", scratch);
    if (asprintf(&own, "%s/builder", scratch) < 0 ||
        (mkdir(own, 0700) < 0 && errno != EEXIST))
        err(1, "%s", scratch);
    snprintf(cfg.cgroup_path, sizeof(cfg.cgroup_path), "/hostel-try-%u",
             cfg.uid_base);
    if (key_init(&e) < 0)
        errx(1, "%s", e.text);
    for (size_t i = 0; i < n; i++)
        bundles[i] = bundle_make(dirs[i]);
    pid = builder_start(&channel, &lifeline);
    while (done < n) {
        while (sent < n && sent - done < cfg.build_slots) {
            build_send(channel, sent, bundles[sent]);
            sent++;
        }
        if (kill_ms) {
            usleep((useconds_t)kill_ms * 1000);
            kill(pid, SIGKILL);
            break;
        }
        if (build_receive(channel, dirs, n) == n)
            break;
        done++;
    }
    close(lifeline);
    waitpid(pid, &status, 0);
    groups_remove();
    if (done < n && !kill_ms)
        errx(1, "the builder is gone");
    return kill_ms ? 0 : status != 0;
}
