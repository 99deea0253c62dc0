// SPDX-License-Identifier: ISC
// The ledger's batches as a node shows them to witnesses.
#include <stdlib.h>
#include <string.h>
#include "receipt.pb-c.h"
#include "billing/ledger_internal.h"
#include "billing/pb_bytes.h"
#include "billing/witness.h"

// The message while it is put together; all that it points to is malloc'd.
struct builder {
    Billing__Chain *message;
    uint64_t cert; // number of the newest certificate in it
};

static int no_memory(struct err *e)
{
    return err_set(e, ENOMEM, "no memory for the batches");
}

static int batch_add(struct builder *b, struct db_stmt *stmt, struct err *e)
{
    Billing__Chain *message = b->message;
    Billing__Batch *batch = malloc(sizeof(*batch));
    const void *header, *signature, *cert;
    size_t header_len, signature_len, cert_len;
    int r;

    if (!batch)
        return no_memory(e);
    billing__batch__init(batch);
    message->batches[message->n_batches++] = batch;
    header = db_blob(stmt, 0, &header_len);
    signature = db_blob(stmt, 1, &signature_len);
    r = pb_bytes_copy(&batch->header, header, header_len, e);
    if (r == 0)
        r = pb_bytes_copy(&batch->signature, signature, signature_len, e);
    if (r < 0 || (uint64_t)db_int(stmt, 2) == b->cert)
        return r;
    b->cert = db_int(stmt, 2);
    cert = db_blob(stmt, 3, &cert_len);
    message->certs[message->n_certs] =
        billing__key_cert__unpack(NULL, cert_len, cert);
    if (!message->certs[message->n_certs])
        return no_memory(e);
    message->n_certs++;
    return 0;
}

static int batches_add(struct builder *b, struct ledger *ledger, uint64_t after,
                       struct err *e)
{
    struct db_stmt *stmt =
        ledger_sql(ledger,
                   "select header, signature, certs.number, certs.cert"
                   " from batches join certs on certs.number = batches.cert"
                   " where batches.number > ? order by batches.number limit ?",
                   e);
    int r;

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, after > INT64_MAX ? INT64_MAX : (int64_t)after);
    db_bind_int(stmt, 2, CHAIN_BATCHES_MAX);
    while ((r = ledger_row(ledger, stmt, e)) > 0) {
        r = batch_add(b, stmt, e);
        if (r < 0)
            break;
    }
    db_done(stmt);
    return r;
}

int chain_build(struct ledger *ledger, uint64_t after, uint8_t **bytes,
                size_t *len, struct err *e)
{
    struct builder b = {.message = malloc(sizeof(*b.message))};
    int r = -ENOMEM;

    if (!b.message)
        return no_memory(e);
    billing__chain__init(b.message);
    b.message->format = strdup(CHAIN_FORMAT);
    b.message->batches = calloc(CHAIN_BATCHES_MAX, sizeof(*b.message->batches));
    b.message->certs = calloc(CHAIN_BATCHES_MAX, sizeof(*b.message->certs));
    if (!b.message->format || !b.message->batches || !b.message->certs)
        no_memory(e);
    else
        r = pb_bytes_copy(&b.message->node_id, ledger->node_id, LEDGER_KEY_SIZE,
                          e);
    if (r == 0)
        r = batches_add(&b, ledger, after, e);
    if (r == 0) {
        *len = billing__chain__get_packed_size(b.message);
        *bytes = malloc(*len);
        r = *bytes ? 0 : no_memory(e);
    }
    if (r == 0)
        billing__chain__pack(b.message, *bytes);
    billing__chain__free_unpacked(b.message, NULL);
    return r;
}
