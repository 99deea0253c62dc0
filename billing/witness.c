// SPDX-License-Identifier: ISC
// Verifying, comparing and joining chains of batches.
#include "billing/witness.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "lib/cleanup.h"
#include "receipt.pb-c.h"
#include "billing/batch.h"
#include "billing/receipt.h"

#define bad(e, ...) err_set(e, EBADMSG, __VA_ARGS__)

// What a chain and a receipt have in common.
struct source {
    Billing__Batch **batches;
    size_t batch_count;
    Billing__KeyCert **certs;
    size_t cert_count;
    const uint8_t *node_id;
};

static int cert_take(const Billing__KeyCert *message, const uint8_t *node_id,
                     struct key_cert *out, struct err *e)
{
    uint8_t bytes[KEY_CERT_MAX];
    int r;

    if (billing__key_cert__get_packed_size(message) > sizeof(bytes))
        return bad(e, "a certificate is malformed");
    r = key_cert_unpack(out, bytes, billing__key_cert__pack(message, bytes), e);
    return r < 0 ? r : key_cert_verify(out, node_id, e);
}

// The certificate of the batch's key that is valid at its time.
static const struct key_cert *cert_of(const struct key_cert *certs,
                                      size_t count, const struct batch *batch)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(certs[i].public_key, batch->receipts_key, 32) == 0 &&
            batch_time_valid(batch->time_ns, &certs[i]))
            return &certs[i];
    return NULL;
}

static int link_take(const Billing__Batch *from, const struct key_cert *certs,
                     size_t cert_count, struct link *out, struct err *e)
{
    const struct key_cert *cert;
    struct batch batch;
    int r = batch_unpack(&batch, from->header.data, from->header.len, e);

    if (r < 0)
        return r;
    cert = cert_of(certs, cert_count, &batch);
    if (!cert || from->signature.len != BATCH_SIGNATURE_SIZE)
        return bad(e, "batch %" PRIu64 " is signed by an unknown key",
                   batch.number);
    r = batch_verify(&batch, from->header.data, from->header.len,
                     from->signature.data, cert, e);
    if (r < 0)
        return r;
    out->number = batch.number;
    out->time_ns = batch.time_ns;
    batch_hash(from->header.data, from->header.len, out->hash);
    memcpy(out->prev_hash, batch.prev_hash, sizeof(out->prev_hash));
    memcpy(out->root, batch.root, sizeof(out->root));
    return 0;
}

// `gaps`: numbers may be left out.
static int links_take(const struct source *source, bool gaps, struct chain *out,
                      struct err *e)
{
    cleanup_free struct key_cert *certs =
        calloc(source->cert_count + 1, sizeof(*certs));
    int r = 0;

    out->links = calloc(source->batch_count + 1, sizeof(*out->links));
    if (!certs || !out->links)
        return err_set(e, ENOMEM, "no memory for the batches");
    for (size_t i = 0; r == 0 && i < source->cert_count; i++)
        r = cert_take(source->certs[i], source->node_id, &certs[i], e);
    for (size_t i = 0; r == 0 && i < source->batch_count; i++) {
        struct link *link = &out->links[i];

        r = link_take(source->batches[i], certs, source->cert_count, link, e);
        if (r < 0 || i == 0)
            continue;
        if (link->number <= link[-1].number ||
            (!gaps && link->number != link[-1].number + 1))
            r = bad(e, "batch %" PRIu64 " is missing or out of order",
                    link[-1].number + 1);
        else if (link->number == link[-1].number + 1 &&
                 memcmp(link->prev_hash, link[-1].hash,
                        sizeof(link->prev_hash)) != 0)
            r = bad(e, "batch %" PRIu64 " does not continue the one before",
                    link->number);
    }
    if (r == 0)
        out->count = source->batch_count;
    return r;
}

// --------------------------------------------------------------- the sources

// NULL if these are not the bytes of a chain in its canonical form.
static Billing__Chain *chain_unpack(const uint8_t *bytes, size_t len)
{
    Billing__Chain *message =
        len <= CHAIN_MAX ? billing__chain__unpack(NULL, len, bytes) : NULL;
    cleanup_free uint8_t *again = malloc(len + 1);
    bool good = message && again && strcmp(message->format, CHAIN_FORMAT) == 0;

    good = good && billing__chain__get_packed_size(message) == len;
    if (good) {
        billing__chain__pack(message, again);
        // Unknown fields are packed again too.
        good = memcmp(again, bytes, len) == 0 &&
               message->base.n_unknown_fields == 0;
    }
    for (size_t i = 0; good && i < message->n_batches; i++)
        good = message->batches[i]->base.n_unknown_fields == 0;
    if (good)
        return message;
    billing__chain__free_unpacked(message, NULL);
    return NULL;
}

static int receipt_links(const uint8_t *bytes, size_t len,
                         const uint8_t node_id[32], struct chain *out,
                         struct err *e)
{
    cleanup_free struct receipt_report *report = malloc(sizeof(*report));
    struct source source = {.node_id = node_id};
    Billing__Receipt *message;
    int r;

    if (!report)
        return err_set(e, ENOMEM, "no memory to verify a receipt");
    r = receipt_verify(bytes, len, node_id, report, e);
    if (r < 0)
        return r;
    message = billing__receipt__unpack(NULL, len, bytes);
    if (!message)
        return err_set(e, ENOMEM, "no memory for a receipt");
    source.batches = message->batches;
    source.batch_count = message->n_batches;
    source.certs = message->certs;
    source.cert_count = message->n_certs;
    r = links_take(&source, true, out, e);
    billing__receipt__free_unpacked(message, NULL);
    return r;
}

static int chain_links(Billing__Chain *message, const uint8_t node_id[32],
                       struct chain *out, struct err *e)
{
    struct source source = {.batches = message->batches,
                            .batch_count = message->n_batches,
                            .certs = message->certs,
                            .cert_count = message->n_certs,
                            .node_id = node_id};

    if (message->node_id.len != 32 ||
        memcmp(message->node_id.data, node_id, 32) != 0)
        return bad(e, "the batches are of another node");
    return links_take(&source, false, out, e);
}

int chain_verify(const uint8_t *bytes, size_t len, const uint8_t node_id[32],
                 struct chain *out, struct err *e)
{
    Billing__Chain *message;
    int r;

    memset(out, 0, sizeof(*out));
    if (sodium_init() < 0)
        return err_set(e, EIO, "libsodium does not work on this machine");
    message = chain_unpack(bytes, len);
    r = message ? chain_links(message, node_id, out, e)
                : receipt_links(bytes, len, node_id, out, e);
    if (r == -EBADMSG && !message)
        err_prefix(e, "neither batches nor a good receipt");
    billing__chain__free_unpacked(message, NULL);
    if (r < 0)
        chain_free(out);
    return r;
}

void chain_free(struct chain *chain)
{
    free(chain->links);
    memset(chain, 0, sizeof(*chain));
}

// ----------------------------------------------------------------- comparing

static int two_histories(const struct link *link, struct err *e)
{
    return err_set(e, EILSEQ,
                   "the node shows two histories: it signed another batch "
                   "%" PRIu64 " for somebody else",
                   link->number);
}

int chain_compare(const struct chain *a, const struct chain *b, size_t *common,
                  struct err *e)
{
    const struct link *x = a->links, *y = b->links;
    size_t same = 0;

    while (x < a->links + a->count && y < b->links + b->count) {
        if (x->number == y->number) {
            if (memcmp(x->hash, y->hash, sizeof(x->hash)) != 0)
                return two_histories(x, e);
            same++;
            x++;
            y++;
        } else if (x->number + 1 == y->number) {
            if (memcmp(y->prev_hash, x->hash, sizeof(x->hash)) != 0)
                return two_histories(x, e);
            x++;
        } else if (y->number + 1 == x->number) {
            if (memcmp(x->prev_hash, y->hash, sizeof(x->hash)) != 0)
                return two_histories(y, e);
            y++;
        } else if (x->number < y->number) {
            x++;
        } else {
            y++;
        }
    }
    if (common)
        *common = same;
    return 0;
}

// ------------------------------------------------------------------- joining

static uint64_t number_of(const Billing__Batch *from)
{
    struct batch batch;

    return batch_unpack(&batch, from->header.data, from->header.len, NULL) == 0
               ? batch.number
               : 0;
}

static bool cert_known(const Billing__Chain *chain,
                       const Billing__KeyCert *cert)
{
    for (size_t i = 0; i < chain->n_certs; i++)
        if (chain->certs[i]->signature.len == cert->signature.len &&
            memcmp(chain->certs[i]->signature.data, cert->signature.data,
                   cert->signature.len) == 0)
            return true;
    return false;
}

// Lists that point into both messages, packed at once.
static int joined_pack(const Billing__Chain *old, const Billing__Chain *more,
                       uint64_t last, uint8_t **out, size_t *out_len,
                       struct err *e)
{
    Billing__Chain joined = *more;
    cleanup_free Billing__Batch **batches =
        calloc(old->n_batches + more->n_batches + 1, sizeof(*batches));
    cleanup_free Billing__KeyCert **certs =
        calloc(old->n_certs + more->n_certs + 1, sizeof(*certs));

    if (!batches || !certs)
        return err_set(e, ENOMEM, "no memory for the batches");
    joined.batches = batches;
    joined.certs = certs;
    joined.n_batches = old->n_batches;
    joined.n_certs = old->n_certs;
    memcpy(batches, old->batches, old->n_batches * sizeof(*batches));
    memcpy(certs, old->certs, old->n_certs * sizeof(*certs));
    for (size_t i = 0; i < more->n_batches; i++)
        if (number_of(more->batches[i]) > last)
            batches[joined.n_batches++] = more->batches[i];
    for (size_t i = 0; i < more->n_certs; i++)
        if (!cert_known(&joined, more->certs[i]))
            certs[joined.n_certs++] = more->certs[i];
    *out_len = billing__chain__get_packed_size(&joined);
    if (*out_len > CHAIN_MAX)
        return err_set(e, EFBIG, "there are more batches than %d MiB",
                       CHAIN_MAX >> 20);
    *out = malloc(*out_len + 1);
    if (!*out)
        return err_set(e, ENOMEM, "no memory for the batches");
    billing__chain__pack(&joined, *out);
    return 0;
}

int chain_join(const uint8_t *bytes, size_t len, const uint8_t *more,
               size_t more_len, uint8_t **out, size_t *out_len, struct err *e)
{
    static const Billing__Chain none = BILLING__CHAIN__INIT;
    Billing__Chain *old = len ? chain_unpack(bytes, len) : NULL;
    Billing__Chain *new = chain_unpack(more, more_len);
    uint64_t last = 0;
    int r;

    if (old && old->n_batches)
        last = number_of(old->batches[old->n_batches - 1]);
    if (!new || (len && !old))
        r = bad(e, "these are no batches");
    else if (last && new->n_batches && number_of(new->batches[0]) > last + 1)
        r = err_set(e, EINVAL, "batch %" PRIu64 " is missing", last + 1);
    else
        r = joined_pack(old ? old : &none, new, last, out, out_len, e);
    billing__chain__free_unpacked(old, NULL);
    billing__chain__free_unpacked(new, NULL);
    return r;
}
