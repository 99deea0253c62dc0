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
    ENTRY_ACCOUNT_CHANGED,
    ENTRY_LOW_BALANCE,
    ENTRY_INVOICE,
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
    PURPOSE_LATE_CHARGE, // for a usage record after the settlement
    PURPOSE_LATE_WRITE_OFF,
    PURPOSE_TAX, // of an invoice
};

// Whether it is a step in the life of a submission, which names its id.
static inline bool purpose_is_step(enum transfer_purpose purpose)
{
    return (purpose >= PURPOSE_HOLD && purpose <= PURPOSE_WRITE_OFF) ||
           purpose == PURPOSE_LATE_CHARGE || purpose == PURPOSE_LATE_WRITE_OFF;
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
    bool voided;     // it never began
    uint64_t amends; // entry of the settlement that this one replaces, 0: none
};

// All terms of a customer's account that can change.
struct account_changed {
    char name[LEDGER_NAME_SIZE];
    int64_t credit_limit_nano;
    int64_t low_balance_nano;
};

struct low_balance {
    int64_t available_nano;
    int64_t threshold_nano;
};

struct invoice_entry {
    uint64_t number;
    uint64_t from_ns, to_ns;
    uint64_t first_entry, last_entry; // (first, last] of the log
    int64_t charges_nano;
    int64_t notes_nano;
    size_t tax_count;
    struct invoice_tax taxes[INVOICE_TAXES_MAX];
    int64_t total_nano;
    bool taxes_included;
    uint8_t digest[32];
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
        struct account_changed account_changed;
        struct low_balance low_balance;
        struct invoice_entry invoice;
    };
};

// Writes at most ENTRY_BYTES_MAX bytes, returns how many.
size_t entry_pack(const struct entry *entry, uint8_t out[ENTRY_BYTES_MAX]);

// 0, or -EBADMSG if these are not exactly the bytes that entry_pack gives.
int entry_unpack(struct entry *entry, const uint8_t *bytes, size_t len,
                 struct err *e);

// A correction, as invoices show it.
static inline bool transfer_is_note(const struct transfer *transfer)
{
    return transfer->purpose == PURPOSE_CREDIT_NOTE ||
           transfer->purpose == PURPOSE_DEBIT_NOTE;
}

// Whether it moves the posted balance of the account: a line of its statement.
bool transfer_is_line(const struct transfer *transfer, uint64_t account);

// The id of a submission's transfer; `record_count` is that of the settlement
// after it and counts for late steps only.
void transfer_id(const uint8_t submission_id[LEDGER_ID_SIZE],
                 enum transfer_purpose purpose, uint64_t record_count,
                 uint8_t id[LEDGER_ID_SIZE]);

// The id of the transfer of an invoice's tax line, numbered from 1.
void transfer_id_tax(uint64_t invoice, uint64_t line,
                     uint8_t id[LEDGER_ID_SIZE]);

// Fills in what a settlement must say, from the records' sum and the hold:
// all but submission_id, record_count, voided and amends. 0 or -EOVERFLOW.
int settlement_rate(struct settlement *settlement, const struct ratecard *card,
                    const struct usage *usage, int64_t hold_nano,
                    struct err *e);

// The same for one that amends `before`: what was billed stays, and of what
// came on top at most `room_nano` is. A settlement with other amounts than
// these is wrong whatever the room was. 0, -EOVERFLOW, or -ERANGE if it would
// fall.
int settlement_amend(struct settlement *settlement,
                     const struct settlement *before,
                     const struct ratecard *card, const struct usage *usage,
                     int64_t hold_nano, int64_t room_nano, struct err *e);

// Whether two settlements have the same lines and amounts.
bool settlement_same(const struct settlement *a, const struct settlement *b);

#endif
