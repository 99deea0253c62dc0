// SPDX-License-Identifier: ISC
// What a customer asks about his account: the statement of its movements, and
// where the money went. JSON, amounts twice as in invoices.
#ifndef BILLING_STATEMENT_H
#define BILLING_STATEMENT_H

#include <stdint.h>
#include <stdio.h>
#include <jansson.h>
#include "lib/err.h"
#include "billing/entry.h"
#include "billing/ledger.h"

// Calls `each` for the movements of an account's posted balance in the entries
// (after, through] of the log, in their order. Stops when it returns other than
// 0 and returns that.
int lines_each(struct ledger *ledger, uint64_t account, uint64_t after,
               uint64_t through,
               int (*each)(uint64_t number, const struct entry *entry,
                           void *arg, struct err *e),
               void *arg, struct err *e);

// Every movement of the posted balance in [from_ns, to_ns), with the balance
// after it, between an opening and a closing balance (new reference).
int statement_json(struct ledger *ledger, const uint8_t key[LEDGER_KEY_SIZE],
                   uint64_t from_ns, uint64_t to_ns, json_t **out,
                   struct err *e);

// Sums of the submissions settled in [from_ns, to_ns): by SKU, by day (UTC,
// days without any left out), by submission (the dearest STATEMENT_TOP).
#define STATEMENT_TOP 1000
int spend_json(struct ledger *ledger, const uint8_t key[LEDGER_KEY_SIZE],
               uint64_t from_ns, uint64_t to_ns, json_t **out, struct err *e);

#endif
