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

// One signature of the list.
static int member_parse(struct httpsig *sig, struct scan *s, struct err *e)
{
    const char *from;
    int r;

    memset(sig, 0, sizeof(*sig));
    if (scan_key(s, sig->label, sizeof(sig->label)) < 0 || !scan_char(s, '='))
        return err_set(e, EINVAL,
                       "the Signature-Input header does not begin with a "
                       "label");
    from = s->at;
    r = components_parse(sig, s, e);
    if (r == 0)
        r = params_parse(sig, s, e);
    memcpy(sig->params, from, (size_t)(s->at - from));
    return r;
}

static void scan_blanks(struct scan *s)
{
    s->at += strspn(s->at, " \t");
}

int httpsig_parse(struct httpsig *sig, const char *input, const char *tag,
                  struct err *e)
{
    struct scan s = {.at = input};
    struct httpsig other;
    int r;

    if (strlen(input) >= HTTPSIG_INPUT_MAX)
        return err_set(e, EINVAL,
                       "the Signature-Input header is longer than %d bytes",
                       HTTPSIG_INPUT_MAX - 1);
    r = member_parse(sig, &s, e);
    while (r == 0 && (scan_blanks(&s), *s.at)) {
        if (!scan_char(&s, ','))
            return err_set(e, EINVAL,
                           "the Signature-Input header has something after a "
                           "signature");
        scan_blanks(&s);
        r = member_parse(&other, &s, e);
        if (r == 0 && !strcmp(other.label, sig->label))
            return err_set(e, EINVAL, "the signature \"%s\" is given twice",
                           sig->label);
        if (r == 0 && strncmp(sig->tag, tag, strlen(tag)) &&
            !strncmp(other.tag, tag, strlen(tag)))
            *sig = other;
    }
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

// The authority in lower case, without the scheme's usual port (2.2.3).
static int base_authority(struct buf *base, const struct httpsig_request *rq)
{
    const char *port = !rq->scheme                   ? NULL
                       : strcmp(rq->scheme, "https") ? ":80"
                                                     : ":443";
    size_t len = strlen(rq->authority), cut = port ? strlen(port) : 0;
    int r = 0;

    if (cut && len > cut && !strcmp(rq->authority + len - cut, port))
        len -= cut;
    for (size_t i = 0; i < len && r == 0; i++) {
        char c = (char)tolower((unsigned char)rq->authority[i]);

        r = buf_add(base, &c, 1);
    }
    return r;
}

// The path and the query, as in the request line (2.2.5).
static int base_target(struct buf *base, const struct httpsig_request *rq)
{
    return buf_printf(base, "%s%s%s", *rq->path ? rq->path : "/",
                      rq->query ? "?" : "", rq->query ? rq->query : "");
}

// 2.2.2. An empty query is one.
static int base_uri(struct buf *base, const struct httpsig_request *rq)
{
    int r = buf_printf(base, "%s://", rq->scheme ? rq->scheme : "http");

    if (r == 0)
        r = base_authority(base, rq);
    return r < 0 ? r : base_target(base, rq);
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
        r = base_authority(base, rq);
    else if (!strcmp(name, "@target-uri"))
        r = base_uri(base, rq);
    else if (!strcmp(name, "@request-target"))
        r = base_target(base, rq);
    else if (!strcmp(name, "@scheme"))
        r = buf_printf(base, "%s", rq->scheme ? rq->scheme : "http");
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

// ":base64:" up to `end`, with exactly len bytes in it.
static int bytes_decode(const char *text, const char *end, uint8_t *out,
                        size_t len)
{
    const char *stop;
    size_t got;

    while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    if (end - text < 2 || *text != ':' || *--end != ':')
        return -EINVAL;
    text++;
    // libsodium's decoder takes some bytes beyond ASCII for digits.
    for (const char *c = text; c < end; c++)
        if (!isascii((unsigned char)*c))
            return -EINVAL;
    if (sodium_base642bin(out, len, text, (size_t)(end - text), NULL, &got,
                          &stop, sodium_base64_VARIANT_ORIGINAL) < 0 ||
        got != len || stop != end)
        return -EINVAL;
    return 0;
}

// The member `name` of a dictionary, exactly len bytes. -ENOENT: it has none;
// -EINVAL: it is malformed, or there twice.
static int bytes_find(const char *field, const char *name, uint8_t *out,
                      size_t len)
{
    size_t n = strlen(name);
    int found = -ENOENT;

    for (;;) {
        const char *end;

        field += strspn(field, " \t");
        end = field + strcspn(field, ",");
        if (!strncmp(field, name, n) && field[n] == '=') {
            if (found == 0)
                return -EINVAL;
            found = bytes_decode(field + n + 1, end, out, len);
            if (found < 0)
                return found;
        }
        if (!*end)
            return found;
        field = end + 1;
    }
}

int httpsig_verify(const struct httpsig *sig, const char *signature,
                   const struct httpsig_request *rq,
                   const uint8_t public_key[32], struct err *e)
{
    cleanup_buf struct buf base = BUF_INIT(HTTPSIG_BASE_MAX);
    uint8_t raw[SIGNATURE_BYTES];
    int r;

    if (bytes_find(signature, sig->label, raw, sizeof(raw)) < 0)
        return err_set(e, EINVAL,
                       "the Signature header has no %s=: followed by a "
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

static int digest_find(const char *field, const char *name, uint8_t *out,
                       size_t len, int *has, struct err *e)
{
    int r = bytes_find(field, name, out, len);

    *has = r == 0;
    if (r == 0 || r == -ENOENT)
        return 0;
    return err_set(e, EINVAL,
                   "the Content-Digest header's %s is not %zu bytes in "
                   "base64 between colons",
                   name, len);
}

int httpsig_digest_begin(struct httpsig_digester *d, const char *field,
                         struct err *e)
{
    int r = digest_find(field, "sha-256", d->said256, sizeof(d->said256),
                        &d->has256, e);

    if (r == 0)
        r = digest_find(field, "sha-512", d->said512, sizeof(d->said512),
                        &d->has512, e);
    if (r < 0)
        return r;
    if (!d->has256 && !d->has512)
        return err_set(e, EINVAL,
                       "the Content-Digest header has neither sha-256 nor "
                       "sha-512");
    crypto_hash_sha256_init(&d->sha256);
    crypto_hash_sha512_init(&d->sha512);
    return 0;
}

void httpsig_digest_add(struct httpsig_digester *d, const void *data,
                        size_t len)
{
    if (d->has256)
        crypto_hash_sha256_update(&d->sha256, data, len);
    if (d->has512)
        crypto_hash_sha512_update(&d->sha512, data, len);
}

int httpsig_digest_end(struct httpsig_digester *d, struct err *e)
{
    uint8_t sum256[sizeof(d->said256)], sum512[sizeof(d->said512)];

    crypto_hash_sha256_final(&d->sha256, sum256);
    crypto_hash_sha512_final(&d->sha512, sum512);
    if ((d->has256 && sodium_memcmp(sum256, d->said256, sizeof(sum256))) ||
        (d->has512 && sodium_memcmp(sum512, d->said512, sizeof(sum512))))
        return err_set(e, EBADMSG,
                       "the body does not have the digest that its "
                       "Content-Digest header says");
    return 0;
}

int httpsig_digest_check(const char *field, const void *body, size_t len,
                         struct err *e)
{
    struct httpsig_digester d;
    int r = httpsig_digest_begin(&d, field, e);

    if (r < 0)
        return r;
    httpsig_digest_add(&d, body, len);
    return httpsig_digest_end(&d, e);
}
