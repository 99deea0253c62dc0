// SPDX-License-Identifier: ISC
// Walking over settlements, for invoices and exports.
#ifndef BILLING_SETTLED_H
#define BILLING_SETTLED_H

#include "billing/entry.h"
#include "billing/ledger.h"

// One settlement. A submission with late usage records has several; the first
// tells all it came to until then, each of the others what it added.
struct settled {
    uint64_t entry; // its number in the log: the cursor of exports
    uint64_t settled_ns;
    const struct account *account;
    const struct ratecard *card;
    struct settlement settlement; // what it added; amends: as in the log
};

typedef int (*settled_fn)(const struct settled *settled, void *arg,
                          struct err *e);

// Which: times [from_ns, to_ns), entries (after, through].
struct settled_range {
    uint64_t from_ns, to_ns;
    uint64_t after, through;
    uint64_t limit; // so many at most
};

static inline struct settled_range settled_span(uint64_t from_ns,
                                                uint64_t to_ns)
{
    return (struct settled_range){.from_ns = from_ns,
                                  .to_ns = to_ns,
                                  .through = INT64_MAX,
                                  .limit = INT64_MAX};
}

// Calls `each` for an account's settlements (0: of all, account by account) in
// the order of the log. Stops when it returns other than 0 and returns that.
// `each` may read the ledger, but not walk again.
int settled_each(struct ledger *ledger, uint64_t account,
                 const struct settled_range *range, settled_fn each, void *arg,
                 struct err *e);

// The settlement in entry `number` of the log, which must be one.
int settled_visit(struct ledger *ledger, uint64_t number, settled_fn each,
                  void *arg, struct err *e);

// Calls `each` for the submission's usage records up to this settlement as they
// were entered; `own`: not of one that it amends.
int settled_records_each(struct ledger *ledger, const struct settled *settled,
                         int (*each)(const struct usage_record *record,
                                     bool own, void *arg, struct err *e),
                         void *arg, struct err *e);

// The books' time (ledger_begin), and whose they are.
uint64_t ledger_now_ns(const struct ledger *ledger);
const uint8_t *ledger_node_id(const struct ledger *ledger);

#endif
