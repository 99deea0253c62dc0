// SPDX-License-Identifier: ISC
// Exports: usage and charges as CSV of a span of time, and everything by
// cursor, for programs that come back for what is new.
#ifndef BILLING_EXPORT_H
#define BILLING_EXPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "lib/err.h"
#include "billing/ledger.h"

enum export_format {
    EXPORT_JSONL = 1, // entries of the log, a JSON object a line
    EXPORT_PROTOBUF,  // the same as messages Exported, each after its length
    EXPORT_FOCUS,     // charges as CSV of FOCUS 1.2
};

// What one call looks at and gives: a tenth of a second of the ledger's time.
#define EXPORT_SCAN_MAX  50000
#define EXPORT_ITEMS_MAX 10000

struct export_cursor {
    uint64_t after; // entry of the log; in: where to go on, out: where it ended
    bool end;       // out: nothing is left by now
};

// Writes the entries after the cursor that are about an account (`key` NULL:
// all, the node's own included) and moves the cursor on. JSONL and PROTOBUF end
// with an item that tells the new cursor; FOCUS has it in x_Entry, and always
// begins with the header.
int export_after(struct ledger *ledger, const uint8_t *key,
                 enum export_format format, struct export_cursor *cursor,
                 FILE *out, struct err *e);

// CSV (RFC 4180), one row per usage record (several, where a settlement has more
// than 10,000; x_Record is the last) and SKU of what was settled in
// [from_ns, to_ns), one per write-off, note and added tax. `key` NULL: all
// customers. Rows of a submission and SKU add up exactly to its invoice line: a
// record's amount is what rating gives with it less what it gives without; all
// rows add up to the invoice. Columns have the names of FOCUS where it has one.
int export_csv(struct ledger *ledger, const uint8_t *key, uint64_t from_ns,
               uint64_t to_ns, FILE *out, struct err *e);

// The same for the entries (after, through] of an account: those of a final
// invoice.
int export_csv_entries(struct ledger *ledger, const uint8_t *key,
                       uint64_t after, uint64_t through, FILE *out,
                       struct err *e);

#endif
