// SPDX-License-Identifier: ISC
// Writing a bundle; the format is described in bundle.c.
//
// Files are read twice: once for their digests, which the manifest holds and
// the signature covers, and once to be written. One that changed in between
// fails the second time, rather than give a bundle that a node refuses.

#include "node-agent/bundle/bundle.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "node-agent/bundle/signature.h"

#define PIECE_BYTES 65536

// What a pass over a file finds; with out >= 0 it is copied there.
struct pass {
    uint64_t size;
    uint8_t digest[DIGEST_BYTES];
};

static int pass_fd(int fd, const char *path, int out, struct pass *p,
                   struct err *e)
{
    cleanup_free uint8_t *piece = malloc(PIECE_BYTES);
    crypto_generichash_state st;
    ssize_t n;

    if (!piece)
        return err_set(e, ENOMEM, "no memory to read %s", path);
    crypto_generichash_init(&st, NULL, 0, DIGEST_BYTES);
    p->size = 0;
    while ((n = read_full(fd, piece, PIECE_BYTES)) > 0) {
        crypto_generichash_update(&st, piece, n);
        p->size += n;
        if (p->size > BUNDLE_FILES_BYTES_MAX)
            return err_set(e, E2BIG,
                           "%s is larger than the %llu bytes a bundle may "
                           "hold",
                           path, BUNDLE_FILES_BYTES_MAX);
        if (out >= 0) {
            int r = write_full(out, piece, n);

            if (r < 0) {
                errno = -r;
                return err_errno(e, "writing the bundle");
            }
        }
    }
    if (n < 0) {
        errno = -n;
        return err_errno(e, "reading %s", path);
    }
    crypto_generichash_final(&st, p->digest, sizeof(p->digest));
    return 0;
}

static int pass(const struct manifest_file *f, const struct bundle_source *s,
                int out, struct pass *p, struct err *e)
{
    cleanup_close int fd = -1;
    struct stat st;
    int r;

    if (!s->host_path) {
        p->size = f->size;
        manifest_digest(s->data, f->size, p->digest);
        r = out < 0 ? 0 : write_full(out, s->data, f->size);
        if (r == 0)
            return 0;
        errno = -r;
        return err_errno(e, "writing the bundle");
    }
    // Not blocking: a pipe in the folder must not hang us before it is seen.
    fd = open(s->host_path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(e, "%s", s->host_path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, EINVAL, "%s is not a regular file", s->host_path);
    return pass_fd(fd, s->host_path, out, p, e);
}

static int write_part(int fd, const void *data, size_t len, struct err *e)
{
    int r = write_full(fd, data, len);

    if (r == 0)
        return 0;
    errno = -r;
    return err_errno(e, "writing the bundle");
}

static int write_length(int fd, size_t len, struct err *e)
{
    uint8_t le[4] = {len, len >> 8, len >> 16, len >> 24};

    return write_part(fd, le, sizeof(le), e);
}

static int write_head(int fd, const struct manifest *m, const struct seckey *sk,
                      struct err *e)
{
    cleanup_buf struct buf bytes = BUF_INIT(MANIFEST_MAX);
    cleanup_buf struct buf sig = BUF_INIT(SIGNATURE_MAX);
    char trusted[TRUSTED_COMMENT_MAX + 1];
    int r = manifest_encode(m, &bytes, e);

    if (r < 0)
        return r;
    snprintf(trusted, sizeof(trusted),
             "hostel bundle %s, valid from %" PRIu64 " to %" PRIu64, m->name,
             m->not_before_s, m->expires_s);
    if ((r = signature_make(sk, bytes.data, bytes.len, trusted, &sig, e)) < 0 ||
        (r = write_part(fd, BUNDLE_MAGIC, 8, e)) < 0 ||
        (r = write_length(fd, bytes.len, e)) < 0 ||
        (r = write_part(fd, bytes.data, bytes.len, e)) < 0 ||
        (r = write_length(fd, sig.len, e)) < 0)
        return r;
    return write_part(fd, sig.data, sig.len, e);
}

int bundle_write(int fd, struct manifest *m, const struct bundle_source *from,
                 const struct seckey *sk, struct err *e)
{
    struct pubkey pk;
    struct pass p;
    int r;

    key_public(sk, &pk);
    memcpy(m->customer, pk.key, sizeof(m->customer));
    memcpy(m->customer_key_id, pk.number, sizeof(m->customer_key_id));
    for (size_t i = 0; i < m->nfiles; i++) {
        r = pass(&m->file[i], &from[i], -1, &p, e);
        if (r < 0)
            return r;
        m->file[i].size = p.size;
        memcpy(m->file[i].digest, p.digest, sizeof(p.digest));
    }
    r = write_head(fd, m, sk, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < m->nfiles; i++) {
        r = pass(&m->file[i], &from[i], fd, &p, e);
        if (r < 0)
            return r;
        if (p.size != m->file[i].size ||
            memcmp(p.digest, m->file[i].digest, sizeof(p.digest)) != 0)
            return err_set(e, EAGAIN,
                           "%s changed while the bundle was made; make it "
                           "again",
                           from[i].host_path);
    }
    return 0;
}
