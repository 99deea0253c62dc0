// SPDX-License-Identifier: ISC
// HTTP Message Signatures; see httpsig.h. Section numbers are RFC 9421's.

#include "node-agent/api/httpsig.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SIGNATURE_BYTES crypto_sign_BYTES
#define DIGEST_PREFIX   "sha-256=:"

// ------------------------------------------------------------------- reading

// A cursor over one header value.
struct scan {
    const char *at;
};

static int scan_char(struct scan *s, char c)
{
    if (*s->at != c)
        return 0;
    s->at++;
    return 1;
}

// A key of RFC 8941: lower-case letter, then letters, digits and "_-.*".
static int scan_key(struct scan *s, char *out, size_t size)
{
    size_t n = 0;

    if (!islower((unsigned char)*s->at))
        return -EINVAL;
    while (islower((unsigned char)*s->at) || isdigit((unsigned char)*s->at) ||
           (*s->at && strchr("_-.*", *s->at))) {
        if (n + 1 >= size)
            return -EINVAL;
        out[n++] = *s->at++;
    }
    out[n] = '\0';
    return 0;
}

// A quoted string of printable ASCII without escapes.
static int scan_string(struct scan *s, char *out, size_t size)
{
    size_t n = 0;

    if (!scan_char(s, '"'))
        return -EINVAL;
    while (*s->at != '"') {
        if (*s->at < 0x20 || *s->at > 0x7e || *s->at == '\\' || n + 1 >= size)
            return -EINVAL;
        out[n++] = *s->at++;
    }
    s->at++;
    out[n] = '\0';
    return 0;
}

// Up to 15 digits, as RFC 8941 says, none of them a leading zero.
static int scan_integer(struct scan *s, int64_t *out)
{
    int digits = 0;

    *out = 0;
    if (*s->at == '0')
        return -EINVAL;
    while (isdigit((unsigned char)*s->at)) {
        if (++digits > 15)
            return -EINVAL;
        *out = *out * 10 + (*s->at++ - '0');
    }
    return digits ? 0 : -EINVAL;
}

static int components_parse(struct httpsig *sig, struct scan *s, struct err *e)
{
    if (!scan_char(s, '('))
        return err_set(e, EINVAL,
                       "the Signature-Input header has no list of components");
    while (!scan_char(s, ')')) {
        char *name = sig->component[sig->ncomponents];

        if (sig->ncomponents == HTTPSIG_COMPONENTS_MAX)
            return err_set(e, EINVAL, "the signature covers more than %d parts",
                           HTTPSIG_COMPONENTS_MAX);
        if ((sig->ncomponents && !scan_char(s, ' ')) ||
            scan_string(s, name, sizeof(sig->component[0])) < 0)
            return err_set(e, EINVAL,
                           "the Signature-Input header is malformed in its "
                           "list of components");
        if (*s->at == ';')
            return err_set(e, EINVAL,
                           "the component \"%s\" has parameters, which this "
                           "node does not support",
                           name);
        if (httpsig_covers(sig, name))
            return err_set(e, EINVAL, "the component \"%s\" is listed twice",
                           name);
        sig->ncomponents++;
    }
    return 0;
}

static int params_parse(struct httpsig *sig, struct scan *s, struct err *e)
{
    struct {
        const char *name;
        int64_t *number;
        char *text;
        int seen;
    } known[] = {
        {"created", &sig->created, NULL, 0},
        {"expires", &sig->expires, NULL, 0},
        {"keyid", NULL, sig->keyid, 0},
        {"nonce", NULL, sig->nonce, 0},
        {"tag", NULL, sig->tag, 0},
        {"alg", NULL, sig->alg, 0},
    };
    const size_t n = sizeof(known) / sizeof(*known);

    while (scan_char(s, ';')) {
        char name[32];
        size_t i = 0;
        int r;

        if (scan_key(s, name, sizeof(name)) < 0 || !scan_char(s, '='))
            return err_set(e, EINVAL,
                           "the Signature-Input header is malformed in its "
                           "parameters");
        while (i < n && strcmp(known[i].name, name))
            i++;
        if (i == n)
            return err_set(e, EINVAL,
                           "the signature parameter \"%s\" is not known", name);
        if (known[i].seen++)
            return err_set(e, EINVAL,
                           "the signature parameter \"%s\" is given twice",
                           name);
        r = known[i].text ? scan_string(s, known[i].text, HTTPSIG_TEXT_MAX)
                          : scan_integer(s, known[i].number);
        if (r < 0)
            return err_set(e, EINVAL,
                           "the signature parameter \"%s\" is malformed", name);
    }
    return 0;
}

int httpsig_parse(struct httpsig *sig, const char *input, struct err *e)
{
    struct scan s = {.at = input};
    int r;

    memset(sig, 0, sizeof(*sig));
    if (strlen(input) >= HTTPSIG_INPUT_MAX)
        return err_set(e, EINVAL,
                       "the Signature-Input header is longer than %d bytes",
                       HTTPSIG_INPUT_MAX - 1);
    if (scan_key(&s, sig->label, sizeof(sig->label)) < 0 || !scan_char(&s, '='))
        return err_set(e, EINVAL,
                       "the Signature-Input header does not begin with a "
                       "label");
    strcpy(sig->params, s.at);
    r = components_parse(sig, &s, e);
    if (r == 0)
        r = params_parse(sig, &s, e);
    if (r == 0 && *s.at)
        r = err_set(e, EINVAL,
                    "the Signature-Input header has something after its one "
                    "signature");
    return r;
}

int httpsig_covers(const struct httpsig *sig, const char *component)
{
    for (size_t i = 0; i < sig->ncomponents; i++)
        if (!strcmp(sig->component[i], component))
            return 1;
    return 0;
}

// ----------------------------------------------------------- signature base

// The authority in lower case (2.2.3). The default port is the sender's to
// leave out: what counts is that both sides read one Host header.
static int base_authority(struct buf *base, const char *authority)
{
    int r = 0;

    for (; *authority && r == 0; authority++) {
        char c = (char)tolower((unsigned char)*authority);

        r = buf_add(base, &c, 1);
    }
    return r;
}

// A field's value without surrounding blanks (2.1).
static int base_field(struct buf *base, const char *value)
{
    size_t len;

    value += strspn(value, " \t");
    len = strlen(value);
    while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        len--;
    return buf_add(base, value, len);
}

static int base_component(struct buf *base, const char *name,
                          const struct httpsig_request *rq, struct err *e)
{
    const char *value;
    int r;

    if (buf_printf(base, "\"%s\": ", name) < 0)
        return err_set(e, E2BIG, "what is signed is too long");
    if (!strcmp(name, "@method"))
        r = buf_printf(base, "%s", rq->method);
    else if (!strcmp(name, "@authority"))
        r = base_authority(base, rq->authority);
    else if (!strcmp(name, "@path"))
        r = buf_printf(base, "%s", *rq->path ? rq->path : "/");
    else if (!strcmp(name, "@query"))
        r = buf_printf(base, "?%s", rq->query ? rq->query : "");
    else if (name[0] == '@')
        return err_set(e, EINVAL,
                       "the component \"%s\" is not supported by this node",
                       name);
    else if ((value = rq->field(rq->arg, name)) == NULL)
        return err_set(e, EINVAL,
                       "the signature covers the header \"%s\", which the "
                       "request does not have",
                       name);
    else
        r = base_field(base, value);
    if (r < 0 || buf_add(base, "\n", 1) < 0)
        return err_set(e, E2BIG, "what is signed is too long");
    return 0;
}

static int base_make(struct buf *base, const struct httpsig *sig,
                     const struct httpsig_request *rq, struct err *e)
{
    for (size_t i = 0; i < sig->ncomponents; i++) {
        int r = base_component(base, sig->component[i], rq, e);

        if (r < 0)
            return r;
    }
    if (buf_printf(base, "\"@signature-params\": %s", sig->params) < 0)
        return err_set(e, E2BIG, "what is signed is too long");
    return 0;
}

// --------------------------------------------------------- check and make

// "label=:base64:" with exactly len bytes in it.
static int bytes_parse(const char *field, const char *label, uint8_t *out,
                       size_t len)
{
    const char *end, *text = field;
    size_t got, n = strlen(label);

    if (strncmp(text, label, n) || strncmp(text + n, "=:", 2))
        return -EINVAL;
    text += n + 2;
    end = strchr(text, ':');
    if (!end || end[1])
        return -EINVAL;
    // libsodium's decoder takes some bytes beyond ASCII for digits.
    for (const char *c = text; c < end; c++)
        if (!isascii((unsigned char)*c))
            return -EINVAL;
    if (sodium_base642bin(out, len, text, (size_t)(end - text), NULL, &got,
                          &text, sodium_base64_VARIANT_ORIGINAL) < 0 ||
        got != len || text != end)
        return -EINVAL;
    return 0;
}

int httpsig_verify(const struct httpsig *sig, const char *signature,
                   const struct httpsig_request *rq,
                   const uint8_t public_key[32], struct err *e)
{
    cleanup_buf struct buf base = BUF_INIT(HTTPSIG_BASE_MAX);
    uint8_t raw[SIGNATURE_BYTES];
    int r;

    if (bytes_parse(signature, sig->label, raw, sizeof(raw)) < 0)
        return err_set(e, EINVAL,
                       "the Signature header is not %s=: followed by a "
                       "signature of 64 bytes in base64 and a colon",
                       sig->label);
    r = base_make(&base, sig, rq, e);
    if (r < 0)
        return r;
    if (crypto_sign_verify_detached(raw, base.data, base.len, public_key) < 0)
        return err_set(e, EBADMSG,
                       "the request's signature does not verify with the key "
                       "that it names");
    return 0;
}

// The serialized inner list and its parameters, created first (2.3).
static int params_make(struct httpsig *sig, struct err *e)
{
    cleanup_buf struct buf b = BUF_INIT(sizeof(sig->params) - 1);
    const struct {
        const char *name, *text;
    } texts[] = {{"keyid", sig->keyid},
                 {"alg", sig->alg},
                 {"nonce", sig->nonce},
                 {"tag", sig->tag}};
    int r = buf_printf(&b, "(");

    for (size_t i = 0; i < sig->ncomponents; i++)
        r |= buf_printf(&b, "%s\"%s\"", i ? " " : "", sig->component[i]);
    r |= buf_printf(&b, ")");
    if (sig->created)
        r |= buf_printf(&b, ";created=%lld", (long long)sig->created);
    if (sig->expires)
        r |= buf_printf(&b, ";expires=%lld", (long long)sig->expires);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (*texts[i].text)
            r |= buf_printf(&b, ";%s=\"%s\"", texts[i].name, texts[i].text);
    if (r < 0)
        return err_set(e, E2BIG, "the signature's parameters are too long");
    strcpy(sig->params, buf_str(&b));
    return 0;
}

int httpsig_sign(struct httpsig *sig, const struct httpsig_request *rq,
                 const uint8_t secret_key[64], struct buf *input,
                 struct buf *signature, struct err *e)
{
    cleanup_buf struct buf base = BUF_INIT(HTTPSIG_BASE_MAX);
    char text[sodium_base64_ENCODED_LEN(SIGNATURE_BYTES,
                                        sodium_base64_VARIANT_ORIGINAL)];
    uint8_t raw[SIGNATURE_BYTES];
    int r = params_make(sig, e);

    if (r == 0)
        r = base_make(&base, sig, rq, e);
    if (r < 0)
        return r;
    crypto_sign_detached(raw, NULL, base.data, base.len, secret_key);
    sodium_bin2base64(text, sizeof(text), raw, sizeof(raw),
                      sodium_base64_VARIANT_ORIGINAL);
    if (buf_printf(input, "%s=%s", sig->label, sig->params) < 0 ||
        buf_printf(signature, "%s=:%s:", sig->label, text) < 0)
        return err_set(e, ENOMEM, "no memory to sign a request");
    return 0;
}

// -------------------------------------------------------------------- digest

char *httpsig_digest(char out[HTTPSIG_DIGEST_SIZE], const void *body,
                     size_t len)
{
    uint8_t sum[crypto_hash_sha256_BYTES];
    size_t at = strlen(DIGEST_PREFIX);

    crypto_hash_sha256(sum, body, len);
    strcpy(out, DIGEST_PREFIX);
    sodium_bin2base64(out + at, HTTPSIG_DIGEST_SIZE - at, sum, sizeof(sum),
                      sodium_base64_VARIANT_ORIGINAL);
    strcat(out, ":");
    return out;
}

int httpsig_digest_check(const char *field, const void *body, size_t len,
                         struct err *e)
{
    uint8_t said[crypto_hash_sha256_BYTES], sum[crypto_hash_sha256_BYTES];

    if (bytes_parse(field, "sha-256", said, sizeof(said)) < 0)
        return err_set(e, EINVAL,
                       "the Content-Digest header is not one sha-256 in "
                       "base64 between colons");
    crypto_hash_sha256(sum, body, len);
    if (sodium_memcmp(said, sum, sizeof(sum)))
        return err_set(e, EBADMSG,
                       "the body does not have the digest that its "
                       "Content-Digest header says");
    return 0;
}
