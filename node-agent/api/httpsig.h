// SPDX-License-Identifier: ISC
// HTTP Message Signatures (RFC 9421) with Ed25519, and Content-Digest
// (RFC 9530) with SHA-256: how a customer signs a request.
//
// Understood is the part that needs no canonical re-encoding: components
// without parameters, one space between them, strings without escapes. What is
// signed and what is checked is thus the very text of the header. Derived
// components: @method @authority @scheme @target-uri @request-target @path
// @query; any header field may be covered by its lower-case name. Of several
// signatures (a proxy may add its own) one is looked at.
//
// Which components and parameters a request must have is the caller's policy
// (auth.h has the node's).

#ifndef API_HTTPSIG_H
#define API_HTTPSIG_H

#include <sodium.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

#define HTTPSIG_INPUT_MAX      2048 // a Signature-Input header; ours: 280
#define HTTPSIG_COMPONENTS_MAX 16
#define HTTPSIG_TEXT_MAX       128   // keyid, nonce, tag, alg; keyid: 64
#define HTTPSIG_BASE_MAX       16384 // what is signed; targets are limited

// A request as both sides see it. Nothing is owned.
struct httpsig_request {
    const char *method;
    const char *authority; // the Host header, as sent
    const char *scheme;    // "https" or "http"; NULL: @authority as it is
    const char *path;      // as sent, not decoded
    const char *query;     // as sent, without '?'; NULL: none
    // The value of a header field by lower-case name, or NULL.
    const char *(*field)(void *arg, const char *name);
    void *arg;
};

// What a signature says about itself.
struct httpsig {
    char label[HTTPSIG_TEXT_MAX];
    char component[HTTPSIG_COMPONENTS_MAX][64];
    size_t ncomponents;
    int64_t created, expires;     // seconds since 1970; 0: not given
    char keyid[HTTPSIG_TEXT_MAX]; // "": not given, likewise below
    char nonce[HTTPSIG_TEXT_MAX];
    char tag[HTTPSIG_TEXT_MAX];
    char alg[HTTPSIG_TEXT_MAX];
    char params[HTTPSIG_INPUT_MAX]; // the value of @signature-params
};

// Reads a Signature-Input header: of several signatures the first whose tag
// begins with this text, else the first of all. -EINVAL and one sentence.
int httpsig_parse(struct httpsig *sig, const char *input, const char *tag,
                  struct err *e);

// Whether the signature covers a component.
int httpsig_covers(const struct httpsig *sig, const char *component);

// Checks a Signature header against the request. -EINVAL: malformed or a
// covered field is missing; -EBADMSG: it does not verify.
int httpsig_verify(const struct httpsig *sig, const char *signature,
                   const struct httpsig_request *rq,
                   const uint8_t public_key[32], struct err *e);

// Signs. `sig` has label, components, created and texts set; params is filled
// in. Adds the values of the two headers to `input` and `signature`.
int httpsig_sign(struct httpsig *sig, const struct httpsig_request *rq,
                 const uint8_t secret_key[64], struct buf *input,
                 struct buf *signature, struct err *e);

// The value of a Content-Digest header: "sha-256=:...:".
#define HTTPSIG_DIGEST_SIZE 64
char *httpsig_digest(char out[HTTPSIG_DIGEST_SIZE], const void *body,
                     size_t len);

// Checks such a header: it has sha-256, sha-512 or both, and they are right;
// others are not looked at.
int httpsig_digest_check(const char *field, const void *body, size_t len,
                         struct err *e);

// The same for a body that comes in pieces: begin with the header's value, add
// each piece, and end says whether it was that body.
struct httpsig_digester {
    crypto_hash_sha256_state sha256;
    crypto_hash_sha512_state sha512;
    uint8_t said256[crypto_hash_sha256_BYTES];
    uint8_t said512[crypto_hash_sha512_BYTES];
    int has256, has512;
};
int httpsig_digest_begin(struct httpsig_digester *d, const char *field,
                         struct err *e);
void httpsig_digest_add(struct httpsig_digester *d, const void *data,
                        size_t len);
int httpsig_digest_end(struct httpsig_digester *d, struct err *e);

#endif
