// SPDX-License-Identifier: ISC
// That whoever has a key's secret half wants it to sign for an account on a
// node: without that, somebody could add another's key to his own account, and
// would see, and pay for, what that one submits.
//
//     Ed25519 signature, by the key, of
//         "hostel: this key may sign for the account" NUL node[32] account[32]

#ifndef BUNDLE_KEY_PROOF_H
#define BUNDLE_KEY_PROOF_H

#include <stdbool.h>
#include <stdint.h>

#include "node-agent/bundle/key.h"

#define KEY_PROOF_BYTES 64

void key_proof_make(const struct seckey *sk, const uint8_t node[KEY_BYTES],
                    const uint8_t account[KEY_BYTES],
                    uint8_t proof[KEY_PROOF_BYTES]);

bool key_proof_good(const uint8_t key[KEY_BYTES], const uint8_t node[KEY_BYTES],
                    const uint8_t account[KEY_BYTES],
                    const uint8_t proof[KEY_PROOF_BYTES]);

#endif
