// SPDX-License-Identifier: ISC
// Signature files of minisign(1); see signature.h.

#include "node-agent/bundle/signature.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "node-agent/bundle/text.h"

#define SIG_BYTES      crypto_sign_BYTES
#define BASE64         sodium_base64_VARIANT_ORIGINAL
#define BASE64_LEN(n)  sodium_base64_ENCODED_LEN(n, BASE64)
#define LINE_UNTRUSTED "untrusted comment: " SIGNATURE_COMMENT "\n"
#define LINE_TRUSTED   "trusted comment: "

struct signature_line {
    uint8_t algorithm[2];
    uint8_t number[KEY_ID_BYTES];
    uint8_t sig[SIG_BYTES];
};
_Static_assert(sizeof(struct signature_line) == 74, "no padding");

// The parts of a signature file.
struct signature {
    struct signature_line line;
    char trusted[TRUSTED_COMMENT_MAX + 1];
    uint8_t global[SIG_BYTES];
};

static void prehash(const void *data, size_t len,
                    uint8_t out[crypto_generichash_BYTES_MAX])
{
    crypto_generichash(out, crypto_generichash_BYTES_MAX, data, len, NULL, 0);
}

// What the second signature covers; returns its length.
static size_t global_text(const struct signature *s,
                          uint8_t out[SIG_BYTES + TRUSTED_COMMENT_MAX])
{
    size_t n = strlen(s->trusted);

    memcpy(out, s->line.sig, SIG_BYTES);
    memcpy(out + SIG_BYTES, s->trusted, n);
    return SIG_BYTES + n;
}

static int signature_format(const struct signature *s, struct buf *out)
{
    char line[BASE64_LEN(sizeof(s->line))], global[BASE64_LEN(SIG_BYTES)];

    sodium_bin2base64(line, sizeof(line), (const uint8_t *)&s->line,
                      sizeof(s->line), BASE64);
    sodium_bin2base64(global, sizeof(global), s->global, SIG_BYTES, BASE64);
    return buf_printf(out, LINE_UNTRUSTED "%s\n" LINE_TRUSTED "%s\n%s\n", line,
                      s->trusted, global);
}

int signature_make(const struct seckey *sk, const void *data, size_t len,
                   const char *trusted, struct buf *out, struct err *e)
{
    struct signature s = {.line.algorithm = "ED"};
    uint8_t hash[crypto_generichash_BYTES_MAX];
    uint8_t text[SIG_BYTES + TRUSTED_COMMENT_MAX];
    size_t n;

    if (strlen(trusted) > TRUSTED_COMMENT_MAX || !text_is_plain(trusted, "\t"))
        return err_set(e, EINVAL,
                       "the trusted comment is too long or not "
                       "plain text");
    memcpy(s.line.number, sk->number, sizeof(s.line.number));
    strcpy(s.trusted, trusted);
    prehash(data, len, hash);
    crypto_sign_detached(s.line.sig, NULL, hash, sizeof(hash), sk->key);
    n = global_text(&s, text);
    crypto_sign_detached(s.global, NULL, text, n, sk->key);
    if (signature_format(&s, out) < 0)
        return err_set(e, ENOMEM, "no memory for a signature");
    return 0;
}

// Takes a line of base64 that gives exactly n bytes and moves past it.
static int take_base64(const char **at, const char *end, void *out, size_t n)
{
    const char *newline = memchr(*at, '\n', end - *at), *stop;
    size_t got;

    if (!newline ||
        sodium_base642bin(out, n, *at, newline - *at, NULL, &got, &stop,
                          BASE64) != 0 ||
        got != n || stop != newline)
        return -1;
    *at = newline + 1;
    return 0;
}

static int take_text(const char **at, const char *end, const char *text)
{
    size_t n = strlen(text);

    if ((size_t)(end - *at) < n || memcmp(*at, text, n) != 0)
        return -1;
    *at += n;
    return 0;
}

static int take_trusted(const char **at, const char *end, char *out)
{
    const char *newline = memchr(*at, '\n', end - *at);

    if (!newline || newline - *at > TRUSTED_COMMENT_MAX)
        return -1;
    memcpy(out, *at, newline - *at);
    out[newline - *at] = 0;
    *at = newline + 1;
    return 0;
}

static int signature_parse(const char *text, size_t len, struct signature *s,
                           struct err *e)
{
    cleanup_buf struct buf again = BUF_INIT(SIGNATURE_MAX);
    const char *at = text, *end = text + len;

    if (len > SIGNATURE_MAX)
        return err_set(e, E2BIG,
                       "the signature has %zu bytes; at most %u are allowed",
                       len, SIGNATURE_MAX);
    if (take_text(&at, end, LINE_UNTRUSTED) < 0 ||
        take_base64(&at, end, &s->line, sizeof(s->line)) < 0 ||
        take_text(&at, end, LINE_TRUSTED) < 0 ||
        take_trusted(&at, end, s->trusted) < 0 ||
        take_base64(&at, end, s->global, SIG_BYTES) < 0 ||
        !text_is_plain(s->trusted, "\t") || signature_format(s, &again) < 0 ||
        again.len != len || memcmp(again.data, text, len) != 0)
        return err_set(e, EINVAL,
                       "the signature is not in minisign's format with the "
                       "comment \"" SIGNATURE_COMMENT "\"");
    if (memcmp(s->line.algorithm, "ED", 2) != 0)
        return err_set(e, EINVAL,
                       "the signature is not a prehashed one; use minisign "
                       "0.8 or later without -l");
    return 0;
}

// Parses, and verifies the first of the two signatures.
static int data_verify(const struct pubkey *pk, const char *what,
                       const void *data, size_t len, const char *text,
                       size_t text_len, struct signature *s, struct err *e)
{
    uint8_t hash[crypto_generichash_BYTES_MAX];
    char theirs[KEY_NUMBER_TEXT], ours[KEY_NUMBER_TEXT];
    int r = signature_parse(text, text_len, s, e);

    if (r < 0)
        return r;
    if (memcmp(s->line.number, pk->number, KEY_ID_BYTES) != 0)
        return err_set(e, EACCES,
                       "%s is signed with the key number %s, not with %s", what,
                       key_number_text(theirs, s->line.number),
                       key_number_text(ours, pk->number));
    prehash(data, len, hash);
    if (crypto_sign_verify_detached(s->line.sig, hash, sizeof(hash), pk->key))
        return err_set(e, EACCES,
                       "the signature of %s is wrong: it was changed after it "
                       "was signed, or signed with another key",
                       what);
    return 0;
}

int signature_verify_data(const struct pubkey *pk, const char *what,
                          const void *data, size_t len, const char *text,
                          size_t text_len, struct err *e)
{
    struct signature s;

    return data_verify(pk, what, data, len, text, text_len, &s, e);
}

int signature_verify(const struct pubkey *pk, const char *what,
                     const void *data, size_t len, const char *text,
                     size_t text_len, char trusted[TRUSTED_COMMENT_MAX + 1],
                     struct err *e)
{
    struct signature s;
    uint8_t global[SIG_BYTES + TRUSTED_COMMENT_MAX];
    int r = data_verify(pk, what, data, len, text, text_len, &s, e);

    if (r < 0)
        return r;
    if (crypto_sign_verify_detached(s.global, global, global_text(&s, global),
                                    pk->key))
        return err_set(e, EACCES,
                       "the trusted comment of %s was changed after it was "
                       "signed",
                       what);
    if (trusted)
        strcpy(trusted, s.trusted);
    return 0;
}
