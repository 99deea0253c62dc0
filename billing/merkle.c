// SPDX-License-Identifier: ISC
// Merkle trees. Pairing level by level, an odd last node moving up unchanged,
// gives the tree of RFC 6962.
#include "billing/merkle.h"

#include <sodium.h>
#include <string.h>

void merkle_leaf(const void *salt, size_t salt_len, const void *data,
                 size_t len, uint8_t out[MERKLE_HASH_SIZE])
{
    crypto_hash_sha256_state state;

    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const uint8_t[]){0x00}, 1);
    if (salt_len)
        crypto_hash_sha256_update(&state, salt, salt_len);
    crypto_hash_sha256_update(&state, data, len);
    crypto_hash_sha256_final(&state, out);
}

// `out` may be `left` or `right`.
static void node_hash(const uint8_t left[MERKLE_HASH_SIZE],
                      const uint8_t right[MERKLE_HASH_SIZE],
                      uint8_t out[MERKLE_HASH_SIZE])
{
    uint8_t node[1 + 2 * MERKLE_HASH_SIZE] = {0x01};

    memcpy(node + 1, left, MERKLE_HASH_SIZE);
    memcpy(node + 1 + MERKLE_HASH_SIZE, right, MERKLE_HASH_SIZE);
    crypto_hash_sha256(out, node, sizeof(node));
}

// The level above `count` nodes, into `up` (which may be where they are).
// Returns its size.
static size_t level_up(uint8_t (*nodes)[MERKLE_HASH_SIZE], size_t count,
                       uint8_t (*up)[MERKLE_HASH_SIZE])
{
    for (size_t i = 0; i + 1 < count; i += 2)
        node_hash(nodes[i], nodes[i + 1], up[i / 2]);
    if (count % 2)
        memcpy(up[count / 2], nodes[count - 1], MERKLE_HASH_SIZE);
    return (count + 1) / 2;
}

void merkle_root(uint8_t (*leaves)[MERKLE_HASH_SIZE], size_t count,
                 uint8_t out[MERKLE_HASH_SIZE])
{
    if (count == 0) {
        crypto_hash_sha256(out, (const uint8_t *)"", 0);
        return;
    }
    while (count > 1)
        count = level_up(leaves, count, leaves);
    memcpy(out, leaves[0], MERKLE_HASH_SIZE);
}

size_t merkle_tree(uint8_t (*nodes)[MERKLE_HASH_SIZE], size_t count)
{
    size_t level = 0;

    while (count > 1) {
        size_t above = level + count;

        count = level_up(nodes + level, count, nodes + above);
        level = above;
    }
    return level;
}

size_t merkle_proof(const uint8_t (*nodes)[MERKLE_HASH_SIZE], size_t count,
                    size_t index, uint8_t (*proof)[MERKLE_HASH_SIZE])
{
    size_t n = 0;

    for (; count > 1; index /= 2) {
        size_t sibling = index ^ 1;

        if (sibling < count)
            memcpy(proof[n++], nodes[sibling], MERKLE_HASH_SIZE);
        nodes += count;
        count = (count + 1) / 2;
    }
    return n;
}

int merkle_verify(const uint8_t leaf[MERKLE_HASH_SIZE], uint64_t index,
                  uint64_t count, const uint8_t (*proof)[MERKLE_HASH_SIZE],
                  size_t proof_len, const uint8_t root[MERKLE_HASH_SIZE])
{
    uint8_t hash[MERKLE_HASH_SIZE];
    size_t used = 0;

    if (index >= count)
        return -1;
    memcpy(hash, leaf, sizeof(hash));
    for (uint64_t last = count - 1; last > 0; last /= 2, index /= 2) {
        if (index % 2 == 0 && index == last)
            continue; // no sibling: moved up unchanged
        if (used == proof_len)
            return -1;
        if (index % 2)
            node_hash(proof[used++], hash, hash);
        else
            node_hash(hash, proof[used++], hash);
    }
    return used == proof_len && memcmp(hash, root, sizeof(hash)) == 0 ? 0 : -1;
}
