// SPDX-License-Identifier: ISC
// Rows of submissions. They are kept in a direct-mapped cache that is written
// back at commit: usage records come for the same running domains again and
// again, and a row changes with each.
#include "billing/ledger_internal.h"

#include <assert.h>
#include <string.h>

#define SUBMISSION_COLUMNS                                                     \
    "number, id, account, card, state, hold_nano, usage, record_count,"        \
    " last_record_seq, charge_nano, billed_nano, written_off_nano,"            \
    " settled_ns, last_entry"

static int submission_from_row(struct ledger *ledger, struct db_stmt *stmt,
                               struct submission_row *out, struct err *e)
{
    struct submission_books *books = &out->books;

    memset(out, 0, sizeof(*out));
    out->number = db_int(stmt, 0);
    out->account = db_int(stmt, 2);
    out->card = db_int(stmt, 3);
    books->state = db_int(stmt, 4);
    books->hold_nano = db_int(stmt, 5);
    books->record_count = db_int(stmt, 7);
    books->last_record_seq = db_int(stmt, 8);
    books->charge_nano = db_int(stmt, 9);
    books->billed_nano = db_int(stmt, 10);
    books->written_off_nano = db_int(stmt, 11);
    books->settled_ns = db_int(stmt, 12);
    out->last_entry = db_int(stmt, 13);
    if (db_blob_copy(stmt, 1, books->submission_id, LEDGER_ID_SIZE) == 0 &&
        db_blob_copy(stmt, 6, &books->usage, sizeof(books->usage)) == 0)
        return 0;
    err_set(e, EIO, "a submission's row is damaged");
    return ledger_broken(ledger, e);
}

static int row_insert(struct ledger *ledger, const struct submission_row *row,
                      struct err *e)
{
    const struct submission_books *books = &row->books;
    struct db_stmt *stmt =
        ledger_sql(ledger,
                   "insert into submissions (" SUBMISSION_COLUMNS
                   ") values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   e);

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, row->number);
    db_bind_blob_ref(stmt, 2, books->submission_id, LEDGER_ID_SIZE);
    db_bind_int(stmt, 3, row->account);
    db_bind_int(stmt, 4, row->card);
    db_bind_int(stmt, 5, books->state);
    db_bind_int(stmt, 6, books->hold_nano);
    db_bind_blob_ref(stmt, 7, &books->usage, sizeof(books->usage));
    db_bind_int(stmt, 8, books->record_count);
    db_bind_int(stmt, 9, books->last_record_seq);
    db_bind_int(stmt, 10, books->charge_nano);
    db_bind_int(stmt, 11, books->billed_nano);
    db_bind_int(stmt, 12, books->written_off_nano);
    db_bind_int(stmt, 13, books->settled_ns);
    db_bind_int(stmt, 14, row->last_entry);
    return ledger_run(ledger, stmt, e);
}

// What never changes is left out, so that no index is touched while it runs.
static int row_update(struct ledger *ledger, const struct submission_row *row,
                      struct err *e)
{
    const struct submission_books *books = &row->books;
    struct db_stmt *stmt =
        ledger_sql(ledger,
                   "update submissions set state = ?, usage = ?,"
                   " record_count = ?, last_record_seq = ?, charge_nano = ?,"
                   " billed_nano = ?, written_off_nano = ?, settled_ns = ?,"
                   " last_entry = ? where number = ?",
                   e);

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, books->state);
    db_bind_blob_ref(stmt, 2, &books->usage, sizeof(books->usage));
    db_bind_int(stmt, 3, books->record_count);
    db_bind_int(stmt, 4, books->last_record_seq);
    db_bind_int(stmt, 5, books->charge_nano);
    db_bind_int(stmt, 6, books->billed_nano);
    db_bind_int(stmt, 7, books->written_off_nano);
    db_bind_int(stmt, 8, books->settled_ns);
    db_bind_int(stmt, 9, row->last_entry);
    db_bind_int(stmt, 10, row->number);
    return ledger_run(ledger, stmt, e);
}

// ----------------------------------------------------------------- the cache

static int slot_flush(struct ledger *ledger, struct submission_slot *slot,
                      struct err *e)
{
    bool fresh = slot->fresh;

    if (!slot->used || !slot->dirty)
        return 0;
    assert(ledger->in_group);
    slot->dirty = false;
    slot->fresh = false;
    return (fresh ? row_insert : row_update)(ledger, &slot->row, e);
}

int submission_cache_flush(struct ledger *ledger, struct err *e)
{
    int r = 0;

    while (r == 0 && ledger->nlisted) {
        struct submission_slot *slot = ledger->listed[--ledger->nlisted];

        slot->listed = false;
        r = slot_flush(ledger, slot, e);
    }
    return r;
}

static void slot_list(struct ledger *ledger, struct submission_slot *slot)
{
    if (!slot->listed)
        ledger->listed[ledger->nlisted++] = slot;
    slot->listed = true;
}

void submission_cache_drop(struct ledger *ledger)
{
    for (size_t i = 0; i < SUBMISSION_SLOTS; i++)
        ledger->submissions[i].used = ledger->submissions[i].listed = false;
    ledger->nlisted = 0;
}

static struct submission_slot *slot_of(struct ledger *ledger,
                                       const uint8_t id[LEDGER_ID_SIZE])
{
    uint64_t hash;

    memcpy(&hash, id, sizeof(hash));
    hash *= 0x9e3779b97f4a7c15;
    return &ledger->submissions[(hash >> 32) % SUBMISSION_SLOTS];
}

static bool slot_holds(const struct submission_slot *slot,
                       const uint8_t id[LEDGER_ID_SIZE])
{
    return slot->used &&
           memcmp(slot->row.books.submission_id, id, LEDGER_ID_SIZE) == 0;
}

int submission_find(struct ledger *ledger,
                    const uint8_t submission_id[LEDGER_ID_SIZE],
                    struct submission_row *out, struct err *e)
{
    struct submission_slot *slot = slot_of(ledger, submission_id);
    struct db_stmt *stmt;
    int r;

    if (slot_holds(slot, submission_id)) {
        *out = slot->row;
        return 1;
    }
    stmt = ledger_sql(
        ledger, "select " SUBMISSION_COLUMNS " from submissions where id = ?",
        e);
    if (!stmt)
        return -EIO;
    db_bind_blob(stmt, 1, submission_id, LEDGER_ID_SIZE);
    r = ledger_row(ledger, stmt, e);
    if (r > 0 && submission_from_row(ledger, stmt, out, e) < 0)
        r = -EIO;
    db_done(stmt);
    if (r <= 0)
        return r;
    if (slot->used && slot->dirty)
        r = slot_flush(ledger, slot, e);
    if (r < 0)
        return r;
    slot->used = true;
    slot->dirty = slot->fresh = false;
    slot->row = *out;
    return 1;
}

int submission_store(struct ledger *ledger, const struct submission_row *row,
                     bool fresh, struct err *e)
{
    struct submission_slot *slot = slot_of(ledger, row->books.submission_id);
    int r = 0;

    assert(ledger->in_group);
    if (slot_holds(slot, row->books.submission_id))
        fresh |= slot->fresh;
    else
        r = slot_flush(ledger, slot, e);
    slot->used = slot->dirty = true;
    slot->fresh = fresh;
    slot->row = *row;
    slot_list(ledger, slot);
    return r;
}

int submission_held_each(struct ledger *ledger,
                         int (*each)(struct submission_row *row, void *arg,
                                     struct err *e),
                         void *arg, struct err *e)
{
    struct db_stmt *stmt;
    struct submission_row row;
    int r = submission_cache_flush(ledger, e);

    if (r < 0)
        return r;
    stmt = ledger_sql(ledger,
                      "select " SUBMISSION_COLUMNS
                      " from submissions where state = 1 order by number",
                      e);
    if (!stmt)
        return -EIO;
    while ((r = ledger_row(ledger, stmt, e)) > 0) {
        r = submission_from_row(ledger, stmt, &row, e);
        if (r == 0)
            r = each(&row, arg, e);
        if (r != 0)
            break;
    }
    db_done(stmt);
    return r;
}
