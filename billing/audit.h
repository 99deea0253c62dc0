// SPDX-License-Identifier: ISC
// The auditor: believes nothing but the log and the node's public key.
#ifndef BILLING_AUDIT_H
#define BILLING_AUDIT_H

#include <stdint.h>
#include "lib/err.h"

struct audit_result {
    uint64_t entries;
    uint64_t unsealed; // entries after the last signed batch
    uint64_t batches;
    uint64_t accounts;
    uint64_t transfers;
    uint64_t records;
    uint64_t settlements;
    uint64_t invoices;
    uint64_t held; // submissions still open
};

// Replays the ledger at `path` from its first entry: form and numbering of
// every entry, at-most-once ids, life of each hold, rating of each settlement,
// balances (never below an account's limit, zero in sum per currency), batch
// roots, chain, certificates and signatures; and compares every derived table.
// `node_id` NULL: the identity that the ledger names. Opens read-only.
// 0, or -EBADMSG and one sentence about the first discrepancy.
int ledger_audit(const char *path, const uint8_t *node_id,
                 struct audit_result *result, struct err *e);

#endif
