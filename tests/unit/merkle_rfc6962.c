// SPDX-License-Identifier: ISC
// Merkle trees against the known answers of Certificate Transparency's
// reference implementation (eight leaves; roots and audit paths), and every
// proof of every tree up to 70 leaves, whole and damaged.
#include "tests/unit/ledger_fixture.h"
#include "lib/hex.h"
#include "billing/merkle.h"

#define HASH MERKLE_HASH_SIZE

static const struct {
    const char *data; // hex
} inputs[8] = {
    {""},
    {"00"},
    {"10"},
    {"2021"},
    {"3031"},
    {"40414243"},
    {"5051525354555657"},
    {"606162636465666768696a6b6c6d6e6f"},
};

static const char *const roots[9] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

// Audit paths of the reference: leaf (from 0), tree size, hashes.
static const struct {
    size_t index, count, length;
    const char *path[3];
} paths[] = {
    {0, 1, 0, {0}},
    {0,
     8,
     3,
     {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
    {5,
     8,
     3,
     {"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
    {2,
     3,
     1,
     {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
    {1,
     5,
     3,
     {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
};

static void leaves_of_reference(uint8_t (*leaves)[HASH])
{
    for (size_t i = 0; i < 8; i++) {
        size_t len = strlen(inputs[i].data) / 2;
        uint8_t data[16];

        OK(hex_decode(data, len, inputs[i].data));
        merkle_leaf(NULL, 0, data, len, leaves[i]);
    }
}

static void reference_test(void)
{
    uint8_t leaves[8][HASH], nodes[MERKLE_NODES(8)][HASH];
    uint8_t root[HASH], hash[HASH];
    uint8_t proof[MERKLE_PROOF_MAX][HASH];

    for (size_t count = 0; count <= 8; count++) {
        leaves_of_reference(leaves);
        merkle_root(leaves, count, root);
        OK(hex_decode(hash, HASH, roots[count]));
        CHECK(memcmp(root, hash, HASH) == 0);
    }
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        size_t count = paths[i].count, length, top;

        leaves_of_reference(nodes);
        top = merkle_tree(nodes, count);
        OK(hex_decode(hash, HASH, roots[count]));
        CHECK(memcmp(nodes[top], hash, HASH) == 0);
        length = merkle_proof(nodes, count, paths[i].index, proof);
        CHECK(length == paths[i].length);
        for (size_t k = 0; k < length; k++) {
            OK(hex_decode(hash, HASH, paths[i].path[k]));
            CHECK(memcmp(proof[k], hash, HASH) == 0);
        }
    }
}

#define LEAVES 70

static int verify(uint8_t (*leaves)[HASH], size_t index, size_t count,
                  uint8_t (*proof)[HASH], size_t length, const uint8_t *root)
{
    return merkle_verify(leaves[index], index, count,
                         (const uint8_t(*)[HASH])proof, length, root);
}

static void proofs_test(void)
{
    static uint8_t leaves[LEAVES][HASH], work[LEAVES][HASH];
    static uint8_t nodes[MERKLE_NODES(LEAVES)][HASH];
    uint8_t proof[MERKLE_PROOF_MAX][HASH], root[HASH];

    for (size_t i = 0; i < LEAVES; i++)
        merkle_leaf("salt", 4, &i, sizeof(i), leaves[i]);
    for (size_t count = 1; count <= LEAVES; count++) {
        memcpy(work, leaves, sizeof(work));
        merkle_root(work, count, root);
        memcpy(nodes, leaves, sizeof(leaves));
        CHECK(memcmp(nodes[merkle_tree(nodes, count)], root, HASH) == 0);
        for (size_t index = 0; index < count; index++) {
            size_t length = merkle_proof(nodes, count, index, proof);

            CHECK(verify(leaves, index, count, proof, length, root) == 0);
            // Another place, too long, too short, a bit changed.
            CHECK(merkle_verify(leaves[index], count, count,
                                (const uint8_t(*)[HASH])proof, length,
                                root) < 0);
            for (size_t other = 0; other < count; other++)
                CHECK(other == index ||
                      merkle_verify(leaves[index], other, count,
                                    (const uint8_t(*)[HASH])proof, length,
                                    root) < 0);
            CHECK(verify(leaves, index, count, proof, length + 1, root) < 0);
            if (length) {
                CHECK(verify(leaves, index, count, proof, length - 1, root) <
                      0);
                proof[length / 2][index % HASH] ^= 0x10;
                CHECK(verify(leaves, index, count, proof, length, root) < 0);
            }
        }
    }
}

int main(void)
{
    reference_test();
    proofs_test();
    return 0;
}
