// SPDX-License-Identifier: ISC
// A key's own agreement; see key_proof.h.

#include "node-agent/bundle/key_proof.h"

#include <sodium.h>
#include <string.h>

static const char what[] = "hostel: this key may sign for the account";

struct text {
    char what[sizeof(what)];
    uint8_t node[KEY_BYTES], account[KEY_BYTES];
};
_Static_assert(sizeof(struct text) == sizeof(what) + 2 * KEY_BYTES, "no gaps");
_Static_assert(KEY_PROOF_BYTES == crypto_sign_BYTES, "a signature");

static struct text text_of(const uint8_t node[KEY_BYTES],
                           const uint8_t account[KEY_BYTES])
{
    struct text t;

    memcpy(t.what, what, sizeof(what));
    memcpy(t.node, node, KEY_BYTES);
    memcpy(t.account, account, KEY_BYTES);
    return t;
}

void key_proof_make(const struct seckey *sk, const uint8_t node[KEY_BYTES],
                    const uint8_t account[KEY_BYTES],
                    uint8_t proof[KEY_PROOF_BYTES])
{
    struct text t = text_of(node, account);

    crypto_sign_detached(proof, NULL, (const uint8_t *)&t, sizeof(t), sk->key);
}

bool key_proof_good(const uint8_t key[KEY_BYTES], const uint8_t node[KEY_BYTES],
                    const uint8_t account[KEY_BYTES],
                    const uint8_t proof[KEY_PROOF_BYTES])
{
    struct text t = text_of(node, account);

    return crypto_sign_verify_detached(proof, (const uint8_t *)&t, sizeof(t),
                                       key) == 0;
}
