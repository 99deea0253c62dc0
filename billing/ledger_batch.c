// SPDX-License-Identifier: ISC
// Sealing: the entries since the last batch become the leaves of a Merkle tree
// whose root is signed.
#include "billing/ledger_internal.h"

#include <assert.h>
#include <string.h>

int batch_state_load(struct ledger *ledger, struct err *e)
{
    struct db_stmt *stmt = ledger_sql(
        ledger, "select header from batches order by number desc limit 1", e);
    struct batch_head *head = &ledger->head;
    const uint8_t *header;
    struct batch batch;
    size_t len;
    int r = stmt ? ledger_row(ledger, stmt, e) : -EIO;

    memset(head, 0, sizeof(*head));
    ledger->sealed_to = 0;
    if (r <= 0)
        return r;
    header = db_blob(stmt, 0, &len);
    r = batch_unpack(&batch, header, len, e);
    if (r == 0) {
        head->number = batch.number;
        head->time_ns = batch.time_ns;
        memcpy(head->root, batch.root, sizeof(head->root));
        batch_hash(header, len, head->header_hash);
        ledger->sealed_to = batch.first_entry + batch.leaf_count - 1;
    }
    db_done(stmt);
    return r;
}

int ledger_batch_head(struct ledger *ledger, struct batch_head *out,
                      struct err *e)
{
    (void)e;
    *out = ledger->head;
    return 0;
}

// Number of the certificate's row, added when new.
static int cert_number(struct ledger *ledger, uint64_t *number, struct err *e)
{
    uint8_t bytes[KEY_CERT_MAX];
    size_t len = key_cert_pack(&ledger->key.cert, bytes);
    struct db_stmt *stmt =
        ledger_sql(ledger, "select number from certs where cert = ?", e);
    int r;

    if (!stmt)
        return -EIO;
    db_bind_blob(stmt, 1, bytes, len);
    r = ledger_row(ledger, stmt, e);
    if (r > 0)
        *number = db_int(stmt, 0);
    db_done(stmt);
    if (r != 0)
        return r < 0 ? r : 0;
    stmt = ledger_sql(ledger, "insert into certs (cert) values (?)", e);
    if (!stmt)
        return -EIO;
    db_bind_blob(stmt, 1, bytes, len);
    r = ledger_run(ledger, stmt, e);
    *number = db_last_id(ledger->db);
    return r;
}

static int batch_insert(struct ledger *ledger, const struct batch *batch,
                        uint64_t cert, struct err *e)
{
    uint8_t header[BATCH_HEADER_MAX], signature[BATCH_SIGNATURE_SIZE];
    size_t len = batch_pack(batch, header);
    struct batch_head *head = &ledger->head;
    struct db_stmt *stmt =
        ledger_sql(ledger, "insert into batches values (?, ?, ?, ?, ?)", e);

    if (!stmt)
        return -EIO;
    batch_sign(header, len, ledger->key.secret, signature);
    db_bind_int(stmt, 1, batch->number);
    db_bind_int(stmt, 2, batch->first_entry);
    db_bind_blob(stmt, 3, header, len);
    db_bind_blob(stmt, 4, signature, sizeof(signature));
    db_bind_int(stmt, 5, cert);
    head->number = batch->number;
    head->time_ns = batch->time_ns;
    memcpy(head->root, batch->root, sizeof(head->root));
    batch_hash(header, len, head->header_hash);
    ledger->sealed_to = batch->first_entry + batch->leaf_count - 1;
    return ledger_run(ledger, stmt, e);
}

static int seal_one(struct ledger *ledger, uint64_t cert, struct err *e)
{
    uint8_t leaves[LEDGER_BATCH_MAX][MERKLE_HASH_SIZE];
    struct batch batch = {
        .number = ledger->head.number + 1,
        .first_entry = ledger->sealed_to + 1,
        .leaf_count = ledger->last_entry - ledger->sealed_to,
        .time_ns = ledger->now_ns,
    };
    int r;

    if (batch.leaf_count > LEDGER_BATCH_MAX)
        batch.leaf_count = LEDGER_BATCH_MAX;
    memcpy(batch.node_id, ledger->node_id, sizeof(batch.node_id));
    memcpy(batch.receipts_key, ledger->key.cert.public_key,
           sizeof(batch.receipts_key));
    memcpy(batch.prev_hash, ledger->head.header_hash, sizeof(batch.prev_hash));
    r = log_leaves(ledger, batch.first_entry, batch.leaf_count, leaves, e);
    if (r < 0)
        return r;
    merkle_root(leaves, batch.leaf_count, batch.root);
    return batch_insert(ledger, &batch, cert, e);
}

int ledger_batch_seal(struct ledger *ledger, uint64_t *sealed, struct err *e)
{
    uint64_t before = ledger->sealed_to;
    uint64_t cert;
    int r;

    assert(ledger->in_group);
    if (!ledger->have_key)
        return err_set(e, EINVAL, "the ledger was opened without a key");
    if (!batch_time_valid(ledger->now_ns, &ledger->key.cert))
        return err_set(e, EKEYEXPIRED,
                       "the receipts key is not valid at this time");
    if (sealed)
        *sealed = 0;
    if (ledger->sealed_to == ledger->last_entry)
        return 0;
    r = cert_number(ledger, &cert, e);
    while (r == 0 && ledger->sealed_to < ledger->last_entry)
        r = seal_one(ledger, cert, e);
    if (r == 0)
        ledger->leaves.count = 0;
    if (r == 0 && sealed)
        *sealed = ledger->sealed_to - before;
    return r;
}

static int tree_from_row(struct batch_tree *tree, struct db_stmt *stmt,
                         struct err *e)
{
    const uint8_t *header = db_blob(stmt, 0, &tree->header_len);
    const uint8_t *cert;
    size_t cert_len;
    int r = batch_unpack(&tree->batch, header, tree->header_len, e);

    if (r < 0)
        return r;
    memcpy(tree->header, header, tree->header_len);
    if (db_blob_copy(stmt, 1, tree->signature, sizeof(tree->signature)) < 0)
        return err_set(e, EBADMSG, "a signature has the wrong length");
    cert = db_blob(stmt, 2, &cert_len);
    return key_cert_unpack(&tree->cert, cert, cert_len, e);
}

static bool tree_holds(const struct batch_tree *tree, uint64_t number)
{
    return tree->number && number >= tree->batch.first_entry &&
           number - tree->batch.first_entry < tree->batch.leaf_count;
}

int batch_tree_load(struct ledger *ledger, uint64_t number, struct err *e)
{
    struct batch_tree *tree;
    struct db_stmt *stmt;
    int r;

    for (int i = 0; i < BATCH_TREES; i++)
        if (tree_holds(&ledger->trees[i], number)) {
            ledger->tree = &ledger->trees[i];
            return 0;
        }
    tree = ledger->tree = &ledger->trees[ledger->tree_oldest++ % BATCH_TREES];
    tree->number = 0;
    stmt = ledger_sql(ledger,
                      "select header, signature, certs.cert from batches"
                      " join certs on certs.number = batches.cert"
                      " where first_entry <= ?"
                      " order by first_entry desc limit 1",
                      e);
    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, number);
    r = ledger_row(ledger, stmt, e);
    if (r == 0)
        r = err_set(e, EIO, "a batch is missing");
    if (r > 0)
        r = tree_from_row(tree, stmt, e);
    db_done(stmt);
    if (r == 0)
        r = log_leaves(ledger, tree->batch.first_entry, tree->batch.leaf_count,
                       tree->nodes, e);
    if (r < 0)
        return ledger_broken(ledger, e);
    merkle_tree(tree->nodes, tree->batch.leaf_count);
    tree->number = tree->batch.number;
    return 0;
}
