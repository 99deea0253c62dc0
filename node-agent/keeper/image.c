// SPDX-License-Identifier: ISC
// Taking over an image from the builder; see image.h.

#include "node-agent/keeper/image.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "lib/cleanup.h"
#include "lib/io.h"
#include "node-agent/bundle/limits.h"

#define PIECE_BYTES 65536

// As large as an image that comes in a bundle.
#define IMAGE_BYTES_MAX BUNDLE_FILES_BYTES_MAX

static int copy(int to, int from, uint8_t digest[32], struct err *e)
{
    cleanup_free uint8_t *piece = malloc(PIECE_BYTES);
    crypto_generichash_state h;
    uint64_t at = 0;
    ssize_t n;
    int r;

    if (!piece)
        return err_set(e, ENOMEM, "no memory for an image");
    crypto_generichash_init(&h, NULL, 0, 32);
    while ((n = pread_full(from, piece, PIECE_BYTES, at)) > 0) {
        at += n;
        if (at > IMAGE_BYTES_MAX)
            return err_set(e, E2BIG, "the image is larger than %llu MiB",
                           IMAGE_BYTES_MAX >> 20);
        crypto_generichash_update(&h, piece, n);
        r = write_full(to, piece, n);
        if (r < 0) {
            errno = -r;
            return err_errno(e, "writing an image");
        }
    }
    if (n < 0) {
        errno = -n;
        return err_errno(e, "reading an image");
    }
    crypto_generichash_final(&h, digest, 32);
    return 0;
}

int image_store(struct store *st, const key_id_t *customer, int fd,
                const uint8_t digest[32], struct err *e)
{
    uint8_t found[32];
    struct draft d;
    int r = store_draft(st, &d, customer, e);

    if (r < 0)
        return r;
    r = copy(d.fd, fd, found, e);
    if (r == 0 && memcmp(found, digest, sizeof(found)))
        r = err_set(e, EBADMSG, "the image is not the one the builder named");
    if (r < 0 || store_has(st, customer, digest)) {
        store_drop(&d);
        return r;
    }
    return store_keep(st, &d, digest, e);
}

int image_put(struct store *st, const key_id_t *customer, int fd,
               uint8_t digest[32], struct err *e)
{
    struct draft d;
    int r = store_draft(st, &d, customer, e);

    if (r < 0)
        return r;
    r = copy(d.fd, fd, digest, e);
    if (r < 0 || store_has(st, customer, digest)) {
        store_drop(&d);
        return r;
    }
    return store_keep(st, &d, digest, e);
}
