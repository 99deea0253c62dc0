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
    const struct audit_card *card;
    int64_t hold_nano;
    bool held;  // the hold was made ...
    bool freed; // ... and charged or released
    int64_t charged_nano;
    int64_t released_nano;
    int64_t written_off_nano;
    struct usage usage;
    uint64_t record_count;
    uint64_t last_record_seq;
};

struct audit {
    struct db *db;
    struct audit_result *result;
    uint64_t number;            // of the entry at hand
    uint64_t submission_column; // ... what its row says
    struct account *accounts;   // by number, from [1]
    size_t account_room;
    struct audit_card *cards[AUDIT_CARDS_MAX];
    size_t card_count;
    uint64_t submission_count;
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
int audit_record_row(struct audit *a, const struct audit_submission *submission,
                     uint64_t seq, struct err *e);
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
