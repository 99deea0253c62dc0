// SPDX-License-Identifier: ISC
// Bundles: writing one, and reading one as it arrives. bundle.c describes the
// format.
//
//     struct bundle_reader *r = bundle_reader_new(&handler, ctx);
//     while ((n = read(fd, piece, sizeof(piece))) > 0)
//         if (bundle_reader_feed(r, piece, n, &e) < 0)
//             ...
//     if (bundle_reader_end(r, &e) < 0)
//         ...
//     bundle_reader_free(r);
//
// No byte of a file is handed out before the manifest's signature was found
// good; that the file is the one signed is known only at its end, so what a
// handler does with the bytes must be undoable until file_end.

#ifndef BUNDLE_BUNDLE_H
#define BUNDLE_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "node-agent/bundle/key.h"
#include "node-agent/bundle/manifest.h"

#define BUNDLE_MAGIC "HOSTELB1"

// Each may be NULL and returns 0, or a negative code with the sentence in e,
// which ends the reading and is what feed returns.
struct bundle_handler {
    // The signature is good. Whether the node wants the bundle is asked
    // here: audience, time, quota; see manifest_admit.
    int (*manifest)(void *ctx, const struct manifest *m, struct err *e);

    // The next bytes of file i; never called for an empty file.
    int (*file_data)(void *ctx, size_t i, const void *data, size_t len,
                     struct err *e);

    // File i is whole and has the signed digest.
    int (*file_end)(void *ctx, size_t i, struct err *e);

    // Whoever reads passes the bundle on to a reader that verifies all of it.
    // Then this one looks at the form and at who has signed the manifest, but
    // neither at files' digests nor at the signature's trusted comment.
    bool relays;
};

struct bundle_reader;

// NULL: no memory. The handler is kept by reference.
struct bundle_reader *bundle_reader_new(const struct bundle_handler *h,
                                        void *ctx);
void bundle_reader_free(struct bundle_reader *r);

// The next bytes of the bundle, in pieces of any size. Bytes after the end
// are an error. Once it failed it fails always, with the same sentence.
int bundle_reader_feed(struct bundle_reader *r, const void *data, size_t len,
                       struct err *e);

// No more bytes come: an error if the bundle is not whole.
int bundle_reader_end(struct bundle_reader *r, struct err *e);
bool bundle_reader_complete(const struct bundle_reader *r);

// Valid from the manifest handler on, while the reader lives. The bytes are
// what was signed, for storing and for submission_id.
const struct manifest *bundle_reader_manifest(const struct bundle_reader *r);
const struct buf *bundle_reader_manifest_bytes(const struct bundle_reader *r);
const struct buf *bundle_reader_signature(const struct bundle_reader *r);
void bundle_reader_digest(const struct bundle_reader *r,
                          uint8_t out[DIGEST_BYTES]);

// Where in the bundle file i begins.
uint64_t bundle_reader_file_at(const struct bundle_reader *r, size_t i);

// Feeds a whole descriptor, from where it stands to its end.
int bundle_read_fd(struct bundle_reader *r, int fd, struct err *e);

// Where the writer finds the contents of a file.
struct bundle_source {
    const char *host_path; // NULL: the data below
    const void *data;
};

// Writes a bundle. In m->file size and digest are filled in from the
// sources, customer and its number from the key; the rest is the caller's.
int bundle_write(int fd, struct manifest *m, const struct bundle_source *from,
                 const struct seckey *sk, struct err *e);

#endif
