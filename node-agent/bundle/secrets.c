// SPDX-License-Identifier: ISC
// Sealed environment variables; see secrets.h.

#include "node-agent/bundle/secrets.h"

#include <sodium.h>
#include <string.h>

#include "node-agent/bundle/text.h"

static const char key_context[] = "hostel secrets key v1";
static const char text_context[] = "hostel secrets v1";

#define KEY_CONTEXT (sizeof(key_context) - 1) // without its 0
#define HEAD_BYTES  (sizeof(text_context) + KEY_BYTES)

// ----------------------------------------------------------------------- keys

void secrets_key_make(struct secrets_key *k)
{
    crypto_box_keypair(k->public_key, k->secret);
}

void secrets_key_public(struct secrets_key *k)
{
    crypto_scalarmult_base(k->public_key, k->secret);
}

static void certificate_text(const uint8_t public_key[32],
                             uint8_t out[KEY_CONTEXT + 32])
{
    memcpy(out, key_context, KEY_CONTEXT);
    memcpy(out + KEY_CONTEXT, public_key, 32);
}

void secrets_key_certify(const uint8_t public_key[32],
                         const uint8_t node_secret[64],
                         uint8_t signature[SECRETS_SIGNATURE_BYTES])
{
    uint8_t text[KEY_CONTEXT + 32];

    certificate_text(public_key, text);
    crypto_sign_detached(signature, NULL, text, sizeof(text), node_secret);
}

int secrets_key_verify(const uint8_t public_key[32],
                       const uint8_t signature[SECRETS_SIGNATURE_BYTES],
                       const uint8_t node_id[32], struct err *e)
{
    uint8_t text[KEY_CONTEXT + 32];

    certificate_text(public_key, text);
    if (crypto_sign_verify_detached(signature, text, sizeof(text), node_id))
        return err_set(e, EBADMSG,
                       "the node's key for secrets is not signed by the node; "
                       "nothing is sealed to it");
    return 0;
}

// -------------------------------------------------------------------- sealing

static int string_check(const char *s, size_t number, struct err *e)
{
    const char *equals = strchr(s, '=');

    if (equals && text_is_identifier(s, equals))
        return 0;
    return err_set(e, EINVAL, "secret %zu must be written NAME=value", number);
}

static int plain_make(const char *const *env, size_t n,
                      const uint8_t customer[32], struct buf *plain,
                      struct err *e)
{
    // All at once, so that growing leaves no copies behind.
    int r = buf_room(plain, plain->max) ? 0 : -ENOMEM;

    if (r == 0)
        r = buf_add(plain, text_context, sizeof(text_context));
    if (r == 0)
        r = buf_add(plain, customer, KEY_BYTES);
    for (size_t i = 0; i < n && r == 0; i++) {
        if (string_check(env[i], i + 1, e) < 0)
            return -EINVAL;
        r = buf_add(plain, env[i], strlen(env[i]) + 1);
    }
    return r < 0 ? err_set(e, E2BIG, "the secrets take more than %u bytes",
                           (unsigned)ARGS_BYTES_MAX)
                 : 0;
}

int secrets_seal(const char *const *env, size_t n, const uint8_t customer[32],
                 const uint8_t public_key[32], struct buf *out, struct err *e)
{
    struct buf plain = BUF_INIT(HEAD_BYTES + ARGS_BYTES_MAX);
    int r = plain_make(env, n, customer, &plain, e);
    uint8_t *room = NULL;

    if (r == 0) {
        room = buf_room(out, plain.len + crypto_box_SEALBYTES);
        if (!room)
            r = err_set(e, ENOMEM, "no memory for secrets");
    }
    if (r == 0 && crypto_box_seal(room, (const uint8_t *)plain.data, plain.len,
                                  public_key))
        r = err_set(e, EINVAL, "the node's key for secrets is no key");
    if (r == 0)
        out->len += plain.len + crypto_box_SEALBYTES;
    secrets_forget(&plain);
    return r;
}

// -------------------------------------------------------------------- opening

void secrets_forget(struct buf *b)
{
    if (b->data)
        sodium_memzero(b->data, b->len);
    buf_free(b);
}

// A variable of the same name in the clear, or before it among the secrets.
static bool is_twice(const struct manifest *m, const char *from, const char *s)
{
    size_t len = strchr(s, '=') - s + 1;

    for (size_t i = 0; i < m->nenv; i++)
        if (!strncmp(m->env[i], s, len))
            return true;
    for (; from < s; from += strlen(from) + 1)
        if (!strncmp(from, s, len))
            return true;
    return false;
}

static int strings_check(const struct manifest *m, const char *from,
                         const char *end, size_t *n, struct err *e)
{
    for (const char *s = from; s < end; s += strlen(s) + 1) {
        if (!memchr(s, 0, end - s))
            return err_set(e, EINVAL, "the last secret does not end in a 0");
        if (++*n > ENV_MAX)
            return err_set(e, E2BIG, "there are more than %u secrets", ENV_MAX);
        if (string_check(s, *n, e) < 0)
            return -EINVAL;
        if (is_twice(m, from, s))
            return err_set(e, EINVAL,
                           "secret %zu sets a variable that is set twice", *n);
    }
    return 0;
}

static int unseal(const struct manifest *m, const struct secrets_key *key,
                  struct buf *plain, struct err *e)
{
    size_t len = m->sealed_len - crypto_box_SEALBYTES;
    uint8_t *room = buf_room(plain, len);

    if (!room)
        return err_set(e, ENOMEM, "no memory for secrets");
    if (crypto_box_seal_open(room, m->sealed, m->sealed_len, key->public_key,
                             key->secret))
        return err_set(e, EINVAL,
                       "the bundle's secrets are damaged: they cannot be "
                       "opened; make the bundle again");
    plain->len = len;
    if (memcmp(room, text_context, sizeof(text_context)) ||
        memcmp(room + sizeof(text_context), m->customer, KEY_BYTES))
        return err_set(e, EINVAL,
                       "the bundle's secrets were sealed by another customer");
    return 0;
}

int secrets_open(const struct manifest *m, const struct secrets_key *key,
                 struct buf *out, size_t *n, struct err *e)
{
    struct buf plain = BUF_INIT(SEALED_MAX);
    int r;

    *n = 0;
    if (!m->sealed_len)
        return 0;
    if (m->sealed_len < HEAD_BYTES + crypto_box_SEALBYTES ||
        m->sealed_len > SEALED_MAX)
        return err_set(e, EINVAL, "the bundle's secrets have a wrong length");
    if (memcmp(m->sealed_key, key->public_key, KEY_BYTES))
        return err_set(e, EINVAL,
                       "the bundle's secrets are sealed to a key that this "
                       "node does not have; make the bundle again");
    r = unseal(m, key, &plain, e);
    if (r == 0)
        r = strings_check(m, (const char *)plain.data + HEAD_BYTES,
                          (const char *)plain.data + plain.len, n, e);
    if (r == 0 &&
        buf_add(out, plain.data + HEAD_BYTES, plain.len - HEAD_BYTES) < 0)
        r = err_set(e, E2BIG, "the secrets do not fit");
    secrets_forget(&plain);
    return r;
}
