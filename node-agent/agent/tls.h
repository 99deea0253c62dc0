// SPDX-License-Identifier: ISC
// What the api role's TLS needs: a certificate and its key, from the files
// that the configuration names, or made by the node and certified by its
// identity (cert.h). The supervisor only reads and passes on: what is in the
// files is the api role's to parse.

#ifndef AGENT_TLS_H
#define AGENT_TLS_H

#include <stdint.h>
#include "lib/err.h"
#include "node-agent/agent/role.h"

// A chain of certificates has 2 to 8 KiB; keys fewer.
#define TLS_CHAIN_MAX 65536
#define TLS_KEY_MAX   16384
#define TLS_OWN_MAX   4096

// In a sealed memfd at ROLE_SECRET_FD of the api role, and again over its
// lifeline when the certificate is renewed. PEM, all ending in a 0 byte.
struct tls_secret {
    uint32_t size;             // sizeof
    char chain[TLS_CHAIN_MAX]; // the server's certificate first
    char key[TLS_KEY_MAX];
    char authority[TLS_OWN_MAX]; // the node's own; "" with files
};

// Whether this configuration serves HTTPS: as it says, and when it leaves
// that open, wherever others than this machine can listen in.
int tls_wanted(const struct node_config *cfg);

// A sealed memfd with a struct tls_secret, newly made or newly read.
int tls_secret_open(const struct node_config *cfg, struct err *e);

#endif
