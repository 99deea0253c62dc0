// SPDX-License-Identifier: ISC
// What the auditor's files share.
//
//   audit.c         the walk: entries in order, batches over them
//   audit_books.c   what the entries say: accounts, transfers, submissions
//   audit_tables.c  whether the derived tables agree
//
// Memory: accounts, rate cards and the submissions still open at the point of
// the log that the walk has reached; not the log.
#ifndef BILLING_AUDIT_INTERNAL_H
#define BILLING_AUDIT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/db.h"
#include "billing/audit.h"
#include "billing/entry.h"

#define AUDIT_BUCKETS   16384
#define AUDIT_CARDS_MAX 4096 // a new one every week for 78 years

struct audit_card {
    uint8_t digest[RATECARD_DIGEST_SIZE];
    uint64_t entry;
    struct ratecard card;
};

// A submission from its first entry to its end.
struct audit_submission {
    struct audit_submission *next; // in its bucket
    uint8_t id[LEDGER_ID_SIZE];
    uint64_t row; // number in the table
    uint64_t account;
    uint64_t last_entry;
    uint64_t settlement;       // entry of the one before, 0: none yet
    struct settlement settled; // what it said
    uint64_t settled_ns;       // when the first was made
    const struct audit_card *card;
    int64_t hold_nano;
    bool held;  // the hold was made ...
    bool freed; // ... and charged or released
    int64_t charged_nano;
    int64_t released_nano;
    int64_t written_off_nano;
    struct usage usage;
    int64_t late_charged_nano;
    int64_t late_written_off_nano;
    uint64_t record_count;
    uint64_t last_record_seq;
};

struct audit {
    struct db *db;
    struct audit_result *result;
    uint64_t number;            // of the entry at hand
    uint64_t submission_column; // ... what its row says
    uint64_t before_column;
    uint64_t low_account; // an event of this account is due next, 0: none
    // Tax transfers since the last invoice, by line from 1; above zero: to the
    // tax account.
    int64_t taxes_nano[INVOICE_TAXES_MAX + 1];
    bool taxes_included[INVOICE_TAXES_MAX + 1];
    struct account *accounts; // by number, from [1]
    size_t account_room;
    struct audit_card *cards[AUDIT_CARDS_MAX];
    size_t card_count;
    uint64_t submission_count;
    uint64_t settlement_rows;
    // Rows of submissions that a later settlement than the one met must
    // explain.
    uint64_t deferred;
    struct audit_submission *buckets[AUDIT_BUCKETS];
};

#define AUDIT_BAD(e, ...) err_set(e, EBADMSG, __VA_ARGS__)

// Takes the next entry into the books.
int audit_entry(struct audit *a, const struct entry *entry, struct err *e);
// Compares what the walk has found with the tables that it has not yet.
int audit_finish(struct audit *a, struct err *e);
void audit_free(struct audit *a);

// ------------------------------------------------------------------- tables

int audit_transfer_row(struct audit *a, const struct transfer *transfer,
                       uint64_t about, struct err *e);
// A hold's row says `open` or not.
int audit_hold_row(struct audit *a, const struct audit_submission *submission,
                   bool open, struct err *e);
// Whether an earlier entry of the submission is the same usage record.
int audit_record_again(struct audit *a,
                       const struct audit_submission *submission, uint64_t seq,
                       struct err *e);
int audit_settlement_row(struct audit *a,
                         const struct audit_submission *submission,
                         uint64_t settled_ns, struct err *e);
// Entry of the newest settlement of a submission before the entry at hand.
int audit_settlement_newest(struct audit *a,
                            const struct audit_submission *submission,
                            uint64_t *entry, struct err *e);
// What a submission's row calls its last entry.
int audit_submission_last(struct audit *a,
                          const struct audit_submission *submission,
                          uint64_t *entry, struct err *e);
// Reads an entry that the walk has passed, and the one before of its
// submission. -EBADMSG unless it is there.
int audit_entry_read(struct audit *a, uint64_t number, struct entry *out,
                     uint64_t *before, struct err *e);

// ----------------------------------------------- audit_late.c, audit_invoice.c

// Takes a submission that was over back into the books, for a late record.
int audit_submission_reopen(struct audit *a, const struct usage_record *record,
                            struct audit_submission *out, struct err *e);
int audit_invoice(struct audit *a, const struct entry *entry, struct err *e);
int audit_tax(struct audit *a, const struct transfer *transfer, struct err *e);
const struct audit_card *audit_card_find(const struct audit *a,
                                         const uint8_t *digest);
int audit_submission_number(struct audit *a, const uint8_t id[LEDGER_ID_SIZE],
                            uint64_t *number, struct err *e);
// `settlement` NULL while it is held.
int audit_submission_row(struct audit *a,
                         const struct audit_submission *submission,
                         enum submission_state state,
                         const struct settlement *settlement,
                         uint64_t settled_ns, struct err *e);
int audit_account_row(struct audit *a, const struct account *account,
                      struct err *e);
int audit_card_row(struct audit *a, const struct audit_card *card,
                   struct err *e);
int audit_table_counts(struct audit *a, struct err *e);

#endif
