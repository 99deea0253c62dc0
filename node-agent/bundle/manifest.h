// SPDX-License-Identifier: ISC
// The manifest: everything a customer asks for and signs.
//
// On the wire it is the protobuf of proto/manifest.proto; this is its checked
// form. Both directions go through the same manifest_check, so what a client
// refuses to sign is what a node refuses to take.
//
// Paths are relative, in UTF-8, of components separated by single slashes;
// no component is "." or "..", nothing holds control characters or
// backslashes, no path occurs twice or is the folder of another.

#ifndef BUNDLE_MANIFEST_H
#define BUNDLE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "node-agent/bundle/limits.h"
#include "node-agent/bundle/net_terms.h"
#include "node-agent/bundle/terms.h"
#include "node-agent/bundle/volumes.h"

#define MANIFEST_TYPE    "hostel bundle manifest"
#define MANIFEST_VERSION 1

#define KEY_BYTES           32 // an Ed25519 public key
#define KEY_ID_BYTES        8
#define DIGEST_BYTES        32 // BLAKE2b-256
#define NONCE_BYTES         16
#define SUBMISSION_ID_BYTES 16

enum manifest_kind {
    KIND_SOURCE = 1, // the node compiles it
    KIND_IMAGE = 2,  // a linked guest, ready to boot
};

enum manifest_role {
    ROLE_SOURCE = 1, // seen by the compiler only; *.c are compiled
    ROLE_DATA = 2,   // a file in the guest's root
    ROLE_IMAGE = 3,  // the guest; exactly one in a bundle of that kind
};

struct manifest_file {
    const char *path;
    uint64_t size;
    uint8_t digest[DIGEST_BYTES];
    enum manifest_role role;
    uint32_t mode; // permission bits; the owner may read
};

struct manifest {
    enum manifest_kind kind;
    const char *name; // for people, and the program's argv[0]
    uint8_t customer[KEY_BYTES];
    uint8_t customer_key_id[KEY_ID_BYTES];
    uint8_t audience[KEY_BYTES]; // the only node that may run it

    size_t nargs, nenv, noptions, nfiles;
    const char **arg;    // after argv[0]
    const char **env;    // NAME=value, each name once
    const char **option; // for the compiler, see options.h; kind source only
    struct manifest_file *file;

    // Hard limits: the domain is stopped, or never started, at any of them.
    uint64_t memory_kib;
    uint64_t cpu_ns, wall_ns;
    uint64_t build_cpu_ns;  // 0 for kind image
    uint64_t console_bytes; // later output is dropped
    uint64_t cost_cap_nano; // 0: whatever the budgets above can cost
    const char *currency;   // of the cap, "EUR"; "": the node's

    size_t purchase_order_len; // 0: from the account's balance
    uint8_t purchase_order[PURCHASE_ORDER_MAX];

    struct run_terms run;
    struct net_terms net;

    // Environment that only the node can read, see secrets.h.
    size_t sealed_len; // 0: none
    const uint8_t *sealed;
    uint8_t sealed_key[KEY_BYTES]; // the node's key it is sealed to

    size_t nvolumes;
    struct volume_use volume[MANIFEST_VOLUMES_MAX];

    uint64_t not_before_s, expires_s; // since 1970
    uint8_t nonce[NONCE_BYTES];

    void *memory; // of a decoded one: what the pointers point into
};

// Every rule that needs nothing but the manifest. Changes nothing.
int manifest_check(const struct manifest *m, struct err *e);

// What a node asks beside: is it meant for us, and now?
int manifest_admit(const struct manifest *m, const uint8_t node[KEY_BYTES],
                   uint64_t now_s, struct err *e);

// Checks and appends the wire form to out (at most MANIFEST_MAX bytes).
int manifest_encode(const struct manifest *m, struct buf *out, struct err *e);

// Reads and checks. Refuses bytes that manifest_encode would not write.
// manifest_free afterwards, in any case.
int manifest_decode(const void *data, size_t len, struct manifest *m,
                    struct err *e);
void manifest_free(struct manifest *m);

// Sum of the sizes of all files.
uint64_t manifest_files_bytes(const struct manifest *m);

// Is this file compiled (rather than included by one that is)?
bool manifest_file_is_unit(const struct manifest_file *f);

void manifest_digest(const void *data, size_t len, uint8_t out[DIGEST_BYTES]);

// The number under which a node knows the submission of these bytes.
void submission_id(const uint8_t node[KEY_BYTES],
                   const uint8_t manifest_digest[DIGEST_BYTES],
                   uint8_t out[SUBMISSION_ID_BYTES]);

#endif
