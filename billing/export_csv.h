// SPDX-License-Identifier: ISC
// Rows of the CSV export, for export.c and export_csv.c alone.
#ifndef BILLING_EXPORT_CSV_H
#define BILLING_EXPORT_CSV_H

#include <stdio.h>
#include "billing/rate.h"
#include "billing/settled.h"

struct csv_exporter {
    FILE *out;
    char provider[32];
    struct ledger *ledger;
    const struct settled *settled;
    // Of the submission at hand: what its records came to so far.
    struct usage usage;
    struct rated rated; // by its last row
    // So many records a row, and how many of them wait.
    uint64_t together, waiting, left;
    uint64_t waiting_ns; // since when
};

// What runs for days has hundreds of thousands of records. A settlement with
// more than these has rows of several records each.
#define CSV_RECORDS_MAX 10000

// Writes the header.
void csv_begin(struct csv_exporter *x, struct ledger *ledger, FILE *out);
// The rows of a settlement; a settled_fn with the exporter as its argument.
int csv_settled(const struct settled *settled, void *arg, struct err *e);
// The row of a transfer that moved the account's balance, if it is a charge of
// its own: a note, or a tax.
void csv_line(const struct csv_exporter *x, const struct account *account,
              uint64_t number, const struct entry *entry);

#endif
