// SPDX-License-Identifier: ISC
// Signed batches: the header of a Merkle tree over a run of entries, chained to
// the batch before (BatchHeader of proto/receipt.proto).
#ifndef BILLING_BATCH_H
#define BILLING_BATCH_H

#include <stddef.h>
#include <stdint.h>
#include "lib/err.h"
#include "billing/merkle.h"
#include "billing/receipts_key.h"

#define BATCH_CONTEXT        "hostel batch v1"
#define BATCH_HEADER_MAX     256
#define BATCH_SIGNATURE_SIZE 64

struct batch {
    uint8_t node_id[32];
    uint8_t receipts_key[32];
    uint64_t number;      // from 1
    uint64_t first_entry; // from 1
    uint64_t leaf_count;  // 1 to LEDGER_BATCH_MAX
    uint64_t time_ns;
    uint8_t prev_hash[MERKLE_HASH_SIZE]; // zeros for batch 1
    uint8_t root[MERKLE_HASH_SIZE];
};

size_t batch_pack(const struct batch *batch, uint8_t out[BATCH_HEADER_MAX]);

// 0, or -EBADMSG if these are not exactly the bytes of batch_pack.
int batch_unpack(struct batch *batch, const uint8_t *header, size_t len,
                 struct err *e);

void batch_hash(const uint8_t *header, size_t len,
                uint8_t out[MERKLE_HASH_SIZE]);

void batch_sign(const uint8_t *header, size_t len, const uint8_t secret[64],
                uint8_t signature[BATCH_SIGNATURE_SIZE]);

// Signature by the certificate's key, same key and node named in the header,
// time within the certificate's. The certificate itself is checked by
// key_cert_verify. 0 or -EBADMSG.
int batch_verify(const struct batch *batch, const uint8_t *header, size_t len,
                 const uint8_t signature[BATCH_SIGNATURE_SIZE],
                 const struct key_cert *cert, struct err *e);

// Whether a time lies within a certificate's validity.
int batch_time_valid(uint64_t time_ns, const struct key_cert *cert);

#endif
