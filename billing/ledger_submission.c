// SPDX-License-Identifier: ISC
// A submission in the books: hold, usage records, settlement or release.
#include "billing/ledger_internal.h"

#include <assert.h>
#include <string.h>

// ------------------------------------------------------------------ the table

#define SUBMISSION_COLUMNS                                                     \
    "number, id, account, card, state, hold_nano, usage, record_count,"        \
    " last_record_seq, charge_nano, billed_nano, written_off_nano,"            \
    " settled_ns, last_entry"

static int submission_from_row(struct db_stmt *stmt, struct submission_row *out)
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
    if (db_blob_copy(stmt, 1, books->submission_id, LEDGER_ID_SIZE) < 0)
        return -EBADMSG;
    return db_blob_copy(stmt, 6, &books->usage, sizeof(books->usage));
}

int submission_find(struct ledger *ledger,
                    const uint8_t submission_id[LEDGER_ID_SIZE],
                    struct submission_row *out, struct err *e)
{
    struct db_stmt *stmt = ledger_sql(
        ledger, "select " SUBMISSION_COLUMNS " from submissions where id = ?",
        e);
    int r;

    if (!stmt)
        return -EIO;
    db_bind_blob(stmt, 1, submission_id, LEDGER_ID_SIZE);
    r = ledger_row(ledger, stmt, e);
    if (r > 0 && submission_from_row(stmt, out) < 0) {
        err_set(e, EIO, "a submission's row is damaged");
        r = ledger_broken(ledger, e);
    }
    db_done(stmt);
    return r;
}

// Adds what the row does not hold: whose it is, and whether it is signed.
static int books_complete(struct ledger *ledger, struct submission_row *row,
                          struct err *e)
{
    struct account account;
    int r = account_load(ledger, row->account, &account, e);

    if (r < 0)
        return r;
    memcpy(row->books.key, account.key, sizeof(row->books.key));
    strcpy(row->books.currency, account.currency);
    row->books.sealed = row->last_entry <= ledger->sealed_to;
    return 0;
}

static int submission_insert(struct ledger *ledger, struct submission_row *row,
                             struct err *e)
{
    const struct submission_books *books = &row->books;
    struct db_stmt *stmt = ledger_sql(
        ledger,
        "insert into submissions (id, account, card, state,"
        " hold_nano, usage, record_count, last_record_seq,"
        " charge_nano, billed_nano, written_off_nano, settled_ns,"
        " last_entry) values (?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0, 0)",
        e);
    int r;

    if (!stmt)
        return -EIO;
    db_bind_blob(stmt, 1, books->submission_id, LEDGER_ID_SIZE);
    db_bind_int(stmt, 2, row->account);
    db_bind_int(stmt, 3, row->card);
    db_bind_int(stmt, 4, books->state);
    db_bind_int(stmt, 5, books->hold_nano);
    db_bind_blob(stmt, 6, &books->usage, sizeof(books->usage));
    r = ledger_run(ledger, stmt, e);
    row->number = db_last_id(ledger->db);
    return r;
}

static int submission_update(struct ledger *ledger, struct submission_row *row,
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
    row->last_entry = ledger->last_entry; // every change has just been logged
    db_bind_int(stmt, 1, books->state);
    db_bind_blob(stmt, 2, &books->usage, sizeof(books->usage));
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

static int over_refuse(const struct submission_row *row, struct err *e)
{
    if (row->books.state == SUBMISSION_SETTLED)
        return err_set(e, EALREADY, "the submission is settled");
    return err_set(e, ECANCELED, "the submission's hold was released");
}

static int unknown_refuse(struct err *e)
{
    return err_set(e, ENOENT, "the ledger knows no such submission");
}

// ----------------------------------------------------------------------- hold

static int hold_transfer(struct ledger *ledger,
                         const struct submission_row *row,
                         enum transfer_kind kind, int64_t amount_nano,
                         struct transfer *out, struct err *e)
{
    static const enum transfer_purpose purposes[] = {
        [TRANSFER_PENDING] = PURPOSE_HOLD,
        [TRANSFER_POST] = PURPOSE_CHARGE,
        [TRANSFER_VOID] = PURPOSE_RELEASE,
    };
    const uint8_t *submission_id = row->books.submission_id;
    struct node_accounts own;
    struct account account;
    int r = account_load(ledger, row->account, &account, e);

    if (r == 0)
        r = node_accounts_get(ledger, account.currency, &own, e);
    if (r < 0)
        return r;
    *out = (struct transfer){.kind = kind,
                             .purpose = purposes[kind],
                             .debit = row->account,
                             .credit = own.revenue,
                             .amount_nano = amount_nano};
    memcpy(out->submission_id, submission_id, LEDGER_ID_SIZE);
    transfer_id(submission_id, out->purpose, out->id);
    if (kind != TRANSFER_PENDING)
        transfer_id(submission_id, PURPOSE_HOLD, out->pending_id);
    return 0;
}

// A hold made before is fine if it is the same and still open.
static int hold_again(const struct submission_row *row,
                      const struct account *account, int64_t amount_nano,
                      struct err *e)
{
    if (row->account != account->number || row->books.hold_nano != amount_nano)
        return err_set(e, EEXIST,
                       "the submission was held before with another amount or "
                       "account");
    return row->books.state == SUBMISSION_HELD ? 0 : over_refuse(row, e);
}

static int hold_refusals(struct ledger *ledger, const struct account *account,
                         int64_t amount_nano, struct err *e)
{
    if (amount_nano < 0)
        return err_set(e, EINVAL, "a hold cannot be negative");
    if (!ledger->card_number)
        return err_set(e, EINVAL, "the node has no rate card");
    if (strcmp(ledger->card.currency, account->currency) != 0)
        return err_set(e, EINVAL,
                       "the account is in %s and the rate card in %s",
                       account->currency, ledger->card.currency);
    if (!ratecard_applies(&ledger->card, account->key, ledger->now_ns))
        return err_set(e, EINVAL, "rate card %s is of another time or customer",
                       ledger->card.version);
    return 0;
}

static int admission_append(struct ledger *ledger,
                            const struct submission_row *row,
                            const uint8_t key[LEDGER_KEY_SIZE], struct err *e)
{
    struct entry entry = {.account = row->account, .kind = ENTRY_ADMISSION};
    struct admission *admission = &entry.admission;

    memcpy(admission->submission_id, row->books.submission_id, LEDGER_ID_SIZE);
    memcpy(admission->customer_key, key, LEDGER_KEY_SIZE);
    ratecard_digest(&ledger->card, admission->card_digest);
    admission->hold_nano = row->books.hold_nano;
    return log_append(ledger, &entry, row->number, NULL, e);
}

int ledger_hold(struct ledger *ledger,
                const uint8_t submission_id[LEDGER_ID_SIZE],
                const uint8_t key[LEDGER_KEY_SIZE], int64_t amount_nano,
                struct err *e)
{
    struct account account, debit, credit;
    struct submission_row row;
    struct transfer transfer;
    bool done;
    int r;

    assert(ledger->in_group);
    r = ledger_account_get(ledger, key, &account, e);
    if (r < 0)
        return r;
    r = submission_find(ledger, submission_id, &row, e);
    if (r != 0)
        return r < 0 ? r : hold_again(&row, &account, amount_nano, e);
    r = hold_refusals(ledger, &account, amount_nano, e);
    if (r < 0)
        return r;

    memset(&row, 0, sizeof(row));
    memcpy(row.books.submission_id, submission_id, LEDGER_ID_SIZE);
    row.account = account.number;
    row.card = ledger->card_number;
    row.books.state = SUBMISSION_HELD;
    row.books.hold_nano = amount_nano;
    if (amount_nano > 0) {
        r = hold_transfer(ledger, &row, TRANSFER_PENDING, amount_nano,
                          &transfer, e);
        if (r == 0)
            r = transfer_check(ledger, &transfer, account.number, &debit,
                               &credit, &done, e);
        if (r < 0)
            return r;
    }
    r = submission_insert(ledger, &row, e);
    if (r == 0)
        r = admission_append(ledger, &row, key, e);
    if (r == 0 && amount_nano > 0)
        r = transfer_apply(ledger, &transfer, account.number, row.number, e);
    if (r == 0)
        r = submission_update(ledger, &row, e);
    return r < 0 ? ledger_broken(ledger, e) : 0;
}

// --------------------------------------------------------------- usage records

// 1: entered before with the same content; 0: new; -EEXIST: other content.
static int record_replay_check(struct ledger *ledger,
                               const struct submission_row *row,
                               const struct entry *entry, struct err *e)
{
    struct db_stmt *stmt = ledger_sql(
        ledger, "select entry from records where submission = ? and seq = ?",
        e);
    uint64_t number;
    int r;

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, row->number);
    db_bind_int(stmt, 2, entry->record.seq);
    r = ledger_row(ledger, stmt, e);
    number = r > 0 ? db_int(stmt, 0) : 0;
    db_done(stmt);
    if (r <= 0)
        return r;
    r = log_same(ledger, number, entry, e);
    return r == 0 ? err_set(e, EEXIST,
                            "usage record %llu was made before, with other "
                            "content",
                            (unsigned long long)entry->record.seq)
                  : r;
}

static int record_refusals(const struct usage_record *record, struct err *e)
{
    if (record->seq == 0 || record->seq > INT64_MAX)
        return err_set(e, EINVAL, "usage records are numbered from 1");
    if (record->phase < USAGE_BUILD || record->phase > USAGE_RUN)
        return err_set(e, EINVAL, "a usage record is of a build or a run");
    if (record->start_ns > record->end_ns)
        return err_set(e, EINVAL, "a usage record ends before it begins");
    return 0;
}

// The sum that the submission would have; also refuses what could not be
// charged later, so that a settlement never fails on it.
static int record_sum(struct ledger *ledger, const struct submission_row *row,
                      const struct usage_record *record, struct usage *sum,
                      struct err *e)
{
    struct ratecard card;
    struct rated rated;
    int r;

    *sum = row->books.usage;
    if (usage_add(sum, &record->usage) < 0)
        return err_set(e, EOVERFLOW, "the submission's usage is too large");
    r = card_load(ledger, row->card, &card, e);
    return r < 0 ? r : rate_usage(&card, sum, &rated, e);
}

// Adds a record; changes *row, which the caller writes back. 1: added.
static int record_add(struct ledger *ledger, struct submission_row *row,
                      const struct usage_record *record, struct err *e)
{
    struct entry entry = {
        .account = row->account, .kind = ENTRY_USAGE_RECORD, .record = *record};
    struct submission_books *books = &row->books;
    struct db_stmt *stmt;
    struct usage sum;
    uint64_t number;
    int r = record_refusals(record, e);

    if (r < 0)
        return r;
    r = record_replay_check(ledger, row, &entry, e);
    if (r != 0)
        return r < 0 ? r : 0;
    if (books->state != SUBMISSION_HELD)
        return over_refuse(row, e);
    r = record_sum(ledger, row, record, &sum, e);
    if (r == 0)
        r = log_append(ledger, &entry, row->number, &number, e);
    if (r < 0)
        return r;
    stmt = ledger_sql(ledger, "insert into records values (?, ?, ?)", e);
    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, row->number);
    db_bind_int(stmt, 2, record->seq);
    db_bind_int(stmt, 3, number);
    r = ledger_run(ledger, stmt, e);
    if (r < 0)
        return r;
    books->usage = sum;
    books->record_count++;
    if (record->seq > books->last_record_seq)
        books->last_record_seq = record->seq;
    return 1;
}

int ledger_usage_record_add(struct ledger *ledger,
                            const struct usage_record *record, struct err *e)
{
    struct submission_row row;
    int r;

    assert(ledger->in_group);
    r = submission_find(ledger, record->submission_id, &row, e);
    if (r <= 0)
        return r < 0 ? r : unknown_refuse(e);
    r = record_add(ledger, &row, record, e);
    return r > 0 ? submission_update(ledger, &row, e) : r;
}

// ----------------------------------------------------------------- settlement

static int write_off(struct ledger *ledger, const struct submission_row *row,
                     int64_t amount_nano, struct err *e)
{
    struct transfer transfer = {.kind = TRANSFER_POSTED,
                                .purpose = PURPOSE_WRITE_OFF,
                                .amount_nano = amount_nano};
    struct node_accounts own;
    int r = node_accounts_get(ledger, row->books.currency, &own, e);

    if (r < 0)
        return r;
    transfer.debit = own.write_off;
    transfer.credit = own.revenue;
    memcpy(transfer.submission_id, row->books.submission_id, LEDGER_ID_SIZE);
    transfer_id(row->books.submission_id, PURPOSE_WRITE_OFF, transfer.id);
    return transfer_apply(ledger, &transfer, row->account, row->number, e);
}

// Moves the money of a settlement.
static int settlement_post(struct ledger *ledger,
                           const struct submission_row *row,
                           const struct settlement *settlement, struct err *e)
{
    int64_t hold = row->books.hold_nano, billed = settlement->billed_nano;
    struct transfer transfer;
    int r = 0;

    if (hold > 0) {
        r = hold_transfer(ledger, row, billed ? TRANSFER_POST : TRANSFER_VOID,
                          billed ? billed : hold, &transfer, e);
        if (r == 0)
            r = transfer_apply(ledger, &transfer, row->account, row->number, e);
    }
    if (r == 0 && settlement->written_off_nano > 0)
        r = write_off(ledger, row, settlement->written_off_nano, e);
    return r;
}

// Ends a submission, as settled or as void. There is nothing left to be refused
// for, and half of it must not be committed.
static int submission_end(struct ledger *ledger, struct submission_row *row,
                          enum submission_state state, struct err *e)
{
    struct entry entry = {.account = row->account, .kind = ENTRY_SETTLEMENT};
    struct settlement *settlement = &entry.settlement;
    struct submission_books *books = &row->books;
    struct ratecard card;
    int r = card_load(ledger, row->card, &card, e);

    if (r < 0)
        return r;
    memcpy(settlement->submission_id, books->submission_id, LEDGER_ID_SIZE);
    settlement->record_count = books->record_count;
    settlement->voided = state == SUBMISSION_VOID;
    r = settlement_rate(settlement, &card, &books->usage, books->hold_nano, e);
    if (r == 0)
        r = settlement_post(ledger, row, settlement, e);
    if (r == 0)
        r = log_append(ledger, &entry, row->number, NULL, e);
    if (r < 0)
        return ledger_broken(ledger, e);
    books->state = state;
    books->charge_nano = settlement->rated.total_nano;
    books->billed_nano = settlement->billed_nano;
    books->written_off_nano = settlement->written_off_nano;
    books->settled_ns = ledger->now_ns;
    books->sealed = 0;
    return submission_update(ledger, row, e);
}

int ledger_settle(struct ledger *ledger,
                  const uint8_t submission_id[LEDGER_ID_SIZE],
                  const struct usage_record *last, struct submission_books *out,
                  struct err *e)
{
    struct submission_row row;
    int r;

    assert(ledger->in_group);
    r = submission_find(ledger, submission_id, &row, e);
    if (r <= 0)
        return r < 0 ? r : unknown_refuse(e);
    if (row.books.state == SUBMISSION_VOID)
        return over_refuse(&row, e);
    if (last && memcmp(last->submission_id, submission_id, LEDGER_ID_SIZE) != 0)
        return err_set(e, EINVAL,
                       "the last usage record is of another submission");
    r = books_complete(ledger, &row, e);
    if (r == 0 && row.books.state == SUBMISSION_HELD) {
        r = last ? record_add(ledger, &row, last, e) : 0;
        if (r >= 0)
            r = submission_end(ledger, &row, SUBMISSION_SETTLED, e);
    }
    if (r == 0 && out)
        *out = row.books;
    return r;
}

int ledger_void(struct ledger *ledger,
                const uint8_t submission_id[LEDGER_ID_SIZE], struct err *e)
{
    struct submission_row row;
    int r;

    assert(ledger->in_group);
    r = submission_find(ledger, submission_id, &row, e);
    if (r <= 0)
        return r < 0 ? r : unknown_refuse(e);
    if (row.books.state == SUBMISSION_VOID)
        return 0;
    if (row.books.state == SUBMISSION_SETTLED)
        return over_refuse(&row, e);
    if (row.books.record_count)
        return err_set(e, EINVAL, "the submission used something: settle it");
    return submission_end(ledger, &row, SUBMISSION_VOID, e);
}

// -------------------------------------------------------------------- reading

int ledger_submission_get(struct ledger *ledger,
                          const uint8_t submission_id[LEDGER_ID_SIZE],
                          struct submission_books *out, struct err *e)
{
    struct submission_row row;
    int r = submission_find(ledger, submission_id, &row, e);

    if (r <= 0)
        return r < 0 ? r : unknown_refuse(e);
    r = books_complete(ledger, &row, e);
    if (r == 0)
        *out = row.books;
    return r;
}

int ledger_held_list(struct ledger *ledger,
                     int (*each)(const struct submission_books *books,
                                 void *arg),
                     void *arg, struct err *e)
{
    struct db_stmt *stmt =
        ledger_sql(ledger,
                   "select " SUBMISSION_COLUMNS
                   " from submissions where state = 1 order by number",
                   e);
    struct submission_row row;
    int r;

    if (!stmt)
        return -EIO;
    while ((r = ledger_row(ledger, stmt, e)) > 0) {
        r = submission_from_row(stmt, &row);
        if (r < 0) {
            err_set(e, EIO, "a submission's row is damaged");
            r = ledger_broken(ledger, e);
        }
        if (r == 0)
            r = books_complete(ledger, &row, e);
        if (r == 0)
            r = each(&row.books, arg);
        if (r != 0)
            break;
    }
    db_done(stmt);
    return r;
}
