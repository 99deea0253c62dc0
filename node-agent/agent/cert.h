// SPDX-License-Identifier: ISC
// X.509 certificates of a node that certifies itself: the node's identity, an
// Ed25519 key, is the authority for the key that its TLS uses.
//
// A client that has pinned the identity needs nothing else: it makes the
// authority's certificate from the pinned key (no signature in it, which
// nobody checks on what is trusted already) and lets its TLS library verify
// that the server's certificate was signed by it. Names in the certificate
// matter only to other clients.

#ifndef AGENT_CERT_H
#define AGENT_CERT_H

#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

// Of a certificate, DER or PEM; ours have 600 bytes.
#define CERT_MAX 4096

// The authority's certificate, in DER, at the end of `der` (at least
// CERT_MAX). identity: the node's public key; secret: its secret key (64
// bytes), or NULL for one whose signature is all zero. The same bytes each
// time. 0 or -ENOMEM.
int cert_authority(struct buf *der, const uint8_t identity[32],
                   const uint8_t *secret);

// A server's certificate for the public key `server`, signed by the identity,
// good from a day before now_s (clocks differ) for CERT_VALID_S. address: a
// numeric address that it is to name, or ""; it always names
// cert_name(identity).
#define CERT_VALID_S (3u * 366u * 86400u)
int cert_server(struct buf *der, const uint8_t secret[64],
                const uint8_t server[32], const char *address, uint64_t now_s);

// "<first 32 digits of the identity>.hostel.internal"
#define CERT_NAME_SIZE 56
char *cert_name(char out[CERT_NAME_SIZE], const uint8_t identity[32]);

// An Ed25519 secret key as PKCS #8, DER.
int cert_secret(struct buf *der, const uint8_t secret[64]);

// PEM: "-----BEGIN label-----" and so on, at the end of `out`.
int cert_pem(struct buf *out, const char *label, const struct buf *der);

#endif
