// SPDX-License-Identifier: ISC
// Batch headers and their signatures.
#include "billing/batch.h"

#include <sodium.h>
#include <string.h>
#include "receipt.pb-c.h"
#include "billing/ledger.h"

#define CONTEXT_LEN (sizeof(BATCH_CONTEXT) - 1)
#define SIGNED_MAX  (CONTEXT_LEN + BATCH_HEADER_MAX)

size_t batch_pack(const struct batch *batch, uint8_t out[BATCH_HEADER_MAX])
{
    Billing__BatchHeader message = BILLING__BATCH_HEADER__INIT;

    message.node_id = (ProtobufCBinaryData){32, (uint8_t *)batch->node_id};
    message.receipts_key =
        (ProtobufCBinaryData){32, (uint8_t *)batch->receipts_key};
    message.number = batch->number;
    message.first_entry = batch->first_entry;
    message.leaf_count = batch->leaf_count;
    message.time_ns = batch->time_ns;
    message.prev_hash = (ProtobufCBinaryData){32, (uint8_t *)batch->prev_hash};
    message.root = (ProtobufCBinaryData){32, (uint8_t *)batch->root};
    return billing__batch_header__pack(&message, out);
}

static int batch_get(struct batch *to, const Billing__BatchHeader *from)
{
    if (from->node_id.len != 32 || from->receipts_key.len != 32 ||
        from->prev_hash.len != 32 || from->root.len != 32)
        return -1;
    memcpy(to->node_id, from->node_id.data, 32);
    memcpy(to->receipts_key, from->receipts_key.data, 32);
    memcpy(to->prev_hash, from->prev_hash.data, 32);
    memcpy(to->root, from->root.data, 32);
    to->number = from->number;
    to->first_entry = from->first_entry;
    to->leaf_count = from->leaf_count;
    to->time_ns = from->time_ns;
    return to->number && to->first_entry && to->leaf_count &&
                   to->leaf_count <= LEDGER_BATCH_MAX
               ? 0
               : -1;
}

int batch_unpack(struct batch *batch, const uint8_t *header, size_t len,
                 struct err *e)
{
    Billing__BatchHeader *message = NULL;
    uint8_t again[BATCH_HEADER_MAX];
    int ok = 0;

    memset(batch, 0, sizeof(*batch));
    if (len <= BATCH_HEADER_MAX)
        message = billing__batch_header__unpack(NULL, len, header);
    if (message)
        ok = batch_get(batch, message) == 0 &&
             batch_pack(batch, again) == len && memcmp(again, header, len) == 0;
    billing__batch_header__free_unpacked(message, NULL);
    return ok ? 0 : err_set(e, EBADMSG, "the batch header is malformed");
}

void batch_hash(const uint8_t *header, size_t len,
                uint8_t out[MERKLE_HASH_SIZE])
{
    crypto_hash_sha256(out, header, len);
}

static size_t signed_text(const uint8_t *header, size_t len,
                          uint8_t out[SIGNED_MAX])
{
    memcpy(out, BATCH_CONTEXT, CONTEXT_LEN);
    memcpy(out + CONTEXT_LEN, header, len);
    return CONTEXT_LEN + len;
}

void batch_sign(const uint8_t *header, size_t len, const uint8_t secret[64],
                uint8_t signature[BATCH_SIGNATURE_SIZE])
{
    uint8_t text[SIGNED_MAX];

    crypto_sign_detached(signature, NULL, text, signed_text(header, len, text),
                         secret);
}

int batch_time_valid(uint64_t time_ns, const struct key_cert *cert)
{
    uint64_t time_s = time_ns / 1000000000;

    return time_s >= cert->not_before_s && time_s <= cert->not_after_s;
}

int batch_verify(const struct batch *batch, const uint8_t *header, size_t len,
                 const uint8_t signature[BATCH_SIGNATURE_SIZE],
                 const struct key_cert *cert, struct err *e)
{
    uint8_t text[SIGNED_MAX];
    unsigned long long number = batch->number;

    if (memcmp(batch->node_id, cert->node_id, 32) != 0)
        return err_set(e, EBADMSG, "batch %llu names another node", number);
    if (memcmp(batch->receipts_key, cert->public_key, 32) != 0)
        return err_set(e, EBADMSG, "batch %llu names another receipts key",
                       number);
    if (!batch_time_valid(batch->time_ns, cert))
        return err_set(e, EBADMSG,
                       "batch %llu was signed outside the validity of its key",
                       number);
    if (crypto_sign_verify_detached(signature, text,
                                    signed_text(header, len, text),
                                    cert->public_key) != 0)
        return err_set(e, EBADMSG, "the signature of batch %llu is wrong",
                       number);
    return 0;
}
