// SPDX-License-Identifier: ISC
// Key files and signature files; tests/e2e/bundle-minisign holds them against
// the real minisign.

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>

#include "node-agent/bundle/key_proof.h"
#include "node-agent/bundle/signature.h"
#include "tests/unit/lib_check.h"

static void test_files(const char *dir)
{
    char key[256], pub[256], number[KEY_NUMBER_TEXT];
    struct seckey sk, again;
    struct pubkey pk, pk_again;
    struct stat st;

    snprintf(key, sizeof(key), "%s/a.key", dir);
    snprintf(pub, sizeof(pub), "%s/a.pub", dir);
    key_make(&sk);
    key_public(&sk, &pk);
    umask(0);
    CHECK_WORKS(seckey_write(key, &sk, e));
    CHECK(stat(key, &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK_FAILS(seckey_write(key, &sk, e), "File exists");
    CHECK(seckey_write(key, &sk, NULL) == -EEXIST);
    CHECK_WORKS(seckey_read(key, &again, e));
    CHECK(memcmp(&sk, &again, sizeof(sk)) == 0);
    CHECK_WORKS(pubkey_write(pub, &pk, e));
    CHECK_WORKS(pubkey_read(pub, &pk_again, e));
    CHECK(memcmp(&pk, &pk_again, sizeof(pk)) == 0);
    CHECK_FAILS(seckey_read(pub, &again, e), "is not a secret key");
    CHECK_FAILS(pubkey_read(key, &pk, e), "is not a public key");
    CHECK_FAILS(seckey_read("/nonexistent/k", &again, e), "No such file");
    key_forget(&sk);
    CHECK(sodium_is_zero((uint8_t *)&sk, sizeof(sk)));

    memcpy(pk.number, "\1\2\3\4\5\6\7\xff", 8);
    CHECK(strcmp(key_number_text(number, pk.number), "FF07060504030201") == 0);
}

// Every byte of the secret key's line changed: refused, or (number, what is
// unused without a password) another key file that is as good.
static void test_damaged_file(const char *dir)
{
    cleanup_buf struct buf text = BUF_INIT(4096);
    char key[256], bad[256];
    struct seckey sk, got;
    int refused = 0;

    snprintf(key, sizeof(key), "%s/b.key", dir);
    snprintf(bad, sizeof(bad), "%s/bad.key", dir);
    key_make(&sk);
    CHECK_WORKS(seckey_write(key, &sk, e));
    CHECK_WORKS(file_read(key, &text, e));
    for (size_t i = 0; i < text.len; i++) {
        uint8_t was = text.data[i];

        text.data[i] ^= 1;
        CHECK_WORKS(file_write_durable(bad, text.data, text.len, 0600, e));
        if (seckey_read(bad, &got, NULL) < 0)
            refused++;
        else
            CHECK(memcmp(got.key, sk.key, sizeof(sk.key)) == 0);
        text.data[i] = was;
    }
    CHECK(refused > 100);
    for (size_t n = 0; n < text.len - 1; n++) {
        CHECK_WORKS(file_write_durable(bad, text.data, n, 0600, e));
        CHECK(seckey_read(bad, &got, NULL) < 0);
    }
}

static void test_hex(void)
{
    static const char good[] =
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    uint8_t key[KEY_BYTES];

    CHECK_WORKS(pubkey_from_hex(good, key, e));
    CHECK(key[31] == 0xff);
    CHECK_FAILS(pubkey_from_hex(good + 1, key, e), "64 hexadecimal digits");
    CHECK_FAILS(pubkey_from_hex("", key, e), "64 hexadecimal digits");
}

static int verify(const struct pubkey *pk, const char *data,
                  const struct buf *sig, struct err *e)
{
    char trusted[TRUSTED_COMMENT_MAX + 1];
    int r = signature_verify(pk, "the text", data, strlen(data), buf_str(sig),
                             sig->len, trusted, e);

    CHECK(r < 0 || strcmp(trusted, "of the test") == 0);
    return r;
}

static void test_signature(void)
{
    cleanup_buf struct buf sig = BUF_INIT(SIGNATURE_MAX);
    char comment[TRUSTED_COMMENT_MAX + 2];
    struct guarded g;
    struct seckey sk;
    struct pubkey pk;

    key_make(&sk);
    key_public(&sk, &pk);
    CHECK_WORKS(signature_make(&sk, "data", 4, "of the test", &sig, e));
    CHECK_WORKS(verify(&pk, "data", &sig, e));
    CHECK_FAILS(verify(&pk, "dat", &sig, e), "the signature of the text is");
    for (size_t i = 0; i < sig.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            sig.data[i] ^= 1 << bit;
            CHECK(verify(&pk, "data", &sig, NULL) < 0);
            sig.data[i] ^= 1 << bit;
        }
    }
    g = guarded_new(sig.len);
    for (size_t n = 0; n < sig.len; n++)
        CHECK_FAILS(signature_verify(&pk, "x", "data", 4,
                                     (char *)guarded_put(&g, sig.data, n), n,
                                     NULL, e),
                    "not in minisign's format");
    guarded_free(&g);

    *(char *)memmem(sig.data, sig.len, "of the", 6) = 'O';
    CHECK_FAILS(verify(&pk, "data", &sig, e), "the trusted comment of");
    pk.number[0] ^= 1;
    CHECK_FAILS(verify(&pk, "data", &sig, e), "signed with the key number");

    memset(comment, 'x', sizeof(comment));
    comment[TRUSTED_COMMENT_MAX + 1] = 0;
    CHECK_FAILS(signature_make(&sk, "", 0, comment, &sig, e), "too long");
    CHECK_FAILS(signature_make(&sk, "", 0, "a\nb", &sig, e), "not plain");
}

// A key's agreement is for one node and one account, and nobody else's.
static void test_proof(void)
{
    uint8_t node[KEY_BYTES] = {1}, account[KEY_BYTES] = {2};
    uint8_t proof[KEY_PROOF_BYTES], none[KEY_PROOF_BYTES] = {0};
    struct seckey sk, other;
    struct pubkey pk, pk_other;

    key_make(&sk);
    key_public(&sk, &pk);
    key_make(&other);
    key_public(&other, &pk_other);
    key_proof_make(&sk, node, account, proof);
    CHECK(key_proof_good(pk.key, node, account, proof));
    CHECK(!key_proof_good(pk.key, node, account, none));
    CHECK(!key_proof_good(pk_other.key, node, account, proof));
    CHECK(!key_proof_good(pk.key, account, node, proof));
    for (size_t i = 0; i < KEY_BYTES; i++) {
        node[i] ^= 1;
        CHECK(!key_proof_good(pk.key, node, account, proof));
        node[i] ^= 1;
        account[i] ^= 1;
        CHECK(!key_proof_good(pk.key, node, account, proof));
        account[i] ^= 1;
    }
    for (size_t i = 0; i < sizeof(proof); i++) {
        proof[i] ^= 1;
        CHECK(!key_proof_good(pk.key, node, account, proof));
        proof[i] ^= 1;
    }
}

int main(void)
{
    char dir[] = "/tmp/hostel-key-XXXXXX", command[64];

    CHECK(mkdtemp(dir));
    CHECK_WORKS(key_init(e));
    test_files(dir);
    test_damaged_file(dir);
    test_hex();
    test_signature();
    test_proof();
    snprintf(command, sizeof(command), "rm -r %s", dir);
    return system(command);
}
