// SPDX-License-Identifier: ISC
// Draft invoices and usage exports, read from the ledger.
#ifndef BILLING_INVOICE_H
#define BILLING_INVOICE_H

#include <stdint.h>
#include <stdio.h>
#include <jansson.h>
#include "lib/err.h"
#include "billing/ledger.h"

// The invoice of an account for the submissions settled in [from_ns, to_ns):
// a JSON object (new reference, the caller decrefs) with a line per SKU and
// submission, totals per SKU and a total. Amounts are given twice: as exact
// integers (..._nano) and as decimal text.
int invoice_draft(struct ledger *ledger, const uint8_t key[LEDGER_KEY_SIZE],
                  uint64_t from_ns, uint64_t to_ns, json_t **out,
                  struct err *e);

// Prints such a JSON object as a table; needs no ledger. -EINVAL if it is not
// an invoice.
int invoice_print(const json_t *invoice, FILE *out, struct err *e);

// The same as a page to print.
int invoice_html(const json_t *invoice, FILE *out, struct err *e);

// CSV (RFC 4180), one row per usage record and SKU of the submissions settled
// in [from_ns, to_ns), and one per write-off. `key` NULL: all customers. Rows
// of a submission and SKU add up exactly to its invoice line: a record's amount
// is what rating gives with it less what it gives without. Columns have the
// names of FOCUS where it has one.
int invoice_export_csv(struct ledger *ledger, const uint8_t *key,
                       uint64_t from_ns, uint64_t to_ns, FILE *out,
                       struct err *e);

#endif
