// SPDX-License-Identifier: ISC
// X.509 certificates of a node; see cert.h. The form is RFC 5280's, with
// RFC 8410's algorithm, written in DER: type, length, contents.

#include "node-agent/agent/cert.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "lib/hex.h"

enum der_type {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BITS = 0x03,
    DER_OCTETS = 0x04,
    DER_OID = 0x06,
    DER_UTF8 = 0x0c,
    DER_UTC_TIME = 0x17,
    DER_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_NAME_DNS = 0x82, // [2] and [7] of GeneralName
    DER_NAME_IP = 0x87,
    DER_KEY_ID = 0x80,  // [0] of AuthorityKeyIdentifier
    DER_VERSION = 0xa0, // [0] and [3] of TBSCertificate
    DER_EXTENSIONS = 0xa3,
};

// Object identifiers, encoded.
static const uint8_t oid_ed25519[] = {0x2b, 0x65, 0x70};
static const uint8_t oid_common_name[] = {0x55, 0x04, 0x03};
static const uint8_t oid_subject_key[] = {0x55, 0x1d, 0x0e};
static const uint8_t oid_key_usage[] = {0x55, 0x1d, 0x0f};
static const uint8_t oid_alt_name[] = {0x55, 0x1d, 0x11};
static const uint8_t oid_constraints[] = {0x55, 0x1d, 0x13};
static const uint8_t oid_authority_key[] = {0x55, 0x1d, 0x23};
static const uint8_t oid_extended_usage[] = {0x55, 0x1d, 0x25};
static const uint8_t oid_server_auth[] = {0x2b, 0x06, 0x01, 0x05,
                                          0x05, 0x07, 0x03, 0x01};

#define KEY_ID_LEN 20 // of a subject key identifier: of any making

// What is being written. Lack of memory adds up.
struct der {
    struct buf *b;
    int failed;
};

// ---------------------------------------------------------------- the parts

static void der_put(struct der *d, enum der_type type, const void *data,
                    size_t len)
{
    const uint8_t head[2] = {(uint8_t)type, (uint8_t)len};

    d->failed |= buf_add(d->b, head, 2) | buf_add(d->b, data, len);
}

// Begins what has a length that is not known yet; der_close fills it in.
static size_t der_open(struct der *d, enum der_type type)
{
    der_put(d, type, NULL, 0);
    return d->b->len;
}

static void der_close(struct der *d, size_t at)
{
    size_t len = d->failed ? 0 : d->b->len - at;
    size_t more = len < 128 ? 0 : len < 256 ? 1 : 2;
    uint8_t *p;

    if (d->failed)
        return;
    if (!buf_room(d->b, more)) {
        d->failed = -ENOMEM;
        return;
    }
    p = d->b->data + at;
    memmove(p + more, p, len);
    d->b->len += more;
    d->b->data[d->b->len] = 0;
    p[-1] = (uint8_t)(more ? 0x80 | more : len);
    if (more == 2)
        p[0] = (uint8_t)(len >> 8);
    if (more)
        p[more - 1] = (uint8_t)len;
}

static void der_algorithm(struct der *d)
{
    size_t at = der_open(d, DER_SEQUENCE);

    der_put(d, DER_OID, oid_ed25519, sizeof(oid_ed25519));
    der_close(d, at);
}

// A string of bits that ends with a whole byte.
static void der_bits(struct der *d, const void *data, size_t len)
{
    size_t at = der_open(d, DER_BITS);

    d->failed |= buf_add(d->b, "", 1) | buf_add(d->b, data, len);
    der_close(d, at);
}

static void der_public_key(struct der *d, const uint8_t key[32])
{
    size_t at = der_open(d, DER_SEQUENCE);

    der_algorithm(d);
    der_bits(d, key, 32);
    der_close(d, at);
}

// A name of one part, the common name.
static void der_name(struct der *d, const char *text)
{
    size_t name = der_open(d, DER_SEQUENCE), set = der_open(d, DER_SET);
    size_t pair = der_open(d, DER_SEQUENCE);

    der_put(d, DER_OID, oid_common_name, sizeof(oid_common_name));
    der_put(d, DER_UTF8, text, strlen(text));
    der_close(d, pair);
    der_close(d, set);
    der_close(d, name);
}

// Until 2049 with two digits of the year, as the standard wants it.
static void der_time(struct der *d, uint64_t s)
{
    time_t t = (time_t)s;
    char text[32];
    struct tm tm;
    bool utc;

    gmtime_r(&t, &tm);
    utc = tm.tm_year < 150;
    strftime(text, sizeof(text), utc ? "%y%m%d%H%M%SZ" : "%Y%m%d%H%M%SZ", &tm);
    der_put(d, utc ? DER_UTC_TIME : DER_TIME, text, strlen(text));
}

// An extension is its name, whether it must be understood, and octets.
struct extension {
    size_t whole, octets;
};

static struct extension ext_open(struct der *d, const uint8_t oid[3],
                                 bool critical)
{
    struct extension x = {.whole = der_open(d, DER_SEQUENCE)};

    der_put(d, DER_OID, oid, 3);
    if (critical)
        der_put(d, DER_BOOLEAN, "\xff", 1);
    x.octets = der_open(d, DER_OCTETS);
    return x;
}

static void ext_close(struct der *d, struct extension x)
{
    der_close(d, x.octets);
    der_close(d, x.whole);
}

// One byte of usages, its last `unused` bits not counted.
static void ext_usage(struct der *d, uint8_t usage, uint8_t unused)
{
    struct extension x = ext_open(d, oid_key_usage, true);
    const uint8_t bits[2] = {unused, usage};

    der_put(d, DER_BITS, bits, sizeof(bits));
    ext_close(d, x);
}

// ----------------------------------------------------------- a certificate

// Everything up to the extensions, which the caller adds.
struct cert {
    size_t whole, tbs, outer, list;
};

static struct cert cert_open(struct der *d, const uint8_t serial[16],
                             const char *issuer, uint64_t from_s,
                             uint64_t until_s, const char *subject,
                             const uint8_t key[32])
{
    struct cert c;
    size_t at;

    c.whole = der_open(d, DER_SEQUENCE);
    c.tbs = der_open(d, DER_SEQUENCE);
    at = der_open(d, DER_VERSION);
    der_put(d, DER_INTEGER, "\x02", 1); // version 3
    der_close(d, at);
    der_put(d, DER_INTEGER, serial, 16);
    der_algorithm(d);
    der_name(d, issuer);
    at = der_open(d, DER_SEQUENCE);
    der_time(d, from_s);
    der_time(d, until_s);
    der_close(d, at);
    der_name(d, subject);
    der_public_key(d, key);
    c.outer = der_open(d, DER_EXTENSIONS);
    c.list = der_open(d, DER_SEQUENCE);
    return c;
}

// What is signed is all that the certificate has held so far.
static void cert_close(struct der *d, struct cert c, const uint8_t *secret)
{
    uint8_t signature[crypto_sign_BYTES] = {0};

    der_close(d, c.list);
    der_close(d, c.outer);
    der_close(d, c.tbs);
    if (secret && !d->failed)
        crypto_sign_detached(signature, NULL, d->b->data + c.whole,
                             d->b->len - c.whole, secret);
    der_algorithm(d);
    der_bits(d, signature, sizeof(signature));
    der_close(d, c.whole);
}

int cert_authority(struct buf *der, const uint8_t identity[32],
                   const uint8_t *secret)
{
    // It begins before any node did and does not end (RFC 5280, 4.1.2.5).
    const uint64_t from_s = 1577836800, until_s = 253402300799;
    uint8_t serial[16] = {0x40};
    struct der d = {der, 0};
    struct extension x;
    char name[65];
    struct cert c;
    size_t at;

    hex_encode(name, identity, 32);
    c = cert_open(&d, serial, name, from_s, until_s, name, identity);
    x = ext_open(&d, oid_constraints, true);
    at = der_open(&d, DER_SEQUENCE);
    der_put(&d, DER_BOOLEAN, "\xff", 1); // an authority,
    der_put(&d, DER_INTEGER, "", 1);     // of servers, not of others like it
    der_close(&d, at);
    ext_close(&d, x);
    ext_usage(&d, 0x04, 2); // keyCertSign
    x = ext_open(&d, oid_subject_key, false);
    der_put(&d, DER_OCTETS, identity, KEY_ID_LEN);
    ext_close(&d, x);
    cert_close(&d, c, secret);
    return d.failed ? -ENOMEM : 0;
}

static void cert_alt_names(struct der *d, const uint8_t identity[32],
                           const char *address)
{
    struct extension x = ext_open(d, oid_alt_name, false);
    size_t at = der_open(d, DER_SEQUENCE);
    char name[CERT_NAME_SIZE];
    uint8_t ip[16];

    cert_name(name, identity);
    der_put(d, DER_NAME_DNS, name, strlen(name));
    if (inet_pton(AF_INET, address, ip) == 1)
        der_put(d, DER_NAME_IP, ip, 4);
    else if (inet_pton(AF_INET6, address, ip) == 1)
        der_put(d, DER_NAME_IP, ip, 16);
    der_close(d, at);
    ext_close(d, x);
}

int cert_server(struct buf *der, const uint8_t secret[64],
                const uint8_t server[32], const char *address, uint64_t now_s)
{
    const uint8_t *identity = secret + 32;
    char issuer[65], name[CERT_NAME_SIZE];
    struct der d = {der, 0};
    uint8_t serial[16];
    struct extension x;
    struct cert c;
    size_t at;

    randombytes_buf(serial, sizeof(serial));
    serial[0] = (serial[0] & 0x3f) | 0x40; // positive, of this length
    hex_encode(issuer, identity, 32);
    c = cert_open(&d, serial, issuer, now_s - 86400, now_s + CERT_VALID_S,
                  cert_name(name, identity), server);
    ext_usage(&d, 0x80, 7); // digitalSignature
    x = ext_open(&d, oid_extended_usage, false);
    at = der_open(&d, DER_SEQUENCE);
    der_put(&d, DER_OID, oid_server_auth, sizeof(oid_server_auth));
    der_close(&d, at);
    ext_close(&d, x);
    cert_alt_names(&d, identity, address);
    x = ext_open(&d, oid_authority_key, false);
    at = der_open(&d, DER_SEQUENCE);
    der_put(&d, DER_KEY_ID, identity, KEY_ID_LEN);
    der_close(&d, at);
    ext_close(&d, x);
    cert_close(&d, c, secret);
    return d.failed ? -ENOMEM : 0;
}

char *cert_name(char out[CERT_NAME_SIZE], const uint8_t identity[32])
{
    hex_encode(out, identity, 16);
    return strcat(out, ".hostel.internal");
}

// ------------------------------------------------------------- keys and text

int cert_secret(struct buf *der, const uint8_t secret[64])
{
    struct der d = {der, 0};
    size_t whole = der_open(&d, DER_SEQUENCE), at;

    der_put(&d, DER_INTEGER, "", 1); // version 1
    der_algorithm(&d);
    at = der_open(&d, DER_OCTETS);
    der_put(&d, DER_OCTETS, secret, 32); // the seed
    der_close(&d, at);
    der_close(&d, whole);
    return d.failed ? -ENOMEM : 0;
}

int cert_pem(struct buf *out, const char *label, const struct buf *der)
{
    char line[65];
    int r = buf_printf(out, "-----BEGIN %s-----\n", label);

    for (size_t at = 0; at < der->len && r == 0; at += 48) {
        size_t n = der->len - at < 48 ? der->len - at : 48;

        sodium_bin2base64(line, sizeof(line), der->data + at, n,
                          sodium_base64_VARIANT_ORIGINAL);
        r = buf_printf(out, "%s\n", line);
    }
    if (r == 0)
        r = buf_printf(out, "-----END %s-----\n", label);
    sodium_memzero(line, sizeof(line));
    return r;
}
