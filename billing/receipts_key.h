// SPDX-License-Identifier: ISC
// The key that signs batches, and the certificate by which the node's identity
// key vouches for it. Only the ledger role holds the secret half.
#ifndef BILLING_RECEIPTS_KEY_H
#define BILLING_RECEIPTS_KEY_H

#include <stddef.h>
#include <stdint.h>
#include "lib/err.h"

// The identity key signs (Ed25519, not prehashed):
//   "hostel receipts key v1" || public_key || not_before_s || not_after_s
// with the two times as 8 bytes, little endian, seconds since 1970.
#define KEY_CERT_CONTEXT "hostel receipts key v1"

struct key_cert {
    uint8_t node_id[32];    // the identity key that signed
    uint8_t public_key[32]; // the receipts key
    uint64_t not_before_s;
    uint64_t not_after_s;
    uint8_t signature[64];
};

struct receipts_key {
    uint8_t secret[64]; // libsodium's form: seed || public key
    struct key_cert cert;
};

// Fills `cert` for a receipts key; `node_secret` is the identity key in
// libsodium's 64-byte form. 0 or -EINVAL (times out of order).
int key_cert_sign(struct key_cert *cert, const uint8_t node_secret[64],
                  const uint8_t public_key[32], uint64_t not_before_s,
                  uint64_t not_after_s, struct err *e);

// 0 if `cert` is signed by `node_id`, else -EBADMSG.
int key_cert_verify(const struct key_cert *cert, const uint8_t node_id[32],
                    struct err *e);

// Makes a new receipts key, certified for `valid_s` seconds from `now_s`, and
// for RECEIPTS_KEY_SKEW_S before, since a clock may be set back a little.
#define RECEIPTS_KEY_SKEW_S 300
int receipts_key_make(struct receipts_key *key, const uint8_t node_secret[64],
                      uint64_t now_s, uint64_t valid_s, struct err *e);

// The certificate as it is published: canonical protobuf (KeyCert of
// proto/receipt.proto). Writes at most KEY_CERT_MAX bytes, returns how many.
#define KEY_CERT_MAX 256
size_t key_cert_pack(const struct key_cert *cert, uint8_t out[KEY_CERT_MAX]);

// Reads it; every other form is refused (-EBADMSG). The signature is not
// checked here.
int key_cert_unpack(struct key_cert *cert, const uint8_t *bytes, size_t len,
                    struct err *e);

#endif
