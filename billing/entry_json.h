// SPDX-License-Identifier: ISC
// Entries of the log as JSON, for exports and lists. Amounts are given twice,
// as in invoices.
#ifndef BILLING_ENTRY_JSON_H
#define BILLING_ENTRY_JSON_H

#include <jansson.h>
#include "billing/entry.h"

// {"entry": number, "kind": ..., "time": ..., "account": ..., "account_seq":
// ... and what the kind has}. A new reference, or NULL: no memory.
json_t *entry_json(const struct entry *entry, uint64_t number);

// The members of an invoice's entry alone.
json_t *invoice_entry_json(const struct invoice_entry *invoice);

// A usage record: seq, phase, start, end and all figures of its usage that are
// not zero.
json_t *record_json(const struct usage_record *record);

// The name of a transfer's purpose.
const char *purpose_name(enum transfer_purpose purpose);

#endif
