// SPDX-License-Identifier: ISC
// Witnessing: keeping a node's signed batches, and comparing them with what it
// signed for others. A receipt proves that an entry is in a batch; that there
// is only one history of batches, nobody can see alone.
//
// Two different batches of one number, or one that does not continue its
// predecessor, both signed, are the proof that a node shows two histories.
#ifndef BILLING_WITNESS_H
#define BILLING_WITNESS_H

#include <stddef.h>
#include <stdint.h>
#include "lib/err.h"
#include "billing/merkle.h"

#define CHAIN_FORMAT      "hostel chain v1"
#define CHAIN_MAX         (64 << 20) // about 200,000 batches
#define CHAIN_BATCHES_MAX 1000       // that a node gives at once

struct ledger;

// Builds the message Chain of the batches after number `after`, at most
// CHAIN_BATCHES_MAX of them, perhaps none. *bytes is malloc'd.
int chain_build(struct ledger *ledger, uint64_t after, uint8_t **bytes,
                size_t *len, struct err *e);

// A batch whose signature was verified.
struct link {
    uint64_t number;
    uint64_t time_ns;
    uint8_t hash[MERKLE_HASH_SIZE]; // of its header
    uint8_t prev_hash[MERKLE_HASH_SIZE];
    uint8_t root[MERKLE_HASH_SIZE];
};

struct chain {
    size_t count;
    struct link *links; // ascending
};

// Verifies a chain, or a receipt, from `node_id`; a chain has no gaps. 0 and
// the links, given back with chain_free, or -EBADMSG.
int chain_verify(const uint8_t *bytes, size_t len, const uint8_t node_id[32],
                 struct chain *out, struct err *e);
void chain_free(struct chain *chain);

// 0 if both can be parts of one history; *common (may be NULL): how many
// batches both have. -EILSEQ and the sentence that names the batch if not.
int chain_compare(const struct chain *a, const struct chain *b, size_t *common,
                  struct err *e);

// Both verified before and of one history: `more`, which begins at the latest
// right after the end of `bytes`, is added to it. *out is malloc'd. `bytes` may
// be empty. -EINVAL: there is a gap between them.
int chain_join(const uint8_t *bytes, size_t len, const uint8_t *more,
               size_t more_len, uint8_t **out, size_t *out_len, struct err *e);

#endif
