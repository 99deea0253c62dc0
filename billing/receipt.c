// SPDX-License-Identifier: ISC
// Building a receipt from the ledger.
#include "billing/receipt.h"

#include <stdlib.h>
#include <string.h>
#include "receipt.pb-c.h"
#include "billing/ledger_internal.h"

// Everything that the message points to while it is put together.
struct builder {
    struct ledger *ledger;
    Billing__Receipt message;
    size_t entry_max;
    // Of the newest batch: its leaves and where they are.
    struct batch batch;
    uint8_t leaves[LEDGER_BATCH_MAX][MERKLE_HASH_SIZE];
    uint8_t scratch[LEDGER_BATCH_MAX][MERKLE_HASH_SIZE];
};

static int no_memory(struct err *e)
{
    return err_set(e, ENOMEM, "no memory for the receipt");
}

static int bytes_copy(ProtobufCBinaryData *to, const void *data, size_t len,
                      struct err *e)
{
    to->data = malloc(len ? len : 1);
    if (!to->data)
        return no_memory(e);
    memcpy(to->data, data, len);
    to->len = len;
    return 0;
}

// Lists long enough for `entry_max` entries, each in a batch of its own, each
// batch under a key of its own.
static int lists_make(struct builder *b, size_t entry_max, struct err *e)
{
    b->entry_max = entry_max;
    b->message.entries = calloc(entry_max, sizeof(*b->message.entries));
    b->message.batches = calloc(entry_max, sizeof(*b->message.batches));
    b->message.certs = calloc(entry_max, sizeof(*b->message.certs));
    if (!b->message.entries || !b->message.batches || !b->message.certs)
        return no_memory(e);
    return 0;
}

// ------------------------------------------------------------ certs, batches

// Adds the certificate in the statement's column unless it is there.
static int cert_add(struct builder *b, struct db_stmt *stmt, int col,
                    struct err *e)
{
    Billing__Receipt *message = &b->message;
    Billing__KeyCert *cert;
    size_t len;
    const uint8_t *bytes = db_blob(stmt, col, &len);

    cert = billing__key_cert__unpack(NULL, len, bytes);
    if (!cert)
        return err_set(e, EIO, "a certificate in the ledger is damaged");
    for (size_t i = 0; i < message->n_certs; i++) {
        if (memcmp(message->certs[i]->signature.data, cert->signature.data,
                   64) == 0) {
            billing__key_cert__free_unpacked(cert, NULL);
            return 0;
        }
    }
    message->certs[message->n_certs++] = cert;
    return 0;
}

static int batch_from_row(struct builder *b, struct db_stmt *stmt,
                          struct err *e)
{
    Billing__Receipt *message = &b->message;
    Billing__Batch *batch;
    size_t header_len, signature_len;
    const uint8_t *header = db_blob(stmt, 0, &header_len);
    const uint8_t *signature;
    int r = batch_unpack(&b->batch, header, header_len, e);

    if (r < 0)
        return r;
    batch = malloc(sizeof(*batch));
    if (!batch)
        return no_memory(e);
    billing__batch__init(batch);
    message->batches[message->n_batches++] = batch;
    r = bytes_copy(&batch->header, header, header_len, e);
    signature = db_blob(stmt, 1, &signature_len);
    if (r == 0)
        r = bytes_copy(&batch->signature, signature, signature_len, e);
    return r < 0 ? r : cert_add(b, stmt, 2, e);
}

// Makes the batch that holds entry `number` the newest one.
static int batch_need(struct builder *b, uint64_t number, struct err *e)
{
    struct db_stmt *stmt;
    int r;

    if (b->message.n_batches &&
        number < b->batch.first_entry + b->batch.leaf_count)
        return 0;
    stmt = ledger_sql(b->ledger,
                      "select header, signature, certs.cert from batches"
                      " join certs on certs.number = batches.cert"
                      " where first_entry <= ?"
                      " order by first_entry desc limit 1",
                      e);
    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, number);
    r = ledger_row(b->ledger, stmt, e);
    if (r == 0)
        r = err_set(e, EIO, "a batch is missing");
    if (r > 0)
        r = batch_from_row(b, stmt, e);
    db_done(stmt);
    if (r < 0)
        return r;
    return log_leaves(b->ledger, b->batch.first_entry, b->batch.leaf_count,
                      b->leaves, e);
}

// ------------------------------------------------------------------- entries

static int included_add(struct builder *b, uint64_t number,
                        struct db_stmt *stmt, struct err *e)
{
    uint8_t proof[MERKLE_PROOF_MAX][MERKLE_HASH_SIZE];
    Billing__Receipt *message = &b->message;
    Billing__Included *included;
    size_t salt_len, entry_len, proof_len;
    const void *salt, *entry;
    int r = batch_need(b, number, e);

    if (r < 0)
        return r;
    if (message->n_entries == b->entry_max)
        return err_set(e, EIO,
                       "the submission has more entries than it should");
    included = malloc(sizeof(*included));
    if (!included)
        return no_memory(e);
    billing__included__init(included);
    message->entries[message->n_entries++] = included;
    included->batch = message->n_batches - 1;
    included->leaf = number - b->batch.first_entry;
    proof_len = merkle_proof(b->leaves, b->batch.leaf_count, included->leaf,
                             b->scratch, proof);
    salt = db_blob(stmt, 1, &salt_len);
    entry = db_blob(stmt, 2, &entry_len);
    r = bytes_copy(&included->salt, salt, salt_len, e);
    if (r == 0)
        r = bytes_copy(&included->entry, entry, entry_len, e);
    if (r == 0)
        r = bytes_copy(&included->proof, proof, proof_len * MERKLE_HASH_SIZE,
                       e);
    return r;
}

static int entries_add(struct builder *b, uint64_t submission, struct err *e)
{
    struct db_stmt *stmt = ledger_sql(
        b->ledger,
        "select number, salt, entry from entries where submission = ?"
        " order by number",
        e);
    int r;

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, submission);
    while ((r = ledger_row(b->ledger, stmt, e)) > 0) {
        r = included_add(b, db_int(stmt, 0), stmt, e);
        if (r < 0)
            break;
    }
    db_done(stmt);
    return r;
}

static int header_fill(struct builder *b, const struct submission_row *row,
                       struct err *e)
{
    uint8_t bytes[RATECARD_BYTES_MAX];
    struct ratecard card;
    int r = card_load(b->ledger, row->card, &card, e);

    if (r < 0)
        return r;
    b->message.format = strdup(RECEIPT_FORMAT);
    if (!b->message.format)
        return no_memory(e);
    r = bytes_copy(&b->message.node_id, b->ledger->node_id, LEDGER_KEY_SIZE, e);
    if (r < 0)
        return r;
    return bytes_copy(&b->message.rate_card, bytes, ratecard_pack(&card, bytes),
                      e);
}

static int receipt_refusals(struct ledger *ledger,
                            const uint8_t submission_id[LEDGER_ID_SIZE],
                            struct submission_row *row, struct err *e)
{
    int r = submission_find(ledger, submission_id, row, e);

    if (r < 0)
        return r;
    if (r == 0)
        return err_set(e, ENOENT, "the ledger knows no such submission");
    if (row->books.state == SUBMISSION_VOID)
        return err_set(e, ECANCELED,
                       "the submission's hold was released: nothing was "
                       "charged");
    if (row->books.state != SUBMISSION_SETTLED)
        return err_set(e, EAGAIN, "the submission is not settled yet");
    if (row->last_entry > ledger->sealed_to)
        return err_set(e, EAGAIN, "the submission's batch is not signed yet");
    if (row->books.record_count > RECEIPT_ENTRIES_MAX - 5)
        return err_set(e, EFBIG, "the submission has too many usage records");
    return 0;
}

int receipt_build(struct ledger *ledger,
                  const uint8_t submission_id[LEDGER_ID_SIZE], uint8_t **bytes,
                  size_t *len, struct err *e)
{
    Billing__Receipt *message;
    struct submission_row row;
    struct builder *b;
    int r = receipt_refusals(ledger, submission_id, &row, e);

    if (r < 0)
        return r;
    b = calloc(1, sizeof(*b));
    // Apart, because its free function frees the message as well.
    message = malloc(sizeof(*message));
    if (!b || !message) {
        free(b);
        free(message);
        return no_memory(e);
    }
    b->ledger = ledger;
    billing__receipt__init(&b->message);
    // Besides the records: admission, hold, charge, write-off, settlement.
    r = lists_make(b, row.books.record_count + 5, e);
    if (r == 0)
        r = header_fill(b, &row, e);
    if (r == 0)
        r = entries_add(b, row.number, e);
    *message = b->message;
    free(b);
    *len = billing__receipt__get_packed_size(message);
    if (r == 0 && *len > RECEIPT_MAX)
        r = err_set(e, EFBIG, "the receipt is too large");
    if (r == 0) {
        *bytes = malloc(*len);
        r = *bytes ? 0 : no_memory(e);
    }
    if (r == 0)
        billing__receipt__pack(message, *bytes);
    billing__receipt__free_unpacked(message, NULL);
    return r;
}
