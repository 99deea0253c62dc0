// SPDX-License-Identifier: ISC
// Writer of cpio archives; see cpio.h.

#include "node-agent/bundle/cpio.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/io.h"

#define PIECE_BYTES 65536

static void put(struct cpio *c, const void *data, size_t len)
{
    if (c->failed == 0)
        c->failed = write_full(c->fd, data, len);
    c->at += len;
}

static void pad(struct cpio *c)
{
    put(c, "\0\0\0", -c->at & 3);
}

static void header(struct cpio *c, const char *path, uint32_t mode,
                   uint32_t links, uint32_t size)
{
    char text[111];

    assert(c->left == 0);
    // inode, mode, uid, gid, links, time, size, device and special device
    // (major, minor each), length of the name, checksum (none in newc)
    snprintf(text, sizeof(text),
             "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
             ++c->entries, mode, 0, 0, links, 0, size, 0, 0, 0, 0,
             (unsigned)strlen(path) + 1, 0);
    put(c, text, sizeof(text) - 1);
    put(c, path, strlen(path) + 1);
    pad(c);
    c->left = size;
}

void cpio_open(struct cpio *c, int fd)
{
    *c = (struct cpio){.fd = fd};
}

void cpio_folder(struct cpio *c, const char *path)
{
    header(c, path, S_IFDIR | 0755, 2, 0);
}

void cpio_file(struct cpio *c, const char *path, uint32_t mode, uint32_t size)
{
    header(c, path, S_IFREG | (mode & 0777), 1, size);
}

void cpio_data(struct cpio *c, const void *data, size_t len)
{
    assert(len <= c->left);
    put(c, data, len);
    c->left -= len;
    if (c->left == 0)
        pad(c);
}

int cpio_close(struct cpio *c)
{
    header(c, "TRAILER!!!", 0, 1, 0);
    return c->failed;
}

// Has a data file before file i brought the folder path[0..len) with it?
static bool folder_known(const struct manifest *m, size_t i, size_t len)
{
    const char *path = m->file[i].path;

    for (size_t j = 0; j < i; j++)
        if (m->file[j].role == ROLE_DATA &&
            strncmp(m->file[j].path, path, len + 1) == 0)
            return true;
    return false;
}

static void folders_of(struct cpio *c, const struct manifest *m, size_t i)
{
    const char *path = m->file[i].path;
    char folder[BUNDLE_PATH_MAX + 1];

    for (const char *s = strchr(path, '/'); s; s = strchr(s + 1, '/')) {
        if (folder_known(m, i, s - path))
            continue;
        snprintf(folder, sizeof(folder), "%.*s", (int)(s - path), path);
        cpio_folder(c, folder);
    }
}

static int copy_file(struct cpio *c, int fd, uint64_t at, uint64_t size,
                     uint8_t *piece)
{
    while (size) {
        size_t n = size < PIECE_BYTES ? size : PIECE_BYTES;
        ssize_t got = pread_full(fd, piece, n, at);

        if (got < 0 || (size_t)got != n)
            return got < 0 ? got : -EIO;
        cpio_data(c, piece, n);
        at += n;
        size -= n;
    }
    return 0;
}

int cpio_from_bundle(int out, const struct bundle_reader *r, int fd,
                     struct err *e)
{
    const struct manifest *m = bundle_reader_manifest(r);
    cleanup_free uint8_t *piece = malloc(PIECE_BYTES);
    uint64_t at = bundle_reader_file_at(r, 0);
    struct cpio c;
    int n;

    if (!piece)
        return err_set(e, ENOMEM, "no memory for the domain's files");
    cpio_open(&c, out);
    for (size_t i = 0; i < m->nfiles; at += m->file[i++].size) {
        const struct manifest_file *f = &m->file[i];

        if (f->role != ROLE_DATA)
            continue;
        folders_of(&c, m, i);
        cpio_file(&c, f->path, f->mode, f->size);
        n = copy_file(&c, fd, at, f->size, piece);
        if (n < 0) {
            errno = -n;
            return err_errno(e, "reading %s from the bundle", f->path);
        }
    }
    n = cpio_close(&c);
    if (n < 0) {
        errno = -n;
        return err_errno(e, "writing the domain's files");
    }
    return 0;
}
