// SPDX-License-Identifier: ISC
// Ed25519 key pairs in the files of minisign(1): customers' and nodes'.
//
//     public:  untrusted comment: minisign public key 3129139E7FB2F1A9
//              base64("Ed" number[8] key[32])
//     secret:  untrusted comment: minisign encrypted secret key
//              base64("Ed" kdf[2] "B2" salt[32] opslimit[8] memlimit[8]
//                     number[8] key[64] checksum[32])
//
// kdf is two zero bytes (not encrypted, as `minisign -G -W` makes them; what
// we write) or "Sc": then number, key and checksum are XORed with a stream
// that scrypt makes from a password. The number is random and names the key.

#ifndef BUNDLE_KEY_H
#define BUNDLE_KEY_H

#include <stdint.h>

#include "lib/err.h"
#include "node-agent/bundle/manifest.h"

struct pubkey {
    uint8_t number[KEY_ID_BYTES];
    uint8_t key[KEY_BYTES];
};

struct seckey {
    uint8_t number[KEY_ID_BYTES];
    uint8_t key[64]; // seed, then the public key
};

// Once, before anything else here; also seeds the random numbers.
int key_init(struct err *e);

void key_make(struct seckey *sk);
void key_public(const struct seckey *sk, struct pubkey *pk);
void key_forget(struct seckey *sk); // overwrites it

// Asks the terminal for the password of an encrypted key.
int seckey_read(const char *path, struct seckey *sk, struct err *e);

// Not encrypted, mode 0600, durable; an existing file is left alone and
// -EEXIST returned.
int seckey_write(const char *path, const struct seckey *sk, struct err *e);

int pubkey_read(const char *path, struct pubkey *pk, struct err *e);

// Replaces the file.
int pubkey_write(const char *path, const struct pubkey *pk, struct err *e);

// A public key as people give it: 64 hex digits (then the number is zero).
int pubkey_from_hex(const char *text, uint8_t key[KEY_BYTES], struct err *e);

// The number as minisign prints it: 16 capital hex digits.
#define KEY_NUMBER_TEXT 17
char *key_number_text(char out[KEY_NUMBER_TEXT],
                      const uint8_t number[KEY_ID_BYTES]);

#endif
