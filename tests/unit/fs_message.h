// SPDX-License-Identifier: ISC
// A volume in a folder of its own, asked directly: what a guest would put into
// the ring. Jobs are done at once.
#ifndef TESTS_FS_MESSAGE_H
#define TESTS_FS_MESSAGE_H

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hypervisor/fs/handle.h"
#include "hypervisor/fs/job.h"
#include "hypervisor/fs/message.h"
#include "hypervisor/fs/node.h"
#include "hypervisor/fs/quota.h"

static struct fs_page fs_page;
static struct fs_meter fs_meter;
static struct fs fs = {.page = &fs_page, .page_fd = -1, .meter = &fs_meter};
static struct message fs_message;
static char fs_folder[] = "/tmp/hostel-fs-XXXXXX";
static int fs_folder_fd;

int job_begin(struct message *m, enum job_kind kind, struct handle *h,
              uint64_t offset, size_t len)
{
    (void)m, (void)kind, (void)h, (void)offset, (void)len;
    return -ENOBUFS;
}

static void fs_setup(void)
{
    static uint8_t body[FS_LIST_MAX];

    fs_message.body = body;
    umask(0);
    if (!mkdtemp(fs_folder))
        err(1, "%s", fs_folder);
    fs_folder_fd = open(fs_folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fs_folder_fd < 0 || nodes_init(dup(fs_folder_fd)) < 0)
        errx(1, "%s", fs_folder);
}

static int fs_remove_one(const char *path, const struct stat *st, int kind,
                         struct FTW *f)
{
    (void)st, (void)kind;
    return f->level ? remove(path) : 0;
}

// Everything in it, and what the guest knew of it.
static void fs_clean(void)
{
    handles_drop(&fs);
    nodes_drop();
    nftw(fs_folder, fs_remove_one, 64, FTW_DEPTH | FTW_PHYS);
    memset(&fs_page, 0, sizeof(fs_page));
}

// A chain as the ring would give it, in pieces of at most `piece` bytes.
static void fs_pieces(struct virtq_chain *c, uint8_t *out, size_t out_len,
                      uint8_t *in, size_t in_len, size_t piece)
{
    unsigned n = 0;

    while (out_len / piece + in_len / piece + 2 > HV_CHAIN_MAX)
        piece *= 2;
    for (size_t at = 0; at < out_len; at += piece)
        c->iov[n++] = (struct iovec){
            out + at, out_len - at < piece ? out_len - at : piece};
    c->out = c->iov;
    c->nout = n;
    c->in = c->iov + n;
    for (size_t at = 0; at < in_len; at += piece)
        c->iov[n++] =
            (struct iovec){in + at, in_len - at < piece ? in_len - at : piece};
    c->nin = n - c->nout;
}

#endif
