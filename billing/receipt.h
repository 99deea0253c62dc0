// SPDX-License-Identifier: ISC
// Receipts: what a customer keeps, and checks without asking anyone.
// The format is described in proto/receipt.proto.
#ifndef BILLING_RECEIPT_H
#define BILLING_RECEIPT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <jansson.h>
#include "lib/err.h"
#include "billing/ledger.h"

#define RECEIPT_FORMAT      "hostel receipt v1"
#define RECEIPT_MAX         (192 << 20)
#define RECEIPT_ENTRIES_MAX 200000 // two days of records of one second

// Builds the receipt of a settled submission; with `so_far` also that of one
// that runs, of what is signed by now. *bytes is malloc'd, the caller frees it.
// -EAGAIN: not settled yet, or the batch is not sealed yet. -ENOENT: unknown
// submission. -ECANCELED: void. -EFBIG: too many records.
int receipt_build(struct ledger *ledger,
                  const uint8_t submission_id[LEDGER_ID_SIZE], bool so_far,
                  uint8_t **bytes, size_t *len, struct err *e);

struct receipt_report {
    struct submission_books books; // HELD: of one that runs, charged so far 0
    uint8_t node_id[LEDGER_KEY_SIZE];
    struct ratecard card;
    uint8_t card_digest[RATECARD_DIGEST_SIZE];
    struct rated rated;
    uint64_t account_number;
    uint64_t account_seq_first; // of the hold
    uint64_t account_seq_last;  // of the newest entry
    uint64_t settlement_count;  // 2 and more: usage records came late
    uint64_t batch_first;
    uint64_t batch_last;
    uint8_t batch_root[32]; // of batch_last: compare with other customers'
    size_t entry_count;
};

// Checks everything that can be checked offline: the form (one encoding only),
// the certificate and signatures up to `node_id`, the inclusion of every entry,
// the sum of the records, the rating and the cap. 0 and a report, or -EBADMSG
// and one sentence that says what is wrong.
int receipt_verify(const uint8_t *bytes, size_t len,
                   const uint8_t node_id[LEDGER_KEY_SIZE],
                   struct receipt_report *report, struct err *e);

// The report for people, and as JSON (new reference).
void receipt_print(const struct receipt_report *report, FILE *out);
json_t *receipt_json(const struct receipt_report *report);

#endif
