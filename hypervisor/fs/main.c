// SPDX-License-Identifier: ISC
// hostel-fs: serves a volume to a domain; contract.h says how it is started.

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hypervisor/fs/confine.h"
#include "hypervisor/fs/contract.h"
#include "hypervisor/fs/job.h"
#include "hypervisor/fs/node.h"
#include "hypervisor/fs/server.h"
#include "lib/log.h"

struct options {
    int64_t socket_fd, dir_fd, page_fd, meter_fd; // -1: not given
    int64_t uid, gid, quota_bytes, quota_files;
    bool read_only, shared;
};

#define PAGE_LEN 4096u

static const struct option long_options[] = {
    {"socket", required_argument, NULL, 's'},
    {"dir", required_argument, NULL, 'd'},
    {"page", required_argument, NULL, 'p'},
    {"meter", required_argument, NULL, 'm'},
    {"uid", required_argument, NULL, 'u'},
    {"gid", required_argument, NULL, 'g'},
    {"quota-bytes", required_argument, NULL, 'b'},
    {"quota-files", required_argument, NULL, 'f'},
    {"read-only", no_argument, NULL, 'r'},
    {"shared", no_argument, NULL, 'S'},
    {0},
};

static void usage(void)
{
    fputs("usage: hostel-fs --socket FD --dir FD [--uid N --gid N] "
          "[--read-only]\n"
          "                 [--shared] [--quota-bytes N] [--quota-files N]\n"
          "                 [--page FD] [--meter FD]\n",
          stderr);
    exit(1);
}

static int64_t number(const char *text, int64_t most)
{
    char *end;
    long long v;

    errno = 0;
    v = strtoll(text, &end, 10);
    if (errno || *end || end == text || v < 0 || v > most) {
        log_error("%s is not a number from 0 to %lld", text, (long long)most);
        exit(1);
    }
    return v;
}

static int64_t *number_of(struct options *o, int c)
{
    switch (c) {
    case 's':
        return &o->socket_fd;
    case 'd':
        return &o->dir_fd;
    case 'p':
        return &o->page_fd;
    case 'm':
        return &o->meter_fd;
    case 'u':
        return &o->uid;
    case 'g':
        return &o->gid;
    case 'b':
        return &o->quota_bytes;
    case 'f':
        return &o->quota_files;
    default:
        return NULL;
    }
}

static void parse(struct options *o, int argc, char **argv)
{
    int c;

    *o = (struct options){.socket_fd = -1,
                          .dir_fd = -1,
                          .page_fd = -1,
                          .meter_fd = -1,
                          .uid = -1,
                          .gid = -1};
    while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        int64_t *to = number_of(o, c);

        if (to)
            *to = number(optarg, c == 'b' || c == 'f' ? INT64_MAX : INT32_MAX);
        else if (c == 'r')
            o->read_only = true;
        else if (c == 'S')
            o->shared = true;
        else
            usage();
    }
    if (optind != argc || o->socket_fd < 0 || o->dir_fd < 0 ||
        (o->uid < 0) != (o->gid < 0))
        usage();
}

static int check(const struct options *o, struct err *e)
{
    struct stat st;
    int type;
    socklen_t len = sizeof(type);

    if (getsockopt((int)o->socket_fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
        type != SOCK_STREAM)
        return err_set(e, EINVAL, "--socket: it is no stream socket");
    if (fstat((int)o->dir_fd, &st) < 0 || !S_ISDIR(st.st_mode))
        return err_set(e, ENOTDIR, "--dir: it is no folder");
    if (geteuid() == 0 && o->uid < 0)
        return err_set(e, EINVAL,
                       "--uid: started by root, it must be told who to be");
    if (o->shared && (o->quota_bytes || o->quota_files) && o->page_fd < 0 &&
        !o->read_only)
        return err_set(e, EINVAL,
                       "--page: a quota that others share needs the volume's "
                       "page");
    return 0;
}

// What was not given to us is not ours to keep.
static void close_others(const struct options *o)
{
    const int64_t keep[] = {o->socket_fd, o->dir_fd, o->page_fd, o->meter_fd};
    unsigned from = 3;

    // The gaps between them, from the lowest on.
    for (;;) {
        int64_t next = INT64_MAX;

        for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++)
            if (keep[i] >= from && keep[i] < next)
                next = keep[i];
        if (next == INT64_MAX)
            break;
        if (next > from)
            close_range(from, (unsigned)next - 1, 0);
        from = (unsigned)next + 1;
    }
    close_range(from, ~0u, 0);
}

static void *map_page(int64_t fd, const char *option, struct err *e)
{
    struct stat st;
    void *at;

    if (fd < 0) {
        at = mmap(NULL, PAGE_LEN, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    } else if (fstat((int)fd, &st) < 0 || st.st_size < PAGE_LEN) {
        err_set(e, EINVAL, "%s: it is not a page long", option);
        return NULL;
    } else {
        at = mmap(NULL, PAGE_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd,
                  0);
    }
    if (at != MAP_FAILED)
        return at;
    err_errno(e, "%s", option);
    return NULL;
}

static int start(struct fs *fs, const struct options *o, struct err *e)
{
    int root_fd, jobs_fd, r;

    *fs = (struct fs){.read_only = o->read_only,
                      .shared = o->shared,
                      .quota_bytes = (uint64_t)o->quota_bytes,
                      .quota_files = (uint64_t)o->quota_files,
                      .counts =
                          o->page_fd >= 0 || o->quota_bytes || o->quota_files,
                      .page_fd = (int)o->page_fd};
    fs->page = map_page(o->page_fd, "--page", e);
    if (!fs->page)
        return -e->code;
    fs->meter = map_page(o->meter_fd, "--meter", e);
    if (!fs->meter)
        return -e->code;
    fs->meter->magic = FS_METER_MAGIC;
    root_fd = confine_root((int)o->dir_fd, o->read_only, e);
    if (root_fd < 0 || confine_identity(o->uid, o->gid, e) < 0)
        return -e->code;
    r = nodes_init(root_fd);
    if (r < 0)
        return err_set(e, -r, "the volume's folder: %s", strerror(-r));
    jobs_fd = jobs_start();
    if (jobs_fd < 0)
        return err_set(e, -jobs_fd, "starting threads: %s", strerror(-jobs_fd));
    if (confine_calls(e) < 0)
        return -e->code;
    return jobs_fd;
}

int main(int argc, char **argv)
{
    struct options o;
    struct err e = {0};
    struct fs fs;
    const char *why;
    int jobs_fd;

    log_open("hostel-fs");
    parse(&o, argc, argv);
    if (check(&o, &e) < 0) {
        log_error("%s", e.text);
        return 1;
    }
    close_others(&o);
    jobs_fd = start(&fs, &o, &e);
    if (jobs_fd < 0) {
        log_error("%s", e.text);
        return 1;
    }
    if (server_run(&fs, (int)o.socket_fd, jobs_fd, &why) == 0)
        return 0;
    log_error("left: %s", why);
    return 2;
}
