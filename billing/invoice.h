// SPDX-License-Identifier: ISC
// Invoices and usage exports.
//
// A draft is of any span of time and can be asked for again and again. A final
// invoice is issued once: it gets the node's next number and an entry in the
// log with its sums and the digest of its document, which is kept as it was
// issued. Final invoices of an account follow each other without a gap: each
// holds what was charged since the one before, so that nothing is forgotten and
// nothing billed twice, whatever came late. A correction of one is a credit or
// debit note, on the next.
#ifndef BILLING_INVOICE_H
#define BILLING_INVOICE_H

#include <stdint.h>
#include <stdio.h>
#include <jansson.h>
#include "lib/err.h"
#include "billing/entry.h"
#include "billing/invoice_terms.h"
#include "billing/ledger.h"
#include "billing/settled.h"

// The invoice of an account for what was settled or corrected in
// [from_ns, to_ns): a JSON object (new reference, the caller decrefs) with a
// line per SKU and submission, totals per SKU, notes, taxes and a total.
// Amounts are given twice: as exact integers (..._nano) and as decimal text.
// `terms` NULL: no seller, no taxes.
int invoice_draft(struct ledger *ledger, const uint8_t key[LEDGER_KEY_SIZE],
                  uint64_t from_ns, uint64_t to_ns,
                  const struct invoice_terms *terms, json_t **out,
                  struct err *e);

// Issues the account's next invoice, of what was settled or corrected before
// `to_ns`. Runs in a group. *number: of the invoice; the same `to_ns` again:
// 0 with the first one's. -EINVAL: to_ns is not over yet; -EALREADY: a later
// time was invoiced; -ENOENT: no account, or nothing to invoice; -EDQUOT: taxes
// are added, and the account lacks the money for them.
int invoice_issue(struct ledger *ledger, const uint8_t key[LEDGER_KEY_SIZE],
                  uint64_t to_ns, const struct invoice_terms *terms,
                  uint64_t *number, struct err *e);

// A final invoice as it was issued (new reference). `key` NULL: anybody's.
// -ENOENT.
int invoice_get(struct ledger *ledger, const uint8_t *key, uint64_t number,
                json_t **out, struct err *e);

// Its rows as CSV (export.h): one per usage record and SKU.
int invoice_csv(struct ledger *ledger, const uint8_t *key, uint64_t number,
                FILE *out, struct err *e);

// {"invoices": [...]}: number, period and total of each, the newest first.
int invoice_list(struct ledger *ledger, const uint8_t key[LEDGER_KEY_SIZE],
                 json_t **out, struct err *e);

// Adds to each submission of an invoice its usage records. -EFBIG: they are
// more than INVOICE_RECORDS_MAX; an export has them.
#define INVOICE_RECORDS_MAX 50000
int invoice_records_add(struct ledger *ledger, json_t *invoice, struct err *e);

// -EINVAL unless it is an invoice of either kind.
int invoice_check(const json_t *invoice, struct err *e);

// Puts the document together; fills in the sums of `entry`, which has number
// and times already. For invoice_draft and invoice_issue.
int invoice_document(struct ledger *ledger, const struct account *account,
                     const struct settled_range *range,
                     const struct invoice_terms *terms,
                     struct invoice_entry *entry, json_t **out, struct err *e);

// Prints such a JSON object as a table; needs no ledger. -EINVAL if it is not
// an invoice.
int invoice_print(const json_t *invoice, FILE *out, struct err *e);

// The same as a page to print.
int invoice_html(const json_t *invoice, FILE *out, struct err *e);

#endif
