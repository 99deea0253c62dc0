// SPDX-License-Identifier: ISC
// The bundle: a signed manifest and the files it names, framed to stream.
//
//     offset  length
//     0       8       "HOSTELB1"
//     8       4       M: length of the manifest, little endian
//     12      M       the manifest, protobuf (proto/manifest.proto)
//     12+M    4       S: length of the signature, little endian
//     16+M    S       signature file of exactly these M bytes, as minisign
//                     writes it (signature.h), by the key in the manifest
//     16+M+S          contents of each file of the manifest, in its order,
//                     back to back; nothing after the last
//
// A reader needs memory for manifest and signature only, both bounded in
// limits.h, whatever the bundle's size. The key that must have signed is in
// the manifest; its number too, since a signature does not cover the number.
// Every byte of a bundle is thus covered: magic and lengths by being checked,
// manifest and trusted comment by signatures, the rest of the signature file
// by having one accepted form, files by their digests in the manifest.

#include "node-agent/bundle/bundle.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "node-agent/bundle/signature.h"

#define PIECE_BYTES 65536 // read at once; a pipe holds as much

enum reader_state {
    READ_HEAD, // magic and length of the manifest
    READ_MANIFEST,
    READ_LENGTH, // of the signature
    READ_SIGNATURE,
    READ_FILES,
    READ_COMPLETE,
    READ_FAILED,
};

struct bundle_reader {
    const struct bundle_handler *handler;
    void *ctx;
    enum reader_state state;
    size_t need; // bytes that the state waits for, in all
    uint8_t head[12];
    size_t head_len;
    struct buf manifest_bytes, signature;
    struct manifest manifest;
    size_t file;        // the one that is arriving
    uint64_t file_done; // bytes of it
    uint64_t total;     // bytes fed
    crypto_generichash_state hash;
    struct err failure;
};

struct bundle_reader *bundle_reader_new(const struct bundle_handler *h,
                                        void *ctx)
{
    struct bundle_reader *r = calloc(1, sizeof(*r));

    if (!r)
        return NULL;
    r->handler = h;
    r->ctx = ctx;
    r->state = READ_HEAD;
    r->need = 12;
    r->manifest_bytes.max = MANIFEST_MAX;
    r->signature.max = SIGNATURE_MAX;
    return r;
}

void bundle_reader_free(struct bundle_reader *r)
{
    if (!r)
        return;
    manifest_free(&r->manifest);
    buf_free(&r->manifest_bytes);
    buf_free(&r->signature);
    free(r);
}

static uint32_t le32(const uint8_t *p)
{
    return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

// ------------------------------------------------------------------ reading

static int head_done(struct bundle_reader *r, struct err *e)
{
    uint32_t len = le32(r->head + 8);

    if (len == 0 || len > MANIFEST_MAX)
        return err_set(e, E2BIG,
                       "the bundle says that its manifest has %" PRIu32
                       " bytes; it must have 1 to %u",
                       len, MANIFEST_MAX);
    r->state = READ_MANIFEST;
    r->need = len;
    return 0;
}

// Says no at the first wrong byte: a stream of something else is refused
// before it fills a header.
static int head_check(const struct bundle_reader *r, struct err *e)
{
    size_t n = r->head_len < 8 ? r->head_len : 8;

    if (memcmp(r->head, BUNDLE_MAGIC, n) == 0)
        return 0;
    return err_set(e, EINVAL,
                   "this is not a bundle: it does not begin with \"%s\"",
                   BUNDLE_MAGIC);
}

static int length_done(struct bundle_reader *r, struct err *e)
{
    uint32_t len = le32(r->head);

    if (len == 0 || len > SIGNATURE_MAX)
        return err_set(e, E2BIG,
                       "the bundle says that its signature has %" PRIu32
                       " bytes; it must have 1 to %u",
                       len, SIGNATURE_MAX);
    r->state = READ_SIGNATURE;
    r->need = len;
    return 0;
}

static void file_begin(struct bundle_reader *r)
{
    r->file_done = 0;
    crypto_generichash_init(&r->hash, NULL, 0, DIGEST_BYTES);
}

// Closes the current file, if its bytes are all there, and any empty ones
// that follow it.
static int files_advance(struct bundle_reader *r, struct err *e)
{
    const struct manifest *m = &r->manifest;

    while (r->file < m->nfiles && r->file_done == m->file[r->file].size) {
        const struct manifest_file *f = &m->file[r->file];
        uint8_t digest[DIGEST_BYTES];
        int n;

        crypto_generichash_final(&r->hash, digest, sizeof(digest));
        if (!r->handler->relays &&
            memcmp(digest, f->digest, sizeof(digest)) != 0)
            return err_set(e, EACCES,
                           "the file %s is not the one that was signed: the "
                           "bundle was changed or damaged; make it again, or "
                           "send it again",
                           f->path);
        if (r->handler->file_end) {
            n = r->handler->file_end(r->ctx, r->file, e);
            if (n < 0)
                return n;
        }
        r->file++;
        file_begin(r);
    }
    if (r->file == m->nfiles)
        r->state = READ_COMPLETE;
    return 0;
}

static int manifest_done(struct bundle_reader *r, struct err *e)
{
    int n = manifest_decode(r->manifest_bytes.data, r->manifest_bytes.len,
                            &r->manifest, e);

    if (n < 0)
        return n;
    r->state = READ_LENGTH;
    r->need = 4;
    r->head_len = 0;
    return 0;
}

static int signature_done(struct bundle_reader *r, struct err *e)
{
    struct pubkey pk;
    int n;

    memcpy(pk.key, r->manifest.customer, sizeof(pk.key));
    memcpy(pk.number, r->manifest.customer_key_id, sizeof(pk.number));
    if (r->handler->relays)
        n = signature_verify_data(&pk, "the manifest", r->manifest_bytes.data,
                                  r->manifest_bytes.len, buf_str(&r->signature),
                                  r->signature.len, e);
    else
        n = signature_verify(&pk, "the manifest", r->manifest_bytes.data,
                             r->manifest_bytes.len, buf_str(&r->signature),
                             r->signature.len, NULL, e);
    if (n == 0 && r->handler->manifest)
        n = r->handler->manifest(r->ctx, &r->manifest, e);
    if (n < 0)
        return n;
    r->state = READ_FILES;
    r->file = 0;
    file_begin(r);
    return files_advance(r, e);
}

static int feed_file(struct bundle_reader *r, const uint8_t **data, size_t *len,
                     struct err *e)
{
    uint64_t left = r->manifest.file[r->file].size - r->file_done;
    size_t n = *len < left ? *len : left;

    if (!r->handler->relays)
        crypto_generichash_update(&r->hash, *data, n);
    if (r->handler->file_data) {
        int k = r->handler->file_data(r->ctx, r->file, *data, n, e);

        if (k < 0)
            return k;
    }
    r->file_done += n;
    *data += n;
    *len -= n;
    return files_advance(r, e);
}

// Collects into a buffer until the state has what it needs; 1: it has.
static int collect(struct buf *b, size_t need, const uint8_t **data,
                   size_t *len, struct err *e)
{
    size_t n = need - b->len;

    if (n > *len)
        n = *len;
    if (buf_add(b, *data, n) < 0)
        return err_set(e, ENOMEM, "no memory for the bundle's manifest");
    *data += n;
    *len -= n;
    return b->len == need;
}

static int collect_head(struct bundle_reader *r, const uint8_t **data,
                        size_t *len)
{
    size_t n = r->need - r->head_len;

    if (n > *len)
        n = *len;
    memcpy(r->head + r->head_len, *data, n);
    r->head_len += n;
    *data += n;
    *len -= n;
    return r->head_len == r->need;
}

static int feed(struct bundle_reader *r, const uint8_t **data, size_t *len,
                struct err *e)
{
    int n;

    switch (r->state) {
    case READ_HEAD:
        n = collect_head(r, data, len);
        if (head_check(r, e) < 0)
            return -EINVAL;
        return n ? head_done(r, e) : 0;
    case READ_MANIFEST:
        n = collect(&r->manifest_bytes, r->need, data, len, e);
        return n > 0 ? manifest_done(r, e) : n;
    case READ_LENGTH:
        n = collect_head(r, data, len);
        return n ? length_done(r, e) : 0;
    case READ_SIGNATURE:
        n = collect(&r->signature, r->need, data, len, e);
        return n > 0 ? signature_done(r, e) : n;
    case READ_FILES:
        return feed_file(r, data, len, e);
    default:
        return err_set(e, EINVAL,
                       "%zu bytes follow the end of the bundle; nothing may "
                       "follow",
                       *len);
    }
}

int bundle_reader_feed(struct bundle_reader *r, const void *data, size_t len,
                       struct err *e)
{
    const uint8_t *at = data;

    r->total += len;
    while (len && r->state != READ_FAILED) {
        int n = feed(r, &at, &len, &r->failure);

        if (n >= 0)
            continue;
        r->state = READ_FAILED;
        r->failure.code = -n; // a handler may have left it out
    }
    if (r->state != READ_FAILED)
        return 0;
    if (e)
        *e = r->failure;
    return -r->failure.code;
}

bool bundle_reader_complete(const struct bundle_reader *r)
{
    return r->state == READ_COMPLETE;
}

int bundle_reader_end(struct bundle_reader *r, struct err *e)
{
    switch (r->state) {
    case READ_COMPLETE:
        return 0;
    case READ_FAILED:
        break;
    case READ_FILES:
        err_set(&r->failure, EINVAL,
                "the bundle ends after %" PRIu64 " bytes, inside the file %s; "
                "send it whole",
                r->total, r->manifest.file[r->file].path);
        break;
    default:
        err_set(&r->failure, EINVAL,
                "the bundle ends after %" PRIu64 " bytes, before its files; "
                "send it whole",
                r->total);
    }
    r->state = READ_FAILED;
    if (e)
        *e = r->failure;
    return -r->failure.code;
}

const struct manifest *bundle_reader_manifest(const struct bundle_reader *r)
{
    return &r->manifest;
}

const struct buf *bundle_reader_manifest_bytes(const struct bundle_reader *r)
{
    return &r->manifest_bytes;
}

const struct buf *bundle_reader_signature(const struct bundle_reader *r)
{
    return &r->signature;
}

void bundle_reader_digest(const struct bundle_reader *r,
                          uint8_t out[DIGEST_BYTES])
{
    manifest_digest(r->manifest_bytes.data, r->manifest_bytes.len, out);
}

uint64_t bundle_reader_file_at(const struct bundle_reader *r, size_t i)
{
    uint64_t at = 16 + r->manifest_bytes.len + r->signature.len;

    while (i-- > 0)
        at += r->manifest.file[i].size;
    return at;
}

int bundle_read_fd(struct bundle_reader *r, int fd, struct err *e)
{
    cleanup_free uint8_t *piece = malloc(PIECE_BYTES);
    ssize_t n;

    if (!piece)
        return err_set(e, ENOMEM, "no memory to read a bundle");
    while ((n = read_full(fd, piece, PIECE_BYTES)) > 0) {
        int k = bundle_reader_feed(r, piece, n, e);

        if (k < 0)
            return k;
    }
    if (n < 0) {
        errno = -n;
        return err_errno(e, "reading the bundle");
    }
    return bundle_reader_end(r, e);
}
