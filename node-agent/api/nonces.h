// SPDX-License-Identifier: ISC
// Signatures that were used, so that none is used twice.
//
// A fixed table of keyed 64-bit fingerprints in sets of sixteen. An entry is
// free again when its signature has expired. A set can fill up; then what
// falls into it is refused, never forgotten early. One key gets a sixteenth of
// the table, so that it cannot keep the others out.

#ifndef API_NONCES_H
#define API_NONCES_H

#include <stdint.h>

struct nonces;

// Room for `max` entries, a power of two, at least 16. NULL: no memory.
struct nonces *nonces_new(uint32_t max);
void nonces_free(struct nonces *n);

// Remembers (key, nonce) until expires_s. 0: it is new; -EEXIST: it is not;
// -ENOSPC: its set is full; -EDQUOT: the key has its share. Any thread.
int nonces_add(struct nonces *n, const uint8_t key[32], const char *nonce,
               uint64_t expires_s, uint64_t now_s);

#endif
