// SPDX-License-Identifier: ISC
// Secrets: environment variables that only the node can read.
//
// A node has an X25519 key for them, beside its identity, which certifies it.
// A client seals NAME=value strings to that key (libsodium's sealed box) and
// puts them into the manifest; the keeper, which alone holds the secret half,
// opens them when the domain is started. What is sealed begins with the
// customer's key: copied into another customer's bundle it is worth nothing.
//
//     "hostel secrets v1" 0 || customer's key || NAME=value 0 ...
//
// The identity key signs (Ed25519): "hostel secrets key v1" || public key.

#ifndef BUNDLE_SECRETS_H
#define BUNDLE_SECRETS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "node-agent/bundle/manifest.h"

#define SECRETS_SIGNATURE_BYTES 64

struct secrets_key {
    uint8_t secret[32], public_key[32];
};

void secrets_key_make(struct secrets_key *k);

// The public half of a secret one.
void secrets_key_public(struct secrets_key *k);

// node_secret is the identity in libsodium's 64-byte form.
void secrets_key_certify(const uint8_t public_key[32],
                         const uint8_t node_secret[64],
                         uint8_t signature[SECRETS_SIGNATURE_BYTES]);
int secrets_key_verify(const uint8_t public_key[32],
                       const uint8_t signature[SECRETS_SIGNATURE_BYTES],
                       const uint8_t node_id[32], struct err *e);

// Appends the sealed strings to out. -EINVAL for what is not NAME=value.
int secrets_seal(const char *const *env, size_t n, const uint8_t customer[32],
                 const uint8_t public_key[32], struct buf *out, struct err *e);

// Opens what a manifest holds: appends n strings, each with its 0, to out,
// which the caller overwrites (secrets_forget) when done. Nothing is there to
// open: n is 0. -EINVAL with a sentence for the customer, which tells nothing
// of what is inside.
int secrets_open(const struct manifest *m, const struct secrets_key *key,
                 struct buf *out, size_t *n, struct err *e);
void secrets_forget(struct buf *b); // and frees it

#endif
