// SPDX-License-Identifier: ISC
// A submission in the books: hold, usage records, settlement or release.
#include "billing/ledger_internal.h"

#include <assert.h>
#include <string.h>

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
    transfer_id(submission_id, out->purpose, 0, out->id);
    if (kind != TRANSFER_PENDING)
        transfer_id(submission_id, PURPOSE_HOLD, 0, out->pending_id);
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

static int admission_append(struct ledger *ledger, struct submission_row *row,
                            const uint8_t key[LEDGER_KEY_SIZE], struct err *e)
{
    struct entry entry = {.account = row->account, .kind = ENTRY_ADMISSION};
    struct admission *admission = &entry.admission;

    memcpy(admission->submission_id, row->books.submission_id, LEDGER_ID_SIZE);
    memcpy(admission->customer_key, key, LEDGER_KEY_SIZE);
    ratecard_digest(&ledger->card, admission->card_digest);
    admission->hold_nano = row->books.hold_nano;
    return log_append(ledger, &entry, row, NULL, e);
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
    row.number = ++ledger->last_submission;
    r = admission_append(ledger, &row, key, e);
    if (r == 0 && amount_nano > 0)
        r = transfer_apply(ledger, &transfer, account.number, &row, e);
    if (r == 0)
        r = submission_store(ledger, &row, true, e);
    return r < 0 ? ledger_broken(ledger, e) : 0;
}

// --------------------------------------------------------------- usage records

// 1: entered before with the same content; 0: new; -EEXIST: other content.
// Records nearly always come in their order, and then nothing is looked for.
static int record_replay_check(struct ledger *ledger,
                               const struct submission_row *row,
                               const struct entry *entry, struct err *e)
{
    uint64_t number = row->last_entry, before;
    struct entry found;
    int r;

    if (entry->record.seq > row->books.last_record_seq)
        return 0;
    for (; number; number = before) {
        r = log_read_back(ledger, number, &found, &before, e);
        if (r < 0)
            return r;
        if (found.kind == ENTRY_USAGE_RECORD &&
            found.record.seq == entry->record.seq)
            break;
    }
    if (!number)
        return 0;
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

static int late_refuse(const struct ledger *ledger,
                       const struct submission_row *row, struct err *e)
{
    if (row->books.state == SUBMISSION_SETTLED &&
        ledger->now_ns < row->books.settled_ns + LEDGER_LATE_NS)
        return 0;
    if (row->books.state == SUBMISSION_SETTLED)
        return err_set(e, EALREADY,
                       "the submission is settled, and the %llu hours for late "
                       "usage records are over",
                       LEDGER_LATE_NS / 3600000000000);
    return over_refuse(row, e);
}

// Adds a record; changes *row, which the caller writes back. 1: added.
static int record_add(struct ledger *ledger, struct submission_row *row,
                      const struct usage_record *record, struct err *e)
{
    struct entry entry = {
        .account = row->account, .kind = ENTRY_USAGE_RECORD, .record = *record};
    struct submission_books *books = &row->books;
    struct usage sum;
    int r = record_refusals(record, e);

    if (r < 0)
        return r;
    r = record_replay_check(ledger, row, &entry, e);
    if (r != 0)
        return r < 0 ? r : 0;
    if (books->state != SUBMISSION_HELD)
        r = late_refuse(ledger, row, e);
    if (r == 0)
        r = record_sum(ledger, row, record, &sum, e);
    if (r == 0)
        r = log_append(ledger, &entry, row, NULL, e);
    if (r < 0)
        return r;
    books->usage = sum;
    books->record_count++;
    if (record->seq > books->last_record_seq)
        books->last_record_seq = record->seq;
    return 1;
}

static int late_settle(struct ledger *ledger, struct submission_row *row,
                       uint64_t before, struct err *e);

int ledger_usage_record_add(struct ledger *ledger,
                            const struct usage_record *record, struct err *e)
{
    struct submission_row row;
    uint64_t before;
    int r;

    assert(ledger->in_group);
    r = submission_find(ledger, record->submission_id, &row, e);
    if (r <= 0)
        return r < 0 ? r : unknown_refuse(e);
    before = row.last_entry;
    r = record_add(ledger, &row, record, e);
    if (r <= 0)
        return r;
    return row.books.state == SUBMISSION_HELD
               ? submission_store(ledger, &row, false, e)
               : late_settle(ledger, &row, before, e);
}

// ----------------------------------------------------------------- settlement

// A posted step: a write-off, or what a late record costs. 0: nothing to do.
static int step_post(struct ledger *ledger, struct submission_row *row,
                     enum transfer_purpose purpose, int64_t amount_nano,
                     struct err *e)
{
    struct transfer transfer = {.kind = TRANSFER_POSTED,
                                .purpose = purpose,
                                .amount_nano = amount_nano};
    struct node_accounts own;
    int r = 0;

    if (amount_nano == 0)
        return 0;
    r = node_accounts_get(ledger, row->books.currency, &own, e);
    if (r < 0)
        return r;
    transfer.debit =
        purpose == PURPOSE_LATE_CHARGE ? row->account : own.write_off;
    transfer.credit = own.revenue;
    memcpy(transfer.submission_id, row->books.submission_id, LEDGER_ID_SIZE);
    transfer_id(row->books.submission_id, purpose, row->books.record_count,
                transfer.id);
    return transfer_apply(ledger, &transfer, row->account, row, e);
}

// Moves the money of a settlement.
static int settlement_post(struct ledger *ledger, struct submission_row *row,
                           const struct settlement *settlement, struct err *e)
{
    int64_t hold = row->books.hold_nano, billed = settlement->billed_nano;
    struct transfer transfer;
    int r = 0;

    if (hold > 0) {
        r = hold_transfer(ledger, row, billed ? TRANSFER_POST : TRANSFER_VOID,
                          billed ? billed : hold, &transfer, e);
        if (r == 0)
            r = transfer_apply(ledger, &transfer, row->account, row, e);
    }
    return r < 0 ? r
                 : step_post(ledger, row, PURPOSE_WRITE_OFF,
                             settlement->written_off_nano, e);
}

// Enters a settlement, in the log and in the list of those that an account has.
static int settlement_append(struct ledger *ledger, struct submission_row *row,
                             struct entry *entry, struct err *e)
{
    struct db_stmt *stmt;
    int r = log_append(ledger, entry, row, NULL, e);

    if (r < 0 || entry->settlement.voided)
        return r;
    stmt = ledger_sql(ledger, "insert into settlements values (?, ?, ?, ?)", e);
    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, row->account);
    db_bind_int(stmt, 2, row->last_entry);
    db_bind_int(stmt, 3, entry->time_ns);
    db_bind_int(stmt, 4, row->number);
    return ledger_run(ledger, stmt, e);
}

static void settlement_keep(struct submission_books *books,
                            const struct settlement *settlement)
{
    books->charge_nano = settlement->rated.total_nano;
    books->billed_nano = settlement->billed_nano;
    books->written_off_nano = settlement->written_off_nano;
    books->sealed = 0;
}

// Settles again after a late record; `before`: the entry of the settlement so
// far. Nothing can be refused any more.
static int late_settle(struct ledger *ledger, struct submission_row *row,
                       uint64_t before, struct err *e)
{
    struct entry entry = {.account = row->account, .kind = ENTRY_SETTLEMENT};
    struct settlement *settlement = &entry.settlement;
    const struct settlement *old;
    struct submission_books *books = &row->books;
    struct account account;
    struct ratecard card;
    struct entry last;
    int r = log_read(ledger, before, &last, e);

    old = &last.settlement;
    if (r == 0 && last.kind != ENTRY_SETTLEMENT)
        r = err_set(e, EIO, "a settlement is missing from the log");
    if (r == 0)
        r = account_load(ledger, row->account, &account, e);
    if (r == 0)
        r = card_load(ledger, row->card, &card, e);
    if (r == 0)
        r = settlement_amend(settlement, old, &card, &books->usage,
                             books->hold_nano, account_available_nano(&account),
                             e);
    if (r < 0)
        return ledger_broken(ledger, e);
    memcpy(settlement->submission_id, books->submission_id, LEDGER_ID_SIZE);
    settlement->record_count = books->record_count;
    settlement->amends = before;
    strcpy(books->currency, account.currency);
    r = step_post(ledger, row, PURPOSE_LATE_CHARGE,
                  settlement->billed_nano - old->billed_nano, e);
    if (r == 0)
        r = step_post(ledger, row, PURPOSE_LATE_WRITE_OFF,
                      settlement->written_off_nano - old->written_off_nano, e);
    if (r == 0)
        r = settlement_append(ledger, row, &entry, e);
    if (r < 0)
        return ledger_broken(ledger, e);
    settlement_keep(books, settlement);
    return submission_store(ledger, row, false, e);
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
        r = settlement_append(ledger, row, &entry, e);
    if (r < 0)
        return ledger_broken(ledger, e);
    books->state = state;
    books->settled_ns = ledger->now_ns;
    settlement_keep(books, settlement);
    return submission_store(ledger, row, false, e);
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

int ledger_submission_rate(struct ledger *ledger,
                           const uint8_t submission_id[LEDGER_ID_SIZE],
                           struct rated *out, struct err *e)
{
    struct submission_row row;
    struct ratecard card;
    int r = submission_find(ledger, submission_id, &row, e);

    if (r <= 0)
        return r < 0 ? r : unknown_refuse(e);
    r = card_load(ledger, row.card, &card, e);
    return r < 0 ? r : rate_usage(&card, &row.books.usage, out, e);
}

struct held_visit {
    struct ledger *ledger;
    int (*each)(const struct submission_books *books, void *arg);
    void *arg;
};

static int held_visit(struct submission_row *row, void *arg, struct err *e)
{
    const struct held_visit *visit = arg;
    int r = books_complete(visit->ledger, row, e);

    return r < 0 ? r : visit->each(&row->books, visit->arg);
}

int ledger_held_list(struct ledger *ledger,
                     int (*each)(const struct submission_books *books,
                                 void *arg),
                     void *arg, struct err *e)
{
    struct held_visit visit = {.ledger = ledger, .each = each, .arg = arg};

    return submission_held_each(ledger, held_visit, &visit, e);
}
