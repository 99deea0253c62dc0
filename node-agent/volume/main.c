// SPDX-License-Identifier: ISC
// hostel-volume: one job on a volume's files; see contract.h.

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/capability.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/log.h"
#include "lib/sock.h"
#include "node-agent/volume/confine.h"
#include "node-agent/volume/contract.h"
#include "node-agent/volume/pack.h"
#include "node-agent/volume/tree.h"
#include "node-agent/volume/unpack.h"

struct job {
    int64_t report_fd, from_fd, to_fd, stream_fd; // -1: not given
    int64_t uid, quota_bytes, quota_files;
    bool replace;
    struct tree_use use;
};

// ---------------------------------------------------------------------- jobs

static int folder(const char *root, const char *name, struct err *e)
{
    char path[32];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", root, name);
    fd =
        openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? err_errno(e, "the volume's folder %s", name) : fd;
}

// Into a folder beside first, so that an archive that is no good, or not all of
// it, changes nothing.
static int job_unpack(struct job *j, struct err *e)
{
    cleanup_close int data = folder(CONFINE_TO, VOLUME_DATA, e);
    cleanup_close int incoming =
        data < 0 ? -1 : folder(CONFINE_TO, VOLUME_INCOMING, e);
    int r;

    if (incoming < 0)
        return -e->code;
    r = tree_empty(incoming, e); // of one that was cut off
    if (r == 0 && !j->replace)
        r = tree_count(data, &j->use, e);
    j->use.max_bytes = (uint64_t)j->quota_bytes;
    j->use.max_files = (uint64_t)j->quota_files;
    if (r == 0)
        r = unpack((int)j->stream_fd, incoming, &j->use, e);
    if (r == 0 && j->replace)
        r = tree_empty(data, e);
    if (r == 0)
        r = tree_merge(incoming, data, e);
    else
        tree_empty(incoming, NULL);
    if (r == 0 && syncfs(data) < 0)
        r = err_errno(e, "writing the volume to disk");
    return r < 0 ? r : tree_count(data, &j->use, e);
}

static int job_pack(struct job *j, struct err *e)
{
    cleanup_close int data = folder(CONFINE_FROM, VOLUME_DATA, e);

    return data < 0 ? data : pack(data, (int)j->stream_fd, e);
}

static int job_copy(struct job *j, struct err *e)
{
    cleanup_close int from = folder(CONFINE_FROM, VOLUME_DATA, e);
    cleanup_close int to = from < 0 ? -1 : folder(CONFINE_TO, VOLUME_DATA, e);
    int r;

    if (to < 0)
        return -e->code;
    r = tree_empty(to, e); // of a copy that was cut off
    j->use = (struct tree_use){.max_bytes = (uint64_t)j->quota_bytes,
                               .max_files = (uint64_t)j->quota_files};
    if (r == 0)
        r = tree_copy(from, to, &j->use, e);
    if (r == 0 && syncfs(to) < 0)
        r = err_errno(e, "writing the volume to disk");
    return r;
}

static int job_count(struct job *j, struct err *e)
{
    cleanup_close int data = folder(CONFINE_FROM, VOLUME_DATA, e);

    return data < 0 ? data : tree_count(data, &j->use, e);
}

static int job_remove(struct job *j, struct err *e)
{
    cleanup_close int data = folder(CONFINE_TO, VOLUME_DATA, e);
    cleanup_close int incoming =
        data < 0 ? -1 : folder(CONFINE_TO, VOLUME_INCOMING, e);
    int r = incoming < 0 ? -e->code : tree_empty(incoming, e);

    (void)j;
    return r < 0 ? r : tree_empty(data, e);
}

// What each needs, and the one capability that it keeps: files belong to the
// volume's user, but their modes may forbid him what they like.
static const struct kind {
    const char *name;
    bool from, to, stream;
    int capability;
    int (*run)(struct job *j, struct err *e);
} kinds[] = {
    {"unpack", false, true, true, CAP_DAC_OVERRIDE, job_unpack},
    {"pack", true, false, true, CAP_DAC_READ_SEARCH, job_pack},
    {"copy", true, true, false, CAP_DAC_READ_SEARCH, job_copy},
    {"count", true, false, false, CAP_DAC_READ_SEARCH, job_count},
    {"remove", false, true, false, CAP_DAC_OVERRIDE, job_remove},
};

// ------------------------------------------------------------------- options

static void usage(void)
{
    fputs("usage: hostel-volume JOB --report FD --uid N [--from FD] [--to FD]\n"
          "                     [--stream FD] [--quota-bytes N] "
          "[--quota-files N]\n"
          "                     [--replace]\n"
          "hosteld starts it; see hosteld(8).\n",
          stderr);
    exit(2);
}

static int64_t number(const char *text)
{
    char *end;
    long long v;

    errno = 0;
    v = strtoll(text, &end, 10);
    if (errno || *end || end == text || v < 0)
        usage();
    return v;
}

static const struct kind *parse(struct job *j, int argc, char **argv)
{
    const struct option longs[] = {{"report", required_argument, NULL, 0},
                                   {"from", required_argument, NULL, 1},
                                   {"to", required_argument, NULL, 2},
                                   {"stream", required_argument, NULL, 3},
                                   {"uid", required_argument, NULL, 4},
                                   {"quota-bytes", required_argument, NULL, 5},
                                   {"quota-files", required_argument, NULL, 6},
                                   {"replace", no_argument, NULL, 7},
                                   {0}};
    int64_t *const to[] = {&j->report_fd,  &j->from_fd, &j->to_fd,
                           &j->stream_fd,  &j->uid,     &j->quota_bytes,
                           &j->quota_files};
    const struct kind *kind = NULL;
    int c;

    *j = (struct job){-1, -1, -1, -1, -1, 0, 0, false, {0}};
    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (c == 7)
            j->replace = true;
        else if (c >= 0 && c < 7)
            *to[c] = number(optarg);
        else
            usage();
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (optind + 1 == argc && !strcmp(argv[optind], kinds[i].name))
            kind = &kinds[i];
    if (!kind || j->report_fd < 3 || j->uid <= 0 ||
        kind->from != (j->from_fd >= 0) || kind->to != (j->to_fd >= 0) ||
        kind->stream != (j->stream_fd >= 0))
        usage();
    return kind;
}

// ----------------------------------------------------------------- reporting

static uint32_t outcome_of(int r)
{
    switch (r) {
    case 0:
        return VOLUME_DONE;
    case -EINVAL:
    case -ENOSPC: // the quota; that the disk is full is ENOSPC too
    case -EFBIG:
    case -ELOOP:
        return VOLUME_REFUSED;
    case -ECONNABORTED:
    case -EPIPE:
    case -ECONNRESET:
        return VOLUME_CUT;
    }
    return VOLUME_FAILED;
}

static int report(const struct job *j, uint32_t outcome, int r,
                  const struct err *e)
{
    struct volume_report out = {.outcome = outcome,
                                .used_bytes = j->use.bytes,
                                .used_files = j->use.files};

    if (r < 0)
        snprintf(out.text, sizeof(out.text), "%s", e->text);
    return sock_send((int)j->report_fd, &out, sizeof(out), NULL, 0) < 0;
}

int main(int argc, char **argv)
{
    struct err e = {0};
    const struct kind *kind;
    struct job j;
    int r;

    kind = parse(&j, argc, argv);
    // Names are bytes to us; libarchive wants to know which.
    setlocale(LC_CTYPE, "C.UTF-8");
    r = confine_root((int)j.from_fd, (int)j.to_fd, &e);
    if (r == 0)
        r = confine_identity((uid_t)j.uid, kind->capability, &e);
    // After the change of user, which clears it. Whoever started it may be gone
    // already: then the report has nobody to go to, and that is all.
    if (r == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        r = err_errno(&e, "tying the job to its starter");
    if (r == 0)
        r = confine_calls(&e);
    if (r < 0)
        return report(&j, VOLUME_FAILED, r, &e);
    r = kind->run(&j, &e);
    return report(&j, outcome_of(r), r, &e);
}
