// SPDX-License-Identifier: ISC
// Walking over settled submissions, for invoices and exports.
#ifndef BILLING_SETTLED_H
#define BILLING_SETTLED_H

#include "billing/entry.h"
#include "billing/ledger.h"

struct settled {
    uint64_t number; // of the submission's row
    uint64_t settled_ns;
    const struct account *account;
    const struct ratecard *card;
    struct settlement settlement;
};

typedef int (*settled_fn)(const struct settled *settled, void *arg,
                          struct err *e);

// Calls `each` for the submissions of an account (0: of all) settled in
// [from_ns, to_ns), in that order per account. Stops when it returns other than
// 0 and returns that. `each` may read the ledger, but not walk again.
int settled_each(struct ledger *ledger, uint64_t account, uint64_t from_ns,
                 uint64_t to_ns, settled_fn each, void *arg, struct err *e);

// Calls `each` for the usage records of a submission as they were entered.
int settled_records_each(struct ledger *ledger, uint64_t number,
                         int (*each)(const struct usage_record *record,
                                     void *arg, struct err *e),
                         void *arg, struct err *e);

// The ledger's clock, and whose it is.
uint64_t ledger_now_ns(const struct ledger *ledger);
const uint8_t *ledger_node_id(const struct ledger *ledger);

#endif
