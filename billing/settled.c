// SPDX-License-Identifier: ISC
// Settlements, read back from the log.
#include "billing/settled.h"

#include <stdlib.h>
#include <string.h>
#include "lib/cleanup.h"
#include "billing/ledger_internal.h"

const uint8_t *ledger_node_id(const struct ledger *ledger)
{
    return ledger->node_id;
}

static int64_t bound(uint64_t number)
{
    return number > INT64_MAX ? INT64_MAX : (int64_t)number;
}

static int settlement_read(struct ledger *ledger, uint64_t number,
                           struct entry *out, struct err *e)
{
    int r = log_read(ledger, number, out, e);

    return r == 0 && out->kind != ENTRY_SETTLEMENT
               ? err_set(e, EIO, "a settlement is missing from the log")
               : r;
}

// What `s` says beyond `before`: figures never fall, so each line of `before`
// is one of `s`.
static void settlement_subtract(struct settlement *s,
                                const struct settlement *before)
{
    struct rated more = {.total_nano =
                             s->rated.total_nano - before->rated.total_nano};

    for (size_t i = 0, k = 0; i < s->rated.line_count; i++) {
        struct rate_line line = s->rated.lines[i];

        if (k < before->rated.line_count &&
            before->rated.lines[k].sku == line.sku) {
            line.quantity -= before->rated.lines[k].quantity;
            line.amount_nano -= before->rated.lines[k++].amount_nano;
        }
        if (line.quantity || line.amount_nano)
            more.lines[more.line_count++] = line;
    }
    s->rated = more;
    s->record_count -= before->record_count;
    s->billed_nano -= before->billed_nano;
    s->written_off_nano -= before->written_off_nano;
}

int settled_visit(struct ledger *ledger, uint64_t number, settled_fn each,
                  void *arg, struct err *e)
{
    struct settled settled = {.entry = number};
    struct submission_row row;
    struct account account;
    struct ratecard card;
    struct entry entry, before;
    int r = settlement_read(ledger, number, &entry, e);

    if (r == 0)
        r = submission_find(ledger, entry.settlement.submission_id, &row, e);
    if (r == 0)
        r = err_set(e, EIO, "a settlement's submission is missing");
    if (r > 0)
        r = account_load(ledger, row.account, &account, e);
    if (r == 0)
        r = card_load(ledger, row.card, &card, e);
    if (r < 0)
        return r;
    settled.settled_ns = entry.time_ns;
    settled.account = &account;
    settled.card = &card;
    settled.settlement = entry.settlement;
    if (entry.settlement.amends) {
        r = settlement_read(ledger, entry.settlement.amends, &before, e);
        if (r < 0)
            return r;
        settlement_subtract(&settled.settlement, &before.settlement);
    }
    return each(&settled, arg, e);
}

int settled_each(struct ledger *ledger, uint64_t account,
                 const struct settled_range *range, settled_fn each, void *arg,
                 struct err *e)
{
    struct db_stmt *stmt =
        account ? ledger_sql(ledger,
                             "select entry from settlements where"
                             " account = ?6 and entry > ?1 and entry <= ?2 and"
                             " settled_ns >= ?3 and settled_ns < ?4"
                             " order by entry limit ?5",
                             e)
                : ledger_sql(ledger,
                             "select entry from settlements where"
                             " entry > ?1 and entry <= ?2 and"
                             " settled_ns >= ?3 and settled_ns < ?4"
                             " order by account, entry limit ?5",
                             e);
    int r;

    if (!stmt)
        return -EIO;
    db_bind_int(stmt, 1, bound(range->after));
    db_bind_int(stmt, 2, bound(range->through));
    db_bind_int(stmt, 3, bound(range->from_ns));
    db_bind_int(stmt, 4, bound(range->to_ns));
    db_bind_int(stmt, 5, bound(range->limit));
    if (account)
        db_bind_int(stmt, 6, account);
    while ((r = ledger_row(ledger, stmt, e)) > 0) {
        r = settled_visit(ledger, db_int(stmt, 0), each, arg, e);
        if (r != 0)
            break;
    }
    db_done(stmt);
    return r;
}

int settled_records_each(struct ledger *ledger, const struct settled *settled,
                         int (*each)(const struct usage_record *record,
                                     bool own, void *arg, struct err *e),
                         void *arg, struct err *e)
{
    cleanup_free uint64_t *numbers = NULL;
    size_t count = 0;
    int r = log_submission(ledger, settled->entry, &numbers, &count, e);

    for (size_t i = 0; r == 0 && i < count; i++) {
        struct entry entry;

        r = log_read(ledger, numbers[i], &entry, e);
        if (r == 0 && entry.kind == ENTRY_USAGE_RECORD)
            r = each(&entry.record, numbers[i] > settled->settlement.amends,
                     arg, e);
    }
    return r;
}
