// SPDX-License-Identifier: ISC
// A node's own certificates, read by another library: who trusts the node's
// key trusts its server, and nobody else's; every flipped bit is noticed.

#include "node-agent/agent/cert.h"

#include <gnutls/x509.h>
#include <sodium.h>

#include "lib/hex.h"
#include "tests/unit/lib_check.h"

#define NOW_S 1795000000u

static uint8_t identity[32], identity_secret[64];
static uint8_t server[32], server_secret[64];

static gnutls_x509_crt_t crt_read(const struct buf *der)
{
    const gnutls_datum_t d = {der->data, (unsigned)der->len};
    gnutls_x509_crt_t crt;

    CHECK(gnutls_x509_crt_init(&crt) == 0);
    CHECK(gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_DER) == 0);
    return crt;
}

// What a client makes of them; 0: it believes.
static unsigned verdict(const struct buf *authority, const struct buf *leaf)
{
    gnutls_x509_crt_t ca = crt_read(authority), crt = crt_read(leaf);
    gnutls_x509_trust_list_t list;
    unsigned status = ~0u;

    CHECK(gnutls_x509_trust_list_init(&list, 0) == 0);
    CHECK(gnutls_x509_trust_list_add_cas(list, &ca, 1, 0) == 1);
    CHECK(gnutls_x509_trust_list_verify_crt(list, &crt, 1,
                                            GNUTLS_VERIFY_DISABLE_TIME_CHECKS,
                                            &status, NULL) == 0);
    gnutls_x509_trust_list_deinit(list, 0);
    gnutls_x509_crt_deinit(ca);
    gnutls_x509_crt_deinit(crt);
    return status;
}

static void test_chain(void)
{
    struct buf signed_ca = BUF_INIT(CERT_MAX), bare_ca = BUF_INIT(CERT_MAX);
    struct buf other_ca = BUF_INIT(CERT_MAX), leaf = BUF_INIT(CERT_MAX);
    uint8_t other[32] = {1};

    CHECK(cert_authority(&signed_ca, identity, identity_secret) == 0);
    CHECK(cert_authority(&bare_ca, identity, NULL) == 0);
    CHECK(cert_authority(&other_ca, other, NULL) == 0);
    CHECK(cert_server(&leaf, identity_secret, server, "192.0.2.7", NOW_S) == 0);
    // The same but for the signature.
    CHECK(signed_ca.len == bare_ca.len);
    CHECK(!memcmp(signed_ca.data, bare_ca.data, bare_ca.len - 64));
    CHECK(verdict(&signed_ca, &leaf) == 0);
    CHECK(verdict(&bare_ca, &leaf) == 0);
    CHECK(verdict(&other_ca, &leaf) != 0);
    buf_free(&signed_ca);
    buf_free(&bare_ca);
    buf_free(&other_ca);
    buf_free(&leaf);
}

static void test_contents(void)
{
    struct buf ca = BUF_INIT(CERT_MAX), leaf = BUF_INIT(CERT_MAX);
    char name[CERT_NAME_SIZE], dn[256];
    size_t size = sizeof(dn);
    gnutls_x509_crt_t crt;
    unsigned usage;

    CHECK(cert_server(&leaf, identity_secret, server, "2001:db8::7", NOW_S) ==
          0);
    crt = crt_read(&leaf);
    CHECK(gnutls_x509_crt_get_version(crt) == 3);
    CHECK(gnutls_x509_crt_get_activation_time(crt) == NOW_S - 86400);
    CHECK(gnutls_x509_crt_get_expiration_time(crt) == NOW_S + CERT_VALID_S);
    CHECK(gnutls_x509_crt_check_hostname(crt, cert_name(name, identity)));
    CHECK(gnutls_x509_crt_check_hostname(crt, "2001:db8::7"));
    CHECK(!gnutls_x509_crt_check_hostname(crt, "example.org"));
    CHECK(gnutls_x509_crt_get_ca_status(crt, NULL) <= 0);
    CHECK(gnutls_x509_crt_get_key_usage(crt, &usage, NULL) == 0);
    CHECK(usage == GNUTLS_KEY_DIGITAL_SIGNATURE);
    CHECK(gnutls_x509_crt_get_issuer_dn(crt, dn, &size) == 0);
    hex_encode(dn + 128, identity, 32);
    CHECK(!strncmp(dn, "CN=", 3) && !strcmp(dn + 3, dn + 128));
    gnutls_x509_crt_deinit(crt);

    CHECK(cert_authority(&ca, identity, NULL) == 0);
    crt = crt_read(&ca);
    CHECK(gnutls_x509_crt_get_ca_status(crt, NULL) == 1);
    CHECK(gnutls_x509_crt_get_key_usage(crt, &usage, NULL) == 0);
    CHECK(usage == GNUTLS_KEY_KEY_CERT_SIGN);
    gnutls_x509_crt_deinit(crt);
    buf_free(&ca);
    buf_free(&leaf);
}

static void test_every_flipped_bit(void)
{
    struct buf ca = BUF_INIT(CERT_MAX), leaf = BUF_INIT(CERT_MAX);

    CHECK(cert_authority(&ca, identity, NULL) == 0);
    CHECK(cert_server(&leaf, identity_secret, server, "", NOW_S) == 0);
    for (size_t bit = 0; bit < 8 * leaf.len; bit++) {
        gnutls_datum_t d = {leaf.data, (unsigned)leaf.len};
        gnutls_x509_crt_t crt;

        leaf.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(gnutls_x509_crt_init(&crt) == 0);
        if (gnutls_x509_crt_import(crt, &d, GNUTLS_X509_FMT_DER) == 0)
            CHECK(verdict(&ca, &leaf) != 0);
        gnutls_x509_crt_deinit(crt);
        leaf.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    CHECK(verdict(&ca, &leaf) == 0);
    buf_free(&ca);
    buf_free(&leaf);
}

// The secret key in PEM, with the certificate: a pair, to the other library.
static void test_secret(void)
{
    struct buf der = BUF_INIT(256), pem = BUF_INIT(1024);
    gnutls_ecc_curve_t curve;
    gnutls_x509_privkey_t key;
    gnutls_datum_t d, x, k;

    CHECK(cert_secret(&der, server_secret) == 0);
    CHECK(cert_pem(&pem, "PRIVATE KEY", &der) == 0);
    d = (gnutls_datum_t){pem.data, (unsigned)pem.len};
    CHECK(gnutls_x509_privkey_init(&key) == 0);
    CHECK(gnutls_x509_privkey_import(key, &d, GNUTLS_X509_FMT_PEM) == 0);
    CHECK(gnutls_x509_privkey_export_ecc_raw(key, &curve, &x, NULL, &k) == 0);
    CHECK(curve == GNUTLS_ECC_CURVE_ED25519 && x.size == 32 && k.size == 32);
    CHECK(!memcmp(x.data, server, 32) && !memcmp(k.data, server_secret, 32));
    gnutls_free(x.data);
    gnutls_free(k.data);
    gnutls_x509_privkey_deinit(key);
    buf_free(&der);
    buf_free(&pem);
}

int main(void)
{
    CHECK(sodium_init() >= 0);
    crypto_sign_keypair(identity, identity_secret);
    crypto_sign_keypair(server, server_secret);
    test_chain();
    test_contents();
    test_every_flipped_bit();
    test_secret();
    return 0;
}
