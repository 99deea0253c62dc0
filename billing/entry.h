// SPDX-License-Identifier: ISC
// Entries of the ledger's log, and their one encoding (Entry of
// proto/receipt.proto). Ledger, auditor and receipts share this.
#ifndef BILLING_ENTRY_H
#define BILLING_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/err.h"
#include "billing/ledger.h"

#define ENTRY_SALT_SIZE 16
#define ENTRY_BYTES_MAX 2048 // the largest is a rate card with all SKUs

enum entry_kind {
    ENTRY_ACCOUNT_OPENED = 4, // the numbers of the oneof
    ENTRY_RATE_CARD,
    ENTRY_TRANSFER,
    ENTRY_USAGE_RECORD,
    ENTRY_SETTLEMENT,
    ENTRY_ADMISSION,
};

struct account_opened {
    uint64_t number;
    enum account_kind kind;
    uint8_t key[LEDGER_KEY_SIZE]; // customers only
    char name[LEDGER_NAME_SIZE];
    char currency[RATECARD_CURRENCY_SIZE];
    int64_t credit_limit_nano;
};

enum transfer_kind {
    TRANSFER_POSTED = 1, // at once
    TRANSFER_PENDING,    // reserves
    TRANSFER_POST,       // moves up to the reserved amount, frees the rest
    TRANSFER_VOID,       // frees all of it
};

enum transfer_purpose {
    PURPOSE_TOP_UP = 1,
    PURPOSE_HOLD,
    PURPOSE_CHARGE,
    PURPOSE_RELEASE,
    PURPOSE_WRITE_OFF,
    PURPOSE_CREDIT_NOTE, // given back to the customer
    PURPOSE_DEBIT_NOTE,  // charged afterwards
};

// Whether it is a step in the life of a submission, which names its id.
static inline bool purpose_is_step(enum transfer_purpose purpose)
{
    return purpose >= PURPOSE_HOLD && purpose <= PURPOSE_WRITE_OFF;
}

// Whether it moves a customer's posted balance: a line of his statement.
static inline bool purpose_is_line(enum transfer_purpose purpose)
{
    return purpose == PURPOSE_TOP_UP || purpose == PURPOSE_CHARGE ||
           purpose >= PURPOSE_CREDIT_NOTE;
}

struct transfer {
    uint8_t id[LEDGER_ID_SIZE];
    enum transfer_kind kind;
    enum transfer_purpose purpose;
    uint64_t debit; // account numbers
    uint64_t credit;
    int64_t amount_nano;                   // above 0
    uint8_t pending_id[LEDGER_ID_SIZE];    // POST, VOID
    uint8_t submission_id[LEDGER_ID_SIZE]; // steps; notes may name one
    char reference[LEDGER_REFERENCE_SIZE];
};

// Begins a submission: fixes its prices and what it may cost at most.
struct admission {
    uint8_t submission_id[LEDGER_ID_SIZE];
    uint8_t customer_key[LEDGER_KEY_SIZE];
    uint8_t card_digest[RATECARD_DIGEST_SIZE];
    int64_t hold_nano;
};

// Ends it.
struct settlement {
    uint8_t submission_id[LEDGER_ID_SIZE];
    uint64_t record_count;
    struct rated rated; // its total is the charge
    int64_t billed_nano;
    int64_t written_off_nano;
    bool voided; // it never began
};

struct entry {
    uint64_t time_ns;
    uint64_t account;     // which it is about, 0: the node
    uint64_t account_seq; // 0 with account 0
    enum entry_kind kind;
    union {
        struct account_opened account_opened;
        struct ratecard card;
        struct transfer transfer;
        struct usage_record record;
        struct settlement settlement;
        struct admission admission;
    };
};

// Writes at most ENTRY_BYTES_MAX bytes, returns how many.
size_t entry_pack(const struct entry *entry, uint8_t out[ENTRY_BYTES_MAX]);

// 0, or -EBADMSG if these are not exactly the bytes that entry_pack gives.
int entry_unpack(struct entry *entry, const uint8_t *bytes, size_t len,
                 struct err *e);

// The id of a submission's transfer.
void transfer_id(const uint8_t submission_id[LEDGER_ID_SIZE],
                 enum transfer_purpose purpose, uint8_t id[LEDGER_ID_SIZE]);

// Fills in what a settlement must say, from the records' sum and the hold:
// all but submission_id, record_count and voided. 0 or -EOVERFLOW.
int settlement_rate(struct settlement *settlement, const struct ratecard *card,
                    const struct usage *usage, int64_t hold_nano,
                    struct err *e);

// Whether two settlements have the same lines and amounts.
bool settlement_same(const struct settlement *a, const struct settlement *b);

#endif
