// SPDX-License-Identifier: ISC
// The auditor's walk. Entries are read once, in order; each becomes a leaf of
// the batch at hand and a line in the books.
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "billing/audit_internal.h"
#include "billing/batch.h"
#include "billing/ledger_internal.h"

struct walk {
    struct audit books;
    const uint8_t *node_id;
    uint8_t own_id[LEDGER_KEY_SIZE];
    // The batch at hand: leaf_count 0 means that no batch is left.
    struct batch batch;
    uint64_t leaf_count;
    uint8_t leaves[LEDGER_BATCH_MAX][MERKLE_HASH_SIZE];
    uint8_t prev_hash[MERKLE_HASH_SIZE];
    // The certificate used last.
    uint64_t cert_number;
    struct key_cert cert;
};

// ------------------------------------------------------------------- batches

static int cert_load(struct walk *w, uint64_t number, struct err *e)
{
    struct db_stmt *stmt;
    const void *bytes;
    size_t len;
    int r;

    if (number == w->cert_number)
        return 0;
    stmt =
        db_prepare(w->books.db, "select cert from certs where number = ?", e);
    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, number);
    r = db_step(stmt, e);
    if (r == 0)
        return AUDIT_BAD(e, "certificate %llu is missing",
                         (unsigned long long)number);
    if (r < 0)
        return r;
    bytes = db_blob(stmt, 0, &len);
    r = key_cert_unpack(&w->cert, bytes, len, e);
    db_done(stmt);
    if (r == 0)
        r = key_cert_verify(&w->cert, w->node_id, e);
    if (r == 0)
        w->cert_number = number;
    return r;
}

static int batch_take(struct walk *w, struct db_stmt *stmt, struct err *e)
{
    size_t len, signature_len;
    const uint8_t *header = db_blob(stmt, 2, &len);
    const uint8_t *signature = db_blob(stmt, 3, &signature_len);
    unsigned long long number = w->books.result->batches + 1;
    int r = batch_unpack(&w->batch, header, len, e);

    if (r == 0)
        r = cert_load(w, db_int(stmt, 4), e);
    if (r < 0)
        return err_prefix(e, "batch %llu", number);
    if (w->batch.number != number || (uint64_t)db_int(stmt, 0) != number)
        return AUDIT_BAD(e, "batch %llu is missing or out of order", number);
    if (w->batch.first_entry != w->books.result->entries + 1 ||
        (uint64_t)db_int(stmt, 1) != w->batch.first_entry)
        return AUDIT_BAD(e,
                         "batch %llu does not begin where the one before "
                         "ended",
                         number);
    if (memcmp(w->batch.prev_hash, w->prev_hash, sizeof(w->prev_hash)) != 0)
        return AUDIT_BAD(e, "batch %llu does not continue the one before",
                         number);
    if (signature_len != BATCH_SIGNATURE_SIZE)
        return AUDIT_BAD(e, "the signature of batch %llu is wrong", number);
    batch_hash(header, len, w->prev_hash);
    return batch_verify(&w->batch, header, len, signature, &w->cert, e);
}

// Loads the batch that begins with the next entry, if there is one.
static int batch_next(struct walk *w, struct db_stmt *batches, struct err *e)
{
    int r = db_step(batches, e);

    w->leaf_count = 0;
    memset(&w->batch, 0, sizeof(w->batch));
    return r > 0 ? batch_take(w, batches, e) : r;
}

static int batch_close(struct walk *w, struct err *e)
{
    uint8_t root[MERKLE_HASH_SIZE];

    merkle_root(w->leaves, w->leaf_count, root);
    if (memcmp(root, w->batch.root, sizeof(root)) != 0)
        return AUDIT_BAD(e,
                         "batch %llu: an entry between %llu and %llu was "
                         "altered after it was signed",
                         (unsigned long long)w->batch.number,
                         (unsigned long long)w->batch.first_entry,
                         (unsigned long long)(w->batch.first_entry +
                                              w->batch.leaf_count - 1));
    w->books.result->batches++;
    return 0;
}

// ------------------------------------------------------------------- entries

// The ledger writes null, never 0, for what there is not; both read as 0.
static bool number_or_null(struct db_stmt *stmt, int col)
{
    return db_is_null(stmt, col) || db_int(stmt, col) > 0;
}

static int entry_take(struct walk *w, struct db_stmt *stmt, struct err *e)
{
    struct audit *books = &w->books;
    size_t salt_len, len;
    const void *salt = db_blob(stmt, 3, &salt_len);
    const void *bytes = db_blob(stmt, 4, &len);
    struct entry entry;
    int r;

    books->number = books->result->entries + 1;
    books->submission_column = db_int(stmt, 1);
    books->before_column = db_int(stmt, 2);
    if ((uint64_t)db_int(stmt, 0) != books->number ||
        !number_or_null(stmt, 1) || !number_or_null(stmt, 2) ||
        salt_len != ENTRY_SALT_SIZE)
        return AUDIT_BAD(e, "entry %llu is missing or malformed",
                         (unsigned long long)books->number);
    r = entry_unpack(&entry, bytes, len, e);
    if (r == 0)
        r = audit_entry(books, &entry, e);
    if (r < 0)
        return err_prefix(e, "entry %llu", (unsigned long long)books->number);
    books->result->entries++;
    if (w->batch.leaf_count == 0)
        books->result->unsealed++;
    else
        merkle_leaf(salt, salt_len, bytes, len, w->leaves[w->leaf_count++]);
    return 0;
}

// A batch is checked before its entries, so that what was altered after the
// signing is reported as that only when it makes sense in itself.
static int entries_walk(struct walk *w, struct db_stmt *entries,
                        struct db_stmt *batches, struct err *e)
{
    int r = batch_next(w, batches, e);

    while (r == 0 && (r = db_step(entries, e)) > 0) {
        r = entry_take(w, entries, e);
        if (r == 0 && w->leaf_count == w->batch.leaf_count &&
            w->leaf_count > 0) {
            r = batch_close(w, e);
            if (r == 0)
                r = batch_next(w, batches, e);
        }
    }
    if (r == 0 && w->batch.leaf_count)
        r = AUDIT_BAD(e, "entries of batch %llu are missing",
                      (unsigned long long)w->batch.number);
    return r;
}

// ------------------------------------------------------------------ the whole

static int integrity_check(struct db *db, struct err *e)
{
    struct db_stmt *stmt = db_prepare(db, "pragma integrity_check(1)", e);
    int r;

    if (!stmt)
        return -EBADMSG;
    r = db_step(stmt, e);
    if (r > 0) {
        r = strcmp(db_text(stmt, 0), "ok") == 0
                ? 0
                : AUDIT_BAD(e, "the database file is damaged: %s",
                            db_text(stmt, 0));
    }
    db_done(stmt);
    return r;
}

// Tables and indexes must be as the ledger makes them: an altered `where` of an
// index or `unique` of a column would change what is found or refused later.
static int schema_compare(struct db *db, struct db *model, struct err *e)
{
    static const char sql[] =
        "select coalesce(sql, ''), type, name, tbl_name,"
        " typeof(sql) || typeof(type) || typeof(name) || typeof(tbl_name)"
        " from sqlite_master order by name";
    struct db_stmt *found = db_prepare(db, sql, e);
    struct db_stmt *expected = db_prepare(model, sql, e);
    bool same = true;
    int r = found && expected ? 1 : -EBADMSG;

    while (r > 0 && same) {
        r = db_step(expected, e);
        if (r >= 0 && db_step(found, e) != r)
            same = false;
        for (int col = 0; r > 0 && same && col < 5; col++)
            same = strcmp(db_text(found, col), db_text(expected, col)) == 0;
    }
    if (found)
        db_done(found);
    if (expected)
        db_done(expected);
    if (r >= 0 && !same)
        r = AUDIT_BAD(e, "the database's tables are not those of a ledger");
    return r;
}

static int schema_check(struct db *db, struct err *e)
{
    struct db *model =
        db_open(":memory:", ledger_schema, LEDGER_SCHEMA_VERSION, e);
    int r = model ? schema_compare(db, model, e) : -EIO;

    db_close(model);
    return r;
}

static int node_id_load(struct walk *w, struct err *e)
{
    struct db_stmt *stmt = db_prepare(
        w->books.db, "select value from meta where key = 'node_id'", e);
    int r = stmt ? db_step(stmt, e) : -EIO;

    if (r > 0)
        r = db_blob_copy(stmt, 0, w->own_id, sizeof(w->own_id));
    else if (r == 0)
        r = -EBADMSG;
    if (stmt)
        db_done(stmt);
    if (r < 0)
        return AUDIT_BAD(e, "the ledger does not say whose it is");
    if (!w->node_id)
        w->node_id = w->own_id;
    if (memcmp(w->node_id, w->own_id, sizeof(w->own_id)) != 0)
        return AUDIT_BAD(e, "the ledger belongs to another node");
    return 0;
}

static int audit_run(struct walk *w, struct err *e)
{
    struct db *db = w->books.db;
    struct db_stmt *entries, *batches;
    int r = db_exec(db, "begin", e); // one state, while the node goes on

    if (r == 0)
        r = integrity_check(db, e);
    if (r == 0)
        r = schema_check(db, e);
    if (r == 0)
        r = node_id_load(w, e);
    if (r < 0)
        return r;
    entries = db_prepare(db,
                         "select number, submission, before, salt, entry"
                         " from entries order by number",
                         e);
    batches = db_prepare(db,
                         "select number, first_entry, header, signature, cert"
                         " from batches order by number",
                         e);
    if (!entries || !batches)
        return -EIO;
    r = entries_walk(w, entries, batches, e);
    db_done(entries);
    db_done(batches);
    return r < 0 ? r : audit_finish(&w->books, e);
}

int ledger_audit(const char *path, const uint8_t *node_id,
                 struct audit_result *result, struct err *e)
{
    struct walk *w;
    int r;

    memset(result, 0, sizeof(*result));
    if (sodium_init() < 0)
        return err_set(e, EIO, "libsodium does not work on this machine");
    w = calloc(1, sizeof(*w));
    if (!w)
        return err_set(e, ENOMEM, "no memory for the audit");
    w->node_id = node_id;
    w->books.result = result;
    w->books.db = db_open_readonly(path, LEDGER_SCHEMA_VERSION, e);
    r = w->books.db ? audit_run(w, e) : -EIO;
    audit_free(&w->books);
    db_close(w->books.db);
    free(w);
    return r;
}
