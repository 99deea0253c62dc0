// SPDX-License-Identifier: ISC
// Certificates of receipts keys.
#include "billing/receipts_key.h"

#include <sodium.h>
#include <string.h>
#include "receipt.pb-c.h"

#define CONTEXT_LEN (sizeof(KEY_CERT_CONTEXT) - 1)
#define SIGNED_LEN  (CONTEXT_LEN + 32 + 8 + 8)

static void put_le64(uint8_t out[8], uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static void signed_text(const struct key_cert *cert, uint8_t out[SIGNED_LEN])
{
    memcpy(out, KEY_CERT_CONTEXT, CONTEXT_LEN);
    memcpy(out + CONTEXT_LEN, cert->public_key, 32);
    put_le64(out + CONTEXT_LEN + 32, cert->not_before_s);
    put_le64(out + CONTEXT_LEN + 40, cert->not_after_s);
}

int key_cert_sign(struct key_cert *cert, const uint8_t node_secret[64],
                  const uint8_t public_key[32], uint64_t not_before_s,
                  uint64_t not_after_s, struct err *e)
{
    uint8_t text[SIGNED_LEN];

    if (not_before_s > not_after_s)
        return err_set(e, EINVAL,
                       "the receipts key would expire before it begins");
    memset(cert, 0, sizeof(*cert));
    crypto_sign_ed25519_sk_to_pk(cert->node_id, node_secret);
    memcpy(cert->public_key, public_key, 32);
    cert->not_before_s = not_before_s;
    cert->not_after_s = not_after_s;
    signed_text(cert, text);
    crypto_sign_detached(cert->signature, NULL, text, sizeof(text),
                         node_secret);
    return 0;
}

int key_cert_verify(const struct key_cert *cert, const uint8_t node_id[32],
                    struct err *e)
{
    uint8_t text[SIGNED_LEN];

    if (memcmp(cert->node_id, node_id, 32) != 0)
        return err_set(e, EBADMSG,
                       "the receipts key's certificate names another node");
    signed_text(cert, text);
    if (crypto_sign_verify_detached(cert->signature, text, sizeof(text),
                                    node_id) != 0)
        return err_set(e, EBADMSG,
                       "the receipts key's certificate is not signed by the "
                       "node");
    return 0;
}

int receipts_key_make(struct receipts_key *key, const uint8_t node_secret[64],
                      uint64_t now_s, uint64_t valid_s, struct err *e)
{
    uint8_t public_key[32];

    crypto_sign_keypair(public_key, key->secret);
    return key_cert_sign(
        &key->cert, node_secret, public_key,
        now_s > RECEIPTS_KEY_SKEW_S ? now_s - RECEIPTS_KEY_SKEW_S : 0,
        now_s + valid_s, e);
}

size_t key_cert_pack(const struct key_cert *cert, uint8_t out[KEY_CERT_MAX])
{
    Billing__KeyCert message = BILLING__KEY_CERT__INIT;

    message.node_id = (ProtobufCBinaryData){32, (uint8_t *)cert->node_id};
    message.public_key = (ProtobufCBinaryData){32, (uint8_t *)cert->public_key};
    message.not_before_s = cert->not_before_s;
    message.not_after_s = cert->not_after_s;
    message.signature = (ProtobufCBinaryData){64, (uint8_t *)cert->signature};
    return billing__key_cert__pack(&message, out);
}

int key_cert_unpack(struct key_cert *cert, const uint8_t *bytes, size_t len,
                    struct err *e)
{
    Billing__KeyCert *message = billing__key_cert__unpack(NULL, len, bytes);
    uint8_t again[KEY_CERT_MAX];
    int ok = 0;

    memset(cert, 0, sizeof(*cert));
    if (message && message->node_id.len == 32 &&
        message->public_key.len == 32 && message->signature.len == 64) {
        memcpy(cert->node_id, message->node_id.data, 32);
        memcpy(cert->public_key, message->public_key.data, 32);
        memcpy(cert->signature, message->signature.data, 64);
        cert->not_before_s = message->not_before_s;
        cert->not_after_s = message->not_after_s;
        ok =
            key_cert_pack(cert, again) == len && memcmp(again, bytes, len) == 0;
    }
    billing__key_cert__free_unpacked(message, NULL);
    return ok ? 0
              : err_set(e, EBADMSG,
                        "the receipts key's certificate is malformed");
}
