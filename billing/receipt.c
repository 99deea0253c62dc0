// SPDX-License-Identifier: ISC
// Building a receipt from the ledger.
#include "billing/receipt.h"

#include <stdlib.h>
#include <string.h>
#include "lib/cleanup.h"
#include "receipt.pb-c.h"
#include "billing/ledger_internal.h"
#include "billing/pb_bytes.h"

// The message while it is put together; all that it points to is malloc'd.
struct builder {
    struct ledger *ledger;
    Billing__Receipt message;
    uint64_t batch; // number of the newest one in it
};

static int no_memory(struct err *e)
{
    return err_set(e, ENOMEM, "no memory for the receipt");
}

// Lists long enough for `entry_max` entries, each in a batch of its own, each
// batch under a key of its own.
static int lists_make(struct builder *b, size_t entry_max, struct err *e)
{
    b->message.entries = calloc(entry_max, sizeof(*b->message.entries));
    b->message.batches = calloc(entry_max, sizeof(*b->message.batches));
    b->message.certs = calloc(entry_max, sizeof(*b->message.certs));
    if (!b->message.entries || !b->message.batches || !b->message.certs)
        return no_memory(e);
    return 0;
}

// ------------------------------------------------------------ certs, batches

// Adds the certificate of the ledger's tree unless it is there.
static int cert_add(struct builder *b, struct err *e)
{
    const struct key_cert *cert = &b->ledger->tree->cert;
    Billing__Receipt *message = &b->message;
    uint8_t bytes[KEY_CERT_MAX];
    Billing__KeyCert *copy;

    for (size_t i = 0; i < message->n_certs; i++)
        if (memcmp(message->certs[i]->signature.data, cert->signature,
                   sizeof(cert->signature)) == 0)
            return 0;
    copy = billing__key_cert__unpack(NULL, key_cert_pack(cert, bytes), bytes);
    if (!copy)
        return no_memory(e);
    message->certs[message->n_certs++] = copy;
    return 0;
}

// Adds the batch of the ledger's tree unless it is the newest one already.
static int batch_add(struct builder *b, struct err *e)
{
    const struct batch_tree *tree = b->ledger->tree;
    Billing__Receipt *message = &b->message;
    Billing__Batch *batch;
    int r;

    if (b->batch == tree->number)
        return 0;
    batch = malloc(sizeof(*batch));
    if (!batch)
        return no_memory(e);
    billing__batch__init(batch);
    message->batches[message->n_batches++] = batch;
    b->batch = tree->number;
    r = pb_bytes_copy(&batch->header, tree->header, tree->header_len, e);
    if (r == 0)
        r = pb_bytes_copy(&batch->signature, tree->signature,
                          sizeof(tree->signature), e);
    return r < 0 ? r : cert_add(b, e);
}

// ------------------------------------------------------------------- entries

static int included_fill(Billing__Included *included,
                         const struct batch_tree *tree, struct db_stmt *stmt,
                         struct err *e)
{
    uint8_t proof[MERKLE_PROOF_MAX][MERKLE_HASH_SIZE];
    size_t salt_len, entry_len, proof_len;
    const void *salt = db_blob(stmt, 0, &salt_len);
    const void *entry = db_blob(stmt, 1, &entry_len);
    int r = pb_bytes_copy(&included->salt, salt, salt_len, e);

    if (r == 0)
        r = pb_bytes_copy(&included->entry, entry, entry_len, e);
    if (r < 0)
        return r;
    proof_len = merkle_proof(tree->nodes, tree->batch.leaf_count,
                             included->leaf, proof);
    return pb_bytes_copy(&included->proof, proof, proof_len * MERKLE_HASH_SIZE,
                         e);
}

static int included_add(struct builder *b, uint64_t number,
                        struct db_stmt *stmt, struct err *e)
{
    const struct batch_tree *tree;
    Billing__Receipt *message = &b->message;
    Billing__Included *included;
    int r = batch_tree_load(b->ledger, number, e);

    if (r < 0)
        return r;
    tree = b->ledger->tree;
    r = batch_add(b, e);
    if (r < 0)
        return r;
    included = malloc(sizeof(*included));
    if (!included)
        return no_memory(e);
    billing__included__init(included);
    message->entries[message->n_entries++] = included;
    included->batch = message->n_batches - 1;
    included->leaf = number - tree->batch.first_entry;
    return included_fill(included, tree, stmt, e);
}

static int entry_add(struct builder *b, uint64_t number, struct err *e)
{
    struct db_stmt *stmt = ledger_sql(
        b->ledger, "select salt, entry from entries where number = ?", e);
    int r;

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, number);
    r = ledger_row(b->ledger, stmt, e);
    if (r > 0)
        r = included_add(b, number, stmt, e);
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
    r = pb_bytes_copy(&b->message.node_id, b->ledger->node_id, LEDGER_KEY_SIZE,
                      e);
    if (r < 0)
        return r;
    return pb_bytes_copy(&b->message.rate_card, bytes,
                         ratecard_pack(&card, bytes), e);
}

static int receipt_refusals(const struct ledger *ledger,
                            const struct submission_row *row, bool so_far,
                            struct err *e)
{
    if (row->books.state == SUBMISSION_VOID)
        return err_set(e, ECANCELED,
                       "the submission's hold was released: nothing was "
                       "charged");
    if (row->books.state != SUBMISSION_SETTLED && !so_far)
        return err_set(e, EAGAIN, "the submission is not settled yet");
    if (row->last_entry > ledger->sealed_to &&
        row->books.state == SUBMISSION_SETTLED)
        return err_set(e, EAGAIN, "the submission's batch is not signed yet");
    return 0;
}

// How many of the entries are signed: all, unless it is still running.
static int entries_signed(const struct ledger *ledger, const uint64_t *numbers,
                          size_t *count, struct err *e)
{
    while (*count && numbers[*count - 1] > ledger->sealed_to)
        --*count;
    if (*count == 0)
        return err_set(e, EAGAIN, "the submission's batch is not signed yet");
    if (*count > RECEIPT_ENTRIES_MAX)
        return err_set(e, EFBIG, "the submission has too many usage records");
    return 0;
}

static int message_pack(Billing__Receipt *message, uint8_t **bytes, size_t *len,
                        struct err *e)
{
    *len = billing__receipt__get_packed_size(message);
    if (*len > RECEIPT_MAX)
        return err_set(e, EFBIG, "the receipt is too large");
    *bytes = malloc(*len);
    if (!*bytes)
        return no_memory(e);
    billing__receipt__pack(message, *bytes);
    return 0;
}

int receipt_build(struct ledger *ledger,
                  const uint8_t submission_id[LEDGER_ID_SIZE], bool so_far,
                  uint8_t **bytes, size_t *len, struct err *e)
{
    struct builder b = {.ledger = ledger};
    cleanup_free uint64_t *numbers = NULL;
    Billing__Receipt *message;
    struct submission_row row;
    size_t count = 0;
    int r = submission_find(ledger, submission_id, &row, e);

    if (r == 0)
        r = err_set(e, ENOENT, "the ledger knows no such submission");
    if (r > 0)
        r = receipt_refusals(ledger, &row, so_far, e);
    if (r == 0)
        r = log_submission(ledger, row.last_entry, &numbers, &count, e);
    if (r == 0)
        r = entries_signed(ledger, numbers, &count, e);
    if (r < 0)
        return r;
    // The library's free function frees the message as well.
    message = malloc(sizeof(*message));
    if (!message)
        return no_memory(e);
    billing__receipt__init(&b.message);
    r = lists_make(&b, count, e);
    if (r == 0)
        r = header_fill(&b, &row, e);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = entry_add(&b, numbers[i], e);
    *message = b.message;
    if (r == 0)
        r = message_pack(message, bytes, len, e);
    billing__receipt__free_unpacked(message, NULL);
    return r;
}
