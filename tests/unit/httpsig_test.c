// SPDX-License-Identifier: ISC
// HTTP Message Signatures: RFC 9421's own example, a round trip, and what is
// refused.

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "lib/hex.h"
#include "node-agent/api/httpsig.h"

static const char *header[8][2];

static const char *field(void *arg, const char *name)
{
    (void)arg;
    for (size_t i = 0; header[i][0]; i++)
        if (!strcmp(header[i][0], name))
            return header[i][1];
    return NULL;
}

// RFC 9421, B.1.4 and B.2.6.
#define RFC_SEED                                                               \
    "9f8362f87a484a954e6e740c5b4c0e84229139a20aa8ab56ff66586f6a7d29c5"
#define RFC_KEY                                                                \
    "26b40b8f93fff3d897112f7ebc582b232dbd72517d082fe83cfb30ddce43d1bb"
#define RFC_INPUT                                                              \
    "sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" "                  \
    "\"content-type\" \"content-length\");created=1618884473;"                 \
    "keyid=\"test-key-ed25519\""
#define RFC_SIGNATURE                                                          \
    "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPi" \
    "u4A0w6vuQv5lIp5WPpBKRCw==:"

static const struct httpsig_request rfc_request = {.method = "POST",
                                                   .authority = "Example.com",
                                                   .path = "/foo",
                                                   .query =
                                                       "param=Value&Pet=dog",
                                                   .field = field};

static void rfc_headers(void)
{
    memset(header, 0, sizeof(header));
    header[0][0] = "date";
    header[0][1] = "Tue, 20 Apr 2021 02:07:55 GMT";
    header[1][0] = "content-type";
    header[1][1] = "  application/json ";
    header[2][0] = "content-length";
    header[2][1] = "18";
}

static void test_rfc_verifies(void)
{
    uint8_t key[32];
    struct httpsig sig;
    struct err e = {0};

    rfc_headers();
    assert(hex_decode(key, 32, RFC_KEY) == 0);
    assert(httpsig_parse(&sig, RFC_INPUT, "", &e) == 0);
    assert(sig.created == 1618884473 && sig.ncomponents == 6);
    assert(!strcmp(sig.keyid, "test-key-ed25519"));
    assert(httpsig_covers(&sig, "@path") && !httpsig_covers(&sig, "@query"));
    assert(httpsig_verify(&sig, RFC_SIGNATURE, &rfc_request, key, &e) == 0);

    header[2][1] = "19";
    assert(httpsig_verify(&sig, RFC_SIGNATURE, &rfc_request, key, &e) ==
           -EBADMSG);
    header[2][0] = NULL;
    assert(httpsig_verify(&sig, RFC_SIGNATURE, &rfc_request, key, &e) ==
           -EINVAL);
    assert(strstr(e.text, "\"content-length\""));
}

// Ed25519 is deterministic: signing must give the RFC's bytes.
static void test_rfc_signs(void)
{
    cleanup_buf struct buf input = BUF_INIT(4096), signature = BUF_INIT(4096);
    struct httpsig sig;
    uint8_t seed[32], public_key[32], secret_key[64];
    struct err e = {0};

    rfc_headers();
    assert(hex_decode(seed, 32, RFC_SEED) == 0);
    crypto_sign_seed_keypair(public_key, secret_key, seed);
    assert(httpsig_parse(&sig, RFC_INPUT, "", &e) == 0);
    assert(httpsig_sign(&sig, &rfc_request, secret_key, &input, &signature,
                        &e) == 0);
    assert(!strcmp(buf_str(&input), RFC_INPUT));
    assert(!strcmp(buf_str(&signature), RFC_SIGNATURE));
}

static void test_every_flipped_bit_is_refused(void)
{
    static const struct httpsig_request rq = {.method = "DELETE",
                                              .authority = "127.0.0.1:7580",
                                              .path = "/v1/submissions/0123",
                                              .field = field};
    struct httpsig sig = {
        .label = "hostel",
        .component = {"@method", "@authority", "@path", "@query"},
        .ncomponents = 4,
        .created = 1795000000,
        .keyid = "k",
        .nonce = "n",
        .tag = "t"};
    cleanup_buf struct buf input = BUF_INIT(4096), signature = BUF_INIT(4096);
    uint8_t public_key[32], secret_key[64];
    struct httpsig got;
    struct err e = {0};

    crypto_sign_keypair(public_key, secret_key);
    assert(httpsig_sign(&sig, &rq, secret_key, &input, &signature, &e) == 0);
    assert(httpsig_parse(&got, buf_str(&input), "", &e) == 0);
    assert(httpsig_verify(&got, buf_str(&signature), &rq, public_key, &e) == 0);
    for (size_t bit = 0; bit < 8 * input.len; bit++) {
        input.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert(httpsig_parse(&got, buf_str(&input), "", &e) < 0 ||
               httpsig_verify(&got, buf_str(&signature), &rq, public_key, &e) <
                   0);
        input.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert(httpsig_parse(&got, buf_str(&input), "", &e) == 0);
    for (size_t bit = 0; bit < 8 * signature.len; bit++) {
        signature.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert(httpsig_verify(&got, buf_str(&signature), &rq, public_key, &e) <
               0);
        signature.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void test_malformed_inputs(void)
{
    static const char *const bad[] = {
        "",
        "sig",
        "sig=",
        "sig=(",
        "sig=()x",
        "sig=(\"@method\"",
        "sig=(\"@method\"  \"@path\")",
        "sig=(\"@method\"\"@path\")",
        "sig=( \"@method\")",
        "sig=(\"@method\" )",
        "sig=(\"@method\" \"@method\")",
        "sig=(\"@method\";req)",
        "sig=(\"a\\\"b\")",
        "sig=(\"@method\");created",
        "sig=(\"@method\");created=",
        "sig=(\"@method\");created=\"1\"",
        "sig=(\"@method\");created=01",
        "sig=(\"@method\");created=1234567890123456",
        "sig=(\"@method\");created=1;created=2",
        "sig=(\"@method\"); created=1",
        "sig=(\"@method\");keyid=k",
        "sig=(\"@method\");keyid=\"k",
        "sig=(\"@method\");colour=\"red\"",
        "sig=(\"@method\"), sig=(\"@path\")",
        "sig=(\"@method\"),",
        "sig=(\"@method\") other=(\"@path\")",
        "sig=(\"@method\"), other=(\"@path\";req)",
        "Sig=(\"@method\")",
        "sig=(\"1\" \"2\" \"3\" \"4\" \"5\" \"6\" \"7\" \"8\" \"9\" \"a\" "
        "\"b\" \"c\" \"d\" \"e\" \"f\" \"g\" \"h\")",
    };
    struct httpsig sig;
    char longest[4096];

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct err e = {0};

        assert(httpsig_parse(&sig, bad[i], "", &e) == -EINVAL);
        assert(e.text[0]);
    }
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert(httpsig_parse(&sig, longest, "", NULL) == -EINVAL);
}

static void test_digest(void)
{
    // RFC 9530, appendix B: the empty string and its sha-256.
    static const char empty[] =
        "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
    char text[HTTPSIG_DIGEST_SIZE];

    assert(!strcmp(httpsig_digest(text, "", 0), empty));
    assert(httpsig_digest_check(empty, "", 0, NULL) == 0);
    assert(httpsig_digest_check(empty, "x", 1, NULL) == -EBADMSG);
    // RFC 9530, appendix B.1: both algorithms, of {"hello": "world"} and a
    // new line.
    assert(
        httpsig_digest_check(
            "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aC"
            "syRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:, "
            "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
            "{\"hello\": \"world\"}\n", 19, NULL) == 0);
    assert(httpsig_digest_check(
               "id-sha-512=:AAAA:, "
               "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
               "{\"hello\": \"world\"}\n", 19, NULL) == 0);
    assert(httpsig_digest_check(
               "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:, "
               "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
               "{\"hello\": \"world\"}\n", 19, NULL) == -EINVAL);
    assert(httpsig_digest_check("md5=:AAAA:", "", 0, NULL) == -EINVAL);
    assert(httpsig_digest_check("sha-512=:AAAA:", "", 0, NULL) == -EINVAL);
    assert(httpsig_digest_check("sha-256=:AAAA:", "", 0, NULL) == -EINVAL);
    assert(httpsig_digest_check("sha-256=", "", 0, NULL) == -EINVAL);
}

// What a stranger's client may send beside the least: its own label, the whole
// URI instead of its parts, the usual port, a proxy's signature as well.
static void test_strangers_client(void)
{
    static const struct httpsig_request rq = {.method = "GET",
                                              .authority = "Node.Example:443",
                                              .scheme = "https",
                                              .path = "/v1/account",
                                              .query = "a=b",
                                              .field = field},
                                        bare = {.method = "GET",
                                                .authority = "node.example",
                                                .scheme = "https",
                                                .path = "/v1/account",
                                                .query = "a=b",
                                                .field = field},
                                        plain = {.method = "GET",
                                                 .authority = "node.example",
                                                 .scheme = "http",
                                                 .path = "/v1/account",
                                                 .query = "a=b",
                                                 .field = field};
    struct httpsig sig = {
        .label = "sig1",
        .component = {"@method", "@target-uri", "@request-target", "@scheme"},
        .ncomponents = 4,
        .created = 1795000000,
        .tag = "hostel-x"};
    cleanup_buf struct buf input = BUF_INIT(4096), signature = BUF_INIT(4096);
    cleanup_buf struct buf two = BUF_INIT(4096), both = BUF_INIT(4096);
    uint8_t public_key[32], secret_key[64];
    struct err e = {0};
    struct httpsig got;

    crypto_sign_keypair(public_key, secret_key);
    assert(httpsig_sign(&sig, &rq, secret_key, &input, &signature, &e) == 0);
    buf_printf(&two, "proxy=(\"@authority\");created=1;tag=\"p\", %s",
               buf_str(&input));
    buf_printf(&both, "proxy=:AAAA:,%s", buf_str(&signature));
    assert(httpsig_parse(&got, buf_str(&two), "hostel-", &e) == 0);
    assert(!strcmp(got.label, "sig1"));
    assert(httpsig_verify(&got, buf_str(&both), &rq, public_key, &e) == 0);
    assert(httpsig_verify(&got, buf_str(&both), &bare, public_key, &e) == 0);
    assert(httpsig_verify(&got, buf_str(&both), &plain, public_key, &e) ==
           -EBADMSG);
    assert(httpsig_parse(&got, buf_str(&two), "other-", &e) == 0);
    assert(!strcmp(got.label, "proxy"));
}

int main(void)
{
    assert(sodium_init() >= 0);
    test_rfc_verifies();
    test_rfc_signs();
    test_every_flipped_bit_is_refused();
    test_malformed_inputs();
    test_digest();
    test_strangers_client();
    return 0;
}
