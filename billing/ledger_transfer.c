// SPDX-License-Identifier: ISC
// Double entry: a transfer takes from one account what it gives to another.
//
//   kind      before            after
//   posted    -                 both posted balances move
//   pending   -                 both pending balances grow; open
//   post      open pending_id   pending falls by all of it, posted balances
//                               move by amount <= it; closed
//   void      open pending_id   pending falls by all of it; closed
#include "billing/ledger_internal.h"

#include <assert.h>
#include <string.h>

// Adds to two counters that must stay within int64.
static int both_add(int64_t *a, int64_t *b, int64_t amount, struct err *e)
{
    if (__builtin_add_overflow(*a, amount, a) ||
        __builtin_add_overflow(*b, amount, b))
        return err_set(e, EOVERFLOW,
                       "an account cannot hold more than 2^63 nano-units");
    return 0;
}

// Only what the node owes a customer is limited; its own accounts mirror it.
static int funds_check(const struct account *debit, int64_t amount_nano,
                       struct err *e)
{
    int64_t available = account_available_nano(debit);
    char need[MONEY_TEXT_SIZE], have[MONEY_TEXT_SIZE];

    if (debit->kind != ACCOUNT_CUSTOMER || amount_nano <= available)
        return 0;
    return err_set(e, EDQUOT, "%s %s are needed and %s are available",
                   money_text(amount_nano, need), debit->currency,
                   money_text(available, have));
}

// 1: applied before with the same content; 0: new; -EEXIST: with other content.
static int replay_check(struct ledger *ledger, const struct entry *entry,
                        struct err *e)
{
    struct db_stmt *stmt =
        ledger_sql(ledger, "select entry from transfers where id = ?", e);
    uint64_t number;
    int r;

    if (!stmt)
        return -EIO;
    db_bind_blob(stmt, 1, entry->transfer.id, LEDGER_ID_SIZE);
    r = ledger_row(ledger, stmt, e);
    number = r > 0 ? db_int(stmt, 0) : 0;
    db_done(stmt);
    if (r <= 0)
        return r;
    r = log_same(ledger, number, entry, e);
    return r == 0 ? err_set(e, EEXIST,
                            "a transfer with this id was made before, with "
                            "other content")
                  : r;
}

static int pending_load(struct ledger *ledger, const struct transfer *transfer,
                        struct transfer *pending, struct err *e)
{
    struct db_stmt *stmt =
        ledger_sql(ledger, "select entry, open from transfers where id = ?", e);
    struct entry entry;
    bool open;
    int r;

    if (!stmt)
        return -EIO;
    db_bind_blob(stmt, 1, transfer->pending_id, LEDGER_ID_SIZE);
    r = ledger_row(ledger, stmt, e);
    if (r <= 0) {
        db_done(stmt);
        return r < 0 ? r : err_set(e, ENOENT, "there is no such hold");
    }
    open = db_int(stmt, 1);
    r = log_read(ledger, db_int(stmt, 0), &entry, e);
    db_done(stmt);
    if (r < 0)
        return r;
    *pending = entry.transfer;
    if (!open)
        return err_set(e, EALREADY, "this hold was posted or voided before");
    if (transfer->debit != pending->debit ||
        transfer->credit != pending->credit ||
        transfer->amount_nano > pending->amount_nano ||
        (transfer->kind == TRANSFER_VOID &&
         transfer->amount_nano != pending->amount_nano))
        return err_set(e, EINVAL, "the transfer does not fit its hold");
    return 0;
}

// What the transfer does to the balances.
static int balances_change(struct ledger *ledger,
                           const struct transfer *transfer,
                           struct account *debit, struct account *credit,
                           struct err *e)
{
    struct transfer pending = {0};
    int r;

    if (transfer->kind == TRANSFER_POST || transfer->kind == TRANSFER_VOID) {
        r = pending_load(ledger, transfer, &pending, e);
        if (r < 0)
            return r;
        debit->debits_pending_nano -= pending.amount_nano;
        credit->credits_pending_nano -= pending.amount_nano;
    } else {
        r = funds_check(debit, transfer->amount_nano, e);
        if (r < 0)
            return r;
    }
    switch (transfer->kind) {
    case TRANSFER_POSTED:
    case TRANSFER_POST:
        return both_add(&debit->debits_posted_nano,
                        &credit->credits_posted_nano, transfer->amount_nano, e);
    case TRANSFER_PENDING:
        return both_add(&debit->debits_pending_nano,
                        &credit->credits_pending_nano, transfer->amount_nano,
                        e);
    case TRANSFER_VOID:
        return 0;
    }
    return -EINVAL;
}

int transfer_check(struct ledger *ledger, const struct transfer *transfer,
                   uint64_t about, struct account *debit,
                   struct account *credit, bool *done, struct err *e)
{
    struct entry entry = {
        .account = about, .kind = ENTRY_TRANSFER, .transfer = *transfer};
    int r = replay_check(ledger, &entry, e);

    *done = r > 0;
    if (r != 0)
        return r < 0 ? r : 0;
    if (transfer->amount_nano <= 0)
        return err_set(e, EINVAL, "an amount must be above zero");
    r = account_load(ledger, transfer->debit, debit, e);
    if (r == 0)
        r = account_load(ledger, transfer->credit, credit, e);
    if (r < 0)
        return r;
    if (transfer->debit == transfer->credit ||
        strcmp(debit->currency, credit->currency) != 0)
        return err_set(e, EINVAL,
                       "a transfer needs two accounts of one currency");
    return balances_change(ledger, transfer, debit, credit, e);
}

static int open_close(struct ledger *ledger, const struct transfer *transfer,
                      struct err *e)
{
    struct db_stmt *stmt;

    if (transfer->kind != TRANSFER_POST && transfer->kind != TRANSFER_VOID)
        return 0;
    stmt = ledger_sql(ledger, "update transfers set open = 0 where id = ?", e);
    if (!stmt)
        return -EIO;
    db_bind_blob(stmt, 1, transfer->pending_id, LEDGER_ID_SIZE);
    return ledger_run(ledger, stmt, e);
}

static int transfer_index(struct ledger *ledger,
                          const struct transfer *transfer, uint64_t about,
                          uint64_t number, struct err *e)
{
    struct db_stmt *stmt =
        ledger_sql(ledger, "insert into transfers values (?, ?, ?, ?)", e);

    if (!stmt)
        return -EIO;
    db_bind_blob(stmt, 1, transfer->id, LEDGER_ID_SIZE);
    db_bind_int(stmt, 2, number);
    db_bind_int(stmt, 3, transfer->kind == TRANSFER_PENDING);
    if (transfer_is_line(transfer, about))
        db_bind_int(stmt, 4, about);
    else
        db_bind_null(stmt, 4);
    return ledger_run(ledger, stmt, e);
}

int transfer_apply(struct ledger *ledger, const struct transfer *transfer,
                   uint64_t about, struct submission_row *row, struct err *e)
{
    struct entry entry = {
        .account = about, .kind = ENTRY_TRANSFER, .transfer = *transfer};
    struct account debit, credit;
    uint64_t number;
    bool done;
    int r = transfer_check(ledger, transfer, about, &debit, &credit, &done, e);

    if (r < 0 || done)
        return r;
    r = account_store(ledger, &debit, e);
    if (r == 0)
        r = account_store(ledger, &credit, e);
    if (r == 0)
        r = log_append(ledger, &entry, row, &number, e);
    if (r == 0)
        r = transfer_index(ledger, transfer, about, number, e);
    if (r == 0)
        r = open_close(ledger, transfer, e);
    // Taken note of after the entry that moved the balance.
    return r < 0 ? r : account_low_check(ledger, about, e);
}

// Completes and applies a transfer between a customer and one of the node's
// accounts. `out` may be NULL.
static int customer_transfer(struct ledger *ledger, struct transfer *transfer,
                             const uint8_t id[LEDGER_ID_SIZE],
                             const uint8_t key[LEDGER_KEY_SIZE],
                             const char *reference, struct account *out,
                             struct err *e)
{
    struct node_accounts own;
    struct account account;
    int r;

    assert(ledger->in_group);
    r = ledger_account_get(ledger, key, &account, e);
    if (r == 0)
        r = node_accounts_get(ledger, account.currency, &own, e);
    if (r < 0)
        return r;
    if (reference && strlen(reference) >= sizeof(transfer->reference))
        return err_set(e, EINVAL, "the reference is longer than %zu bytes",
                       sizeof(transfer->reference) - 1);
    for (const char *c = reference; c && *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return err_set(e, EINVAL, "the reference has a control character");
    if (reference)
        strcpy(transfer->reference, reference);
    memcpy(transfer->id, id, sizeof(transfer->id));
    transfer->debit =
        transfer->purpose == PURPOSE_TOP_UP ? own.cash : own.revenue;
    transfer->credit = account.number;
    if (transfer->purpose == PURPOSE_DEBIT_NOTE) {
        transfer->debit = account.number;
        transfer->credit = own.revenue;
    }
    r = transfer_apply(ledger, transfer, account.number, NULL, e);
    if (r == 0 && out)
        r = account_load(ledger, account.number, out, e);
    return r;
}

int ledger_credit(struct ledger *ledger, const uint8_t id[LEDGER_ID_SIZE],
                  const uint8_t key[LEDGER_KEY_SIZE], int64_t amount_nano,
                  const char *reference, struct account *out, struct err *e)
{
    struct transfer transfer = {.kind = TRANSFER_POSTED,
                                .purpose = PURPOSE_TOP_UP,
                                .amount_nano = amount_nano};

    return customer_transfer(ledger, &transfer, id, key, reference, out, e);
}

// A note about a submission is about one of the customer's that is settled.
static int note_refusals(struct ledger *ledger,
                         const uint8_t key[LEDGER_KEY_SIZE],
                         const uint8_t *submission_id, const char *reason,
                         struct err *e)
{
    struct submission_books books;
    int r;

    if (!reason || !*reason)
        return err_set(e, EINVAL, "a correction needs a reason");
    if (!submission_id)
        return 0;
    r = ledger_submission_get(ledger, submission_id, &books, e);
    if (r < 0)
        return r;
    if (memcmp(books.key, key, sizeof(books.key)) != 0)
        return err_set(e, ENOENT, "the customer has no such submission");
    if (books.state != SUBMISSION_SETTLED)
        return err_set(e, EAGAIN, "the submission is not settled yet");
    return 0;
}

int ledger_correct(struct ledger *ledger, const uint8_t id[LEDGER_ID_SIZE],
                   const uint8_t key[LEDGER_KEY_SIZE], int64_t amount_nano,
                   const uint8_t *submission_id, const char *reason,
                   struct account *out, struct err *e)
{
    struct transfer transfer = {
        .kind = TRANSFER_POSTED,
        .purpose = amount_nano > 0 ? PURPOSE_CREDIT_NOTE : PURPOSE_DEBIT_NOTE,
        .amount_nano = amount_nano > 0 ? amount_nano
                                       : (int64_t)(0 - (uint64_t)amount_nano)};
    int r = note_refusals(ledger, key, submission_id, reason, e);

    if (r < 0)
        return r;
    if (amount_nano == INT64_MIN)
        return err_set(e, EOVERFLOW, "the correction is too large");
    if (submission_id)
        memcpy(transfer.submission_id, submission_id, LEDGER_ID_SIZE);
    return customer_transfer(ledger, &transfer, id, key, reason, out, e);
}
