// SPDX-License-Identifier: ISC
// Merkle trees of RFC 6962 section 2.1: SHA-256, leaves and inner nodes
// prefixed by 0x00 and 0x01, a tree of n leaves splits at the largest power of
// two below n.
#ifndef BILLING_MERKLE_H
#define BILLING_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#define MERKLE_HASH_SIZE 32
#define MERKLE_PROOF_MAX 64 // hashes; a tree has at most 2^64 leaves

// SHA-256(0x00 || salt || data). RFC 6962's own leaf has an empty salt.
void merkle_leaf(const void *salt, size_t salt_len, const void *data,
                 size_t len, uint8_t out[MERKLE_HASH_SIZE]);

// Root of `count` leaf hashes, which are overwritten. 0 leaves: SHA-256("").
void merkle_root(uint8_t (*leaves)[MERKLE_HASH_SIZE], size_t count,
                 uint8_t out[MERKLE_HASH_SIZE]);

// All nodes of a tree, for many proofs: `nodes` has room for
// MERKLE_NODES(count), the first `count` of which are the leaf hashes; each
// level follows the one below it. The root comes last; returns where.
#define MERKLE_NODES(count) (2 * (count) + 64)
size_t merkle_tree(uint8_t (*nodes)[MERKLE_HASH_SIZE], size_t count);

// The audit path of leaf `index` < count in such a tree: at most
// MERKLE_PROOF_MAX hashes. Returns how many.
size_t merkle_proof(const uint8_t (*nodes)[MERKLE_HASH_SIZE], size_t count,
                    size_t index, uint8_t (*proof)[MERKLE_HASH_SIZE]);

// 0 if `proof` leads from `leaf` at `index` to `root` of a tree of `count`
// leaves, else -1.
int merkle_verify(const uint8_t leaf[MERKLE_HASH_SIZE], uint64_t index,
                  uint64_t count, const uint8_t (*proof)[MERKLE_HASH_SIZE],
                  size_t proof_len, const uint8_t root[MERKLE_HASH_SIZE]);

#endif
