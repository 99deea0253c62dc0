// SPDX-License-Identifier: ISC
// Signatures in minisign's prehashed format, which `minisign -V` verifies:
//
//     untrusted comment: COMMENT
//     base64("ED" number[8] Ed25519(BLAKE2b-512(data))[64])
//     trusted comment: TRUSTED
//     base64(Ed25519(signature[64] TRUSTED)[64])
//
// Of all texts that minisign would accept for one signature we accept one:
// the untrusted comment must be ours, lines end in \n, base64 is canonical.
// So whoever changes any byte of a signature file breaks it.

#ifndef BUNDLE_SIGNATURE_H
#define BUNDLE_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "node-agent/bundle/key.h"

// `minisign -S -c "hostel signature"` makes signatures we accept.
#define SIGNATURE_COMMENT "hostel signature"

// Appends the signature file of data to out. trusted is plain text of at
// most TRUSTED_COMMENT_MAX bytes.
int signature_make(const struct seckey *sk, const void *data, size_t len,
                   const char *trusted, struct buf *out, struct err *e);

// Verifies a signature file. `what` names the data in sentences. trusted
// receives the trusted comment; may be NULL.
int signature_verify(const struct pubkey *pk, const char *what,
                     const void *data, size_t len, const char *text,
                     size_t text_len, char trusted[TRUSTED_COMMENT_MAX + 1],
                     struct err *e);

// The same but for the trusted comment, which may be anybody's: enough to know
// who has signed the data, at half the cost, for whoever passes both on to
// somebody who verifies all of it.
int signature_verify_data(const struct pubkey *pk, const char *what,
                          const void *data, size_t len, const char *text,
                          size_t text_len, struct err *e);

#endif
