// SPDX-License-Identifier: ISC
// Settled submissions, read back from the log.
#include "billing/settled.h"

#include <string.h>
#include "billing/ledger_internal.h"

uint64_t ledger_now_ns(const struct ledger *ledger)
{
    return ledger->clock_ns();
}

const uint8_t *ledger_node_id(const struct ledger *ledger)
{
    return ledger->node_id;
}

static int64_t time_bound(uint64_t time_ns)
{
    return time_ns > INT64_MAX ? INT64_MAX : (int64_t)time_ns;
}

// One row: its settlement is the last entry of the submission.
static int row_visit(struct ledger *ledger, struct db_stmt *stmt,
                     settled_fn each, void *arg, struct err *e)
{
    struct settled settled = {.number = db_int(stmt, 0),
                              .settled_ns = db_int(stmt, 4)};
    struct account account;
    struct ratecard card;
    struct entry entry;
    int r = account_load(ledger, db_int(stmt, 1), &account, e);

    if (r == 0)
        r = card_load(ledger, db_int(stmt, 2), &card, e);
    if (r == 0)
        r = log_read(ledger, db_int(stmt, 3), &entry, e);
    if (r < 0)
        return r;
    if (entry.kind != ENTRY_SETTLEMENT)
        return err_set(e, EIO, "a settlement is missing from the log");
    settled.account = &account;
    settled.card = &card;
    settled.settlement = entry.settlement;
    return each(&settled, arg, e);
}

int settled_each(struct ledger *ledger, uint64_t account, uint64_t from_ns,
                 uint64_t to_ns, settled_fn each, void *arg, struct err *e)
{
    struct db_stmt *stmt =
        account ? ledger_sql(ledger,
                             "select number, account, card, last_entry,"
                             " settled_ns from submissions where state = 2"
                             " and settled_ns >= ?1 and settled_ns < ?2"
                             " and account = ?3 order by settled_ns, number",
                             e)
                : ledger_sql(ledger,
                             "select number, account, card, last_entry,"
                             " settled_ns from submissions where state = 2"
                             " and settled_ns >= ?1 and settled_ns < ?2"
                             " order by account, settled_ns, number",
                             e);
    int r;

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, time_bound(from_ns));
    db_bind_int(stmt, 2, time_bound(to_ns));
    if (account)
        db_bind_int(stmt, 3, account);
    while ((r = ledger_row(ledger, stmt, e)) > 0) {
        r = row_visit(ledger, stmt, each, arg, e);
        if (r != 0)
            break;
    }
    db_done(stmt);
    return r;
}

int settled_records_each(struct ledger *ledger, uint64_t number,
                         int (*each)(const struct usage_record *record,
                                     void *arg, struct err *e),
                         void *arg, struct err *e)
{
    struct db_stmt *stmt =
        ledger_sql(ledger,
                   "select entry from records where submission = ?"
                   " order by entry",
                   e);
    int r;

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, number);
    while ((r = ledger_row(ledger, stmt, e)) > 0) {
        struct entry entry;

        r = log_read(ledger, db_int(stmt, 0), &entry, e);
        if (r == 0)
            r = each(&entry.record, arg, e);
        if (r != 0)
            break;
    }
    db_done(stmt);
    return r;
}
