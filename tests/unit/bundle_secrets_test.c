// SPDX-License-Identifier: ISC
// Secrets: sealed, opened by the right node for the right customer only, and
// whatever a stranger may have sealed instead.

#include <sodium.h>

#include "node-agent/bundle/key.h"
#include "node-agent/bundle/secrets.h"
#include "tests/unit/lib_check.h"

static const char *const env[] = {"PASSWORD=geheim", "EMPTY=", "_x=a=b\n"};
static const char opened[] = "PASSWORD=geheim\0EMPTY=\0_x=a=b\n";

static struct manifest sealed_by(const struct secrets_key *k, struct buf *b,
                                 uint8_t customer)
{
    struct manifest m = {0};

    memset(m.customer, customer, KEY_BYTES);
    memcpy(m.sealed_key, k->public_key, KEY_BYTES);
    buf_free(b);
    CHECK_WORKS(secrets_seal(env, 3, m.customer, k->public_key, b, e));
    m.sealed = b->data;
    m.sealed_len = b->len;
    return m;
}

static int open_it(const struct manifest *m, const struct secrets_key *k,
                   struct err *e)
{
    struct buf out = BUF_INIT(SEALED_MAX);
    size_t n;
    int r = secrets_open(m, k, &out, &n, e);

    if (r == 0 && m->sealed_len)
        CHECK(n == 3 && out.len == sizeof(opened) &&
              !memcmp(out.data, opened, out.len));
    secrets_forget(&out);
    return r;
}

// What a client that is not ours may seal: these bytes behind the head.
static struct manifest forged(const struct secrets_key *k, struct buf *b,
                              const char *text, size_t len)
{
    uint8_t plain[512] = "hostel secrets v1";
    struct manifest m = {0};

    memset(m.customer, 1, KEY_BYTES);
    memcpy(m.sealed_key, k->public_key, KEY_BYTES);
    memcpy(plain + 18, m.customer, KEY_BYTES);
    memcpy(plain + 50, text, len);
    b->len = 0;
    crypto_box_seal(buf_room(b, 50 + len + crypto_box_SEALBYTES), plain,
                    50 + len, k->public_key);
    b->len = 50 + len + crypto_box_SEALBYTES;
    m.sealed = b->data;
    m.sealed_len = b->len;
    return m;
}

static void test_forged(const struct secrets_key *k)
{
    static const struct {
        const char *text, *says;
        size_t len;
    } cases[] = {
        {"A=1", "does not end in a 0", 3},
        {"A", "secret 1 must be written", 2},
        {"A=1\0B B=2", "secret 2 must be written", 10},
        {"A=1\0A=2", "secret 2 sets a variable that is set twice", 8},
        {"LANG=x", "secret 1 sets a variable that is set twice", 7},
    };
    cleanup_buf struct buf b = BUF_INIT(SEALED_MAX);
    const char *clear[] = {"LANG=C"};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct manifest m = forged(k, &b, cases[i].text, cases[i].len);

        m.env = clear;
        m.nenv = 1;
        CHECK_FAILS(open_it(&m, k, e), cases[i].says);
    }
}

int main(void)
{
    cleanup_buf struct buf b = BUF_INIT(SEALED_MAX);
    struct secrets_key k, other;
    uint8_t signature[SECRETS_SIGNATURE_BYTES];
    const char *bad[] = {"no equals sign"};
    struct manifest m, none = {0};
    struct seckey node;
    struct pubkey id;

    CHECK_WORKS(key_init(e));
    key_make(&node);
    key_public(&node, &id);
    secrets_key_make(&k);
    secrets_key_make(&other);
    secrets_key_certify(k.public_key, node.key, signature);
    CHECK_WORKS(secrets_key_verify(k.public_key, signature, id.key, e));
    CHECK_FAILS(secrets_key_verify(other.public_key, signature, id.key, e),
                "not signed by the node");

    CHECK_WORKS(open_it(&none, &k, e));
    m = sealed_by(&k, &b, 1);
    CHECK_WORKS(open_it(&m, &k, e));
    CHECK_FAILS(open_it(&m, &other, e), "a key that this node does not have");
    m.customer[0]++;
    CHECK_FAILS(open_it(&m, &k, e), "sealed by another customer");
    m.customer[0]--;
    for (size_t i = 0; i < b.len; i++) {
        b.data[i] ^= 1;
        CHECK_FAILS(open_it(&m, &k, e), "damaged");
        b.data[i] ^= 1;
    }
    for (m.sealed_len = 1; m.sealed_len < b.len; m.sealed_len++)
        CHECK_FAILS(open_it(&m, &k, e), "the bundle's secrets");
    b.len = 0;
    CHECK_FAILS(secrets_seal(bad, 1, m.customer, k.public_key, &b, e),
                "NAME=value");
    test_forged(&k);
    return 0;
}
