// SPDX-License-Identifier: ISC
// Comparing the tables that the ledger derives from its log.
#include <inttypes.h>
#include <string.h>
#include "billing/audit_internal.h"

// Steps to the only row, which must be there.
static int row_get(struct db_stmt *stmt, const char *what, struct err *e)
{
    int r = db_step(stmt, e);

    if (r == 0) {
        db_done(stmt);
        return AUDIT_BAD(e, "the table of %s lacks a row", what);
    }
    return r < 0 ? r : 0;
}

static bool blob_is(struct db_stmt *stmt, int col, const void *data, size_t len)
{
    size_t found_len;
    const void *found = db_blob(stmt, col, &found_len);

    return found && found_len == len && memcmp(found, data, len) == 0;
}

int audit_transfer_row(struct audit *a, const struct transfer *transfer,
                       uint64_t about, struct err *e)
{
    struct db_stmt *stmt =
        db_prepare(a->db,
                   "select entry, open, coalesce(account, 0), account = 0"
                   " from transfers where id = ?",
                   e);
    uint64_t line_of = transfer_is_line(transfer, about) ? about : 0;
    int r;

    if (!stmt)
        return -EIO;
    db_bind_blob(stmt, 1, transfer->id, LEDGER_ID_SIZE);
    r = row_get(stmt, "transfers", e);
    if (r < 0)
        return r;
    if ((uint64_t)db_int(stmt, 0) != a->number)
        r = AUDIT_BAD(e, "the transfer was made before as entry %" PRId64,
                      db_int(stmt, 0));
    else if (transfer->kind != TRANSFER_PENDING && db_int(stmt, 1) != 0)
        r = AUDIT_BAD(e, "the table of transfers calls it an open hold");
    else if ((uint64_t)db_int(stmt, 2) != line_of || db_int(stmt, 3))
        r = AUDIT_BAD(e, "the table of transfers has it on another statement");
    db_done(stmt);
    return r;
}

int audit_hold_row(struct audit *a, const struct audit_submission *submission,
                   bool open, struct err *e)
{
    struct db_stmt *stmt =
        db_prepare(a->db, "select open from transfers where id = ?", e);
    uint8_t id[LEDGER_ID_SIZE];
    int r;

    if (!stmt)
        return -EIO;
    transfer_id(submission->id, PURPOSE_HOLD, 0, id);
    db_bind_blob(stmt, 1, id, sizeof(id));
    r = row_get(stmt, "transfers", e);
    if (r < 0)
        return r;
    if (db_int(stmt, 0) != open)
        r = AUDIT_BAD(e, "the table of transfers is wrong about an open hold");
    db_done(stmt);
    return r;
}

int audit_entry_read(struct audit *a, uint64_t number, struct entry *out,
                     uint64_t *before, struct err *e)
{
    struct db_stmt *stmt = db_prepare(
        a->db, "select entry, before from entries where number = ?", e);
    const void *bytes;
    size_t len;
    int r;

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, number);
    r = row_get(stmt, "entries", e);
    if (r < 0)
        return r;
    bytes = db_blob(stmt, 0, &len);
    r = entry_unpack(out, bytes, len, e);
    *before = db_int(stmt, 1);
    db_done(stmt);
    if (r == 0 && *before >= number)
        r = AUDIT_BAD(e, "entry %" PRIu64 " follows a later one", number);
    return r;
}

int audit_record_again(struct audit *a,
                       const struct audit_submission *submission, uint64_t seq,
                       struct err *e)
{
    uint64_t number = a->before_column, before;

    (void)submission;
    for (; number; number = before) {
        struct entry entry;
        int r = audit_entry_read(a, number, &entry, &before, e);

        if (r < 0)
            return r;
        if (entry.kind == ENTRY_USAGE_RECORD && entry.record.seq == seq)
            return AUDIT_BAD(e,
                             "usage record %" PRIu64
                             " was made before as entry "
                             "%" PRIu64,
                             seq, number);
    }
    return 0;
}

int audit_settlement_row(struct audit *a,
                         const struct audit_submission *submission,
                         uint64_t settled_ns, struct err *e)
{
    struct db_stmt *stmt =
        db_prepare(a->db,
                   "select settled_ns, submission from settlements"
                   " where account = ? and entry = ?",
                   e);
    int r;

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, submission->account);
    db_bind_int(stmt, 2, a->number);
    r = row_get(stmt, "settlements", e);
    if (r < 0)
        return r;
    if ((uint64_t)db_int(stmt, 0) != settled_ns ||
        (uint64_t)db_int(stmt, 1) != submission->row)
        r = AUDIT_BAD(e, "the table of settlements has it differently");
    db_done(stmt);
    return r;
}

// The only row of one integer for a submission.
static int submission_ask(struct audit *a, const char *sql, const char *what,
                          const struct audit_submission *submission,
                          uint64_t *out, struct err *e)
{
    struct db_stmt *stmt = db_prepare(a->db, sql, e);
    int r;

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, submission->row);
    db_bind_int(stmt, 2, submission->account);
    db_bind_int(stmt, 3, a->number);
    r = row_get(stmt, what, e);
    if (r < 0)
        return r;
    *out = db_int(stmt, 0);
    db_done(stmt);
    return 0;
}

int audit_settlement_newest(struct audit *a,
                            const struct audit_submission *submission,
                            uint64_t *entry, struct err *e)
{
    return submission_ask(a,
                          "select max(entry) from settlements where"
                          " submission = ?1 and account = ?2 and entry < ?3",
                          "settlements", submission, entry, e);
}

int audit_submission_last(struct audit *a,
                          const struct audit_submission *submission,
                          uint64_t *entry, struct err *e)
{
    return submission_ask(a,
                          "select last_entry from submissions where"
                          " number = ?1 and ?2 > 0 and ?3 > 0",
                          "submissions", submission, entry, e);
}

int audit_submission_number(struct audit *a, const uint8_t id[LEDGER_ID_SIZE],
                            uint64_t *number, struct err *e)
{
    struct db_stmt *stmt =
        db_prepare(a->db, "select number from submissions where id = ?", e);
    int r;

    if (!stmt)
        return -EIO;
    db_bind_blob(stmt, 1, id, LEDGER_ID_SIZE);
    r = row_get(stmt, "submissions", e);
    if (r < 0)
        return r;
    *number = db_int(stmt, 0);
    db_done(stmt);
    return 0;
}

int audit_submission_row(struct audit *a,
                         const struct audit_submission *submission,
                         enum submission_state state,
                         const struct settlement *settlement,
                         uint64_t settled_ns, struct err *e)
{
    static const struct settlement none;
    struct db_stmt *stmt =
        db_prepare(a->db,
                   "select account, state, hold_nano, usage, record_count,"
                   " last_record_seq, charge_nano, billed_nano,"
                   " written_off_nano, settled_ns, last_entry, digest"
                   " from submissions join cards on cards.number = card"
                   " where submissions.number = ?",
                   e);
    const struct settlement *s = settlement ? settlement : &none;
    int r;

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, submission->row);
    r = row_get(stmt, "submissions", e);
    if (r < 0)
        return r;
    if ((uint64_t)db_int(stmt, 0) != submission->account ||
        (uint64_t)db_int(stmt, 1) != state ||
        db_int(stmt, 2) != submission->hold_nano ||
        !blob_is(stmt, 3, &submission->usage, sizeof(submission->usage)) ||
        (uint64_t)db_int(stmt, 4) != submission->record_count ||
        (uint64_t)db_int(stmt, 5) != submission->last_record_seq ||
        db_int(stmt, 6) != s->rated.total_nano ||
        db_int(stmt, 7) != s->billed_nano ||
        db_int(stmt, 8) != s->written_off_nano ||
        (uint64_t)db_int(stmt, 9) != settled_ns ||
        (uint64_t)db_int(stmt, 10) != submission->last_entry ||
        !blob_is(stmt, 11, submission->card->digest, RATECARD_DIGEST_SIZE))
        r = AUDIT_BAD(e,
                      "the table of submissions differs from the log in row "
                      "%" PRIu64,
                      submission->row);
    db_done(stmt);
    return r;
}

int audit_account_row(struct audit *a, const struct account *account,
                      struct err *e)
{
    static const uint8_t no_key[LEDGER_KEY_SIZE];
    struct db_stmt *stmt = db_prepare(
        a->db,
        "select kind, coalesce(key, zeroblob(32)), name, currency,"
        " credit_limit_nano, debits_posted_nano, credits_posted_nano,"
        " debits_pending_nano, credits_pending_nano, opened_ns, last_seq,"
        " key is null, low_balance_nano, low, invoiced"
        " from accounts where number = ?",
        e);
    int r;

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, account->number);
    r = row_get(stmt, "accounts", e);
    if (r < 0)
        return r;
    if (db_int(stmt, 0) != account->kind ||
        !blob_is(stmt, 1, account->key, sizeof(account->key)) ||
        strcmp(db_text(stmt, 2), account->name) != 0 ||
        strcmp(db_text(stmt, 3), account->currency) != 0 ||
        db_int(stmt, 4) != account->credit_limit_nano ||
        db_int(stmt, 5) != account->debits_posted_nano ||
        db_int(stmt, 6) != account->credits_posted_nano ||
        db_int(stmt, 7) != account->debits_pending_nano ||
        db_int(stmt, 8) != account->credits_pending_nano ||
        (uint64_t)db_int(stmt, 9) != account->opened_ns ||
        (uint64_t)db_int(stmt, 10) != account->last_seq ||
        db_int(stmt, 11) !=
            (memcmp(account->key, no_key, sizeof(no_key)) == 0) ||
        db_int(stmt, 12) != account->low_balance_nano ||
        db_int(stmt, 13) != account->low ||
        (uint64_t)db_int(stmt, 14) != account->invoiced)
        r = AUDIT_BAD(e,
                      "account %" PRIu64 " is not what its entries add up to",
                      account->number);
    db_done(stmt);
    return r;
}

int audit_card_row(struct audit *a, const struct audit_card *card,
                   struct err *e)
{
    struct db_stmt *stmt =
        db_prepare(a->db, "select entry from cards where digest = ?", e);
    int r;

    if (!stmt)
        return -EIO;
    db_bind_blob(stmt, 1, card->digest, sizeof(card->digest));
    r = row_get(stmt, "cards", e);
    if (r < 0)
        return r;
    if ((uint64_t)db_int(stmt, 0) != card->entry)
        r = AUDIT_BAD(e, "a rate card is in the log twice");
    db_done(stmt);
    return r;
}

static int count(struct audit *a, const char *sql, uint64_t *out, struct err *e)
{
    struct db_stmt *stmt = db_prepare(a->db, sql, e);
    int r = stmt ? db_step(stmt, e) : -EIO;

    if (r > 0)
        *out = db_int(stmt, 0);
    if (stmt)
        db_done(stmt);
    return r < 0 ? r : 0;
}

// Every entry has its row; so no table has more rows than that.
int audit_table_counts(struct audit *a, struct err *e)
{
    const struct {
        const char *table, *sql;
        uint64_t expected;
    } tables[] = {
        {"accounts", "select count(*) from accounts", a->result->accounts},
        {"transfers", "select count(*) from transfers", a->result->transfers},
        {"settlements", "select count(*) from settlements", a->settlement_rows},
        {"invoices", "select count(*) from invoices", a->result->invoices},
        {"cards", "select count(*) from cards", a->card_count},
        {"submissions", "select count(*) from submissions",
         a->submission_count},
    };
    uint64_t found = 0;
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(tables) / sizeof(tables[0]); i++) {
        r = count(a, tables[i].sql, &found, e);
        if (r == 0 && found != tables[i].expected)
            r = AUDIT_BAD(e,
                          "the table of %s has %" PRIu64 " rows instead of "
                          "%" PRIu64,
                          tables[i].table, found, tables[i].expected);
    }
    return r;
}
