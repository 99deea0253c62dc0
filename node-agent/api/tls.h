// SPDX-License-Identifier: ISC
// The certificate that the HTTPS listener shows; one in a process, and
// replaced while it serves.

#ifndef API_TLS_H
#define API_TLS_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdint.h>

#include "lib/err.h"

// What is offered to clients: TLS 1.2 and 1.3, nothing that lacks forward
// secrecy or authentication of what is sent.
#define TLS_PRIORITIES                                                         \
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-SHA1:-AES-128-CBC:"      \
    "-AES-256-CBC:%SERVER_PRECEDENCE"

// Reads a struct tls_secret (agent/tls.h) from a descriptor, which stays the
// caller's. From then on new connections get this certificate; on failure the
// one before stays.
int tls_load(int fd, struct err *e);

// The node's own authority, PEM; "" when the certificate came from files.
const char *tls_authority(void);

// When the certificate ends, in seconds since 1970; 0: there is none.
int64_t tls_expires_s(void);

// For GnuTLS: gnutls_certificate_retrieve_function2.
int tls_retrieve(gnutls_session_t session, const gnutls_datum_t *authorities,
                 int nauthorities, const gnutls_pk_algorithm_t *algorithms,
                 int nalgorithms, gnutls_pcert_st **chain,
                 unsigned int *chain_len, gnutls_privkey_t *key);

#endif
