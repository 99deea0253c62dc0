// SPDX-License-Identifier: ISC
// The node's books: double entry over one SQLite database (WAL, FULL).
//
// One process opens a ledger, from one thread. The truth is an append-only log
// of entries (accounts opened, rate cards, admissions, transfers, usage
// records, settlements); balances, holds and indexes beside it can be
// recomputed from it, and `ledger_audit` (audit.h) does. Nothing is ever
// altered; a correction is a new entry.
//
// Group commit. Every operation that writes runs between ledger_begin and
// ledger_commit; put as many requests as are waiting into one group, and answer
// none of them before ledger_commit has returned 0. An operation returns
//   0                 done, or already done before with the same content
//   a refusal         -EINVAL -ENOENT -EEXIST -EDQUOT -EALREADY -ECANCELED
//                     -EOVERFLOW -EAGAIN -EKEYEXPIRED: this operation wrote
//                     nothing, the group goes on
//   anything else     the database failed: the group is lost, ledger_commit
//                     will roll back and return an error.
// Reading functions work inside and outside a group (inside they see its
// writes).
//
// Replay. Every operation may be repeated after a crash with the same
// arguments: ids of internal transfers are hashes of (submission id, step).
//
// Money is int64 nano-units of the account's currency. Times are real time in
// ns since 1970. Structs passed in are only read; structs passed out belong to
// the caller and hold no pointers.
#ifndef BILLING_LEDGER_H
#define BILLING_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/err.h"
#include "billing/rate.h"
#include "billing/ratecard.h"
#include "billing/receipts_key.h"
#include "billing/usage.h"

#define LEDGER_ID_SIZE        16
#define LEDGER_KEY_SIZE       32
#define LEDGER_NAME_SIZE      64   // 63 bytes of UTF-8 and NUL
#define LEDGER_REFERENCE_SIZE 64   // likewise
#define LEDGER_BATCH_MAX      1024 // leaves: bounds proofs and their cost

// How long after a settlement usage records are still taken: as long as a node
// that was away with its keeper's journal may need to come back.
#define LEDGER_LATE_NS (72ull * 3600 * 1000000000)

struct ledger;

// What an invoice says about one tax.
#define INVOICE_TAXES_MAX     4
#define INVOICE_TAX_NAME_SIZE 32
struct invoice_tax {
    char name[INVOICE_TAX_NAME_SIZE];
    uint32_t rate_ppm; // 190000: 19 %
    int64_t amount_nano;
};

// ------------------------------------------------------------ open and close

struct ledger_options {
    const char *path;                 // of the database; made if missing
    uint8_t node_id[LEDGER_KEY_SIZE]; // a ledger belongs to one node for ever
    const struct receipts_key *key;   // copied; NULL: sealing is refused
    uint64_t (*clock_ns)(void);       // real time; NULL: lib/clock.h's
};

// On success *out must be closed by ledger_close, which also forgets the key.
int ledger_open(struct ledger **out, const struct ledger_options *options,
                struct err *e);
void ledger_close(struct ledger *ledger);

// ---------------------------------------------------------------- the group

int ledger_begin(struct ledger *ledger, struct err *e);
// The time of the group's entries. A clock that was set back by no more than
// LEDGER_BACK_NS does not take the books along: their time stands still until
// the clock is there again, so entries are in the order of their times, and one
// moment is not charged for twice. Set back by more, it was wrong before: the
// books follow it, and entries of a time that was none stay what they are.
#define LEDGER_BACK_NS (86400ull * 1000000000)
uint64_t ledger_group_ns(const struct ledger *ledger);
// By how much the clock is behind the newest entry, in ns; 0: it is not.
uint64_t ledger_behind_ns(const struct ledger *ledger);
// 0: everything in the group is durable. Else nothing of it happened.
int ledger_commit(struct ledger *ledger, struct err *e);
void ledger_rollback(struct ledger *ledger);

// Signs everything written since the last batch, in batches of at most
// LEDGER_BATCH_MAX entries. Call it inside a group, last before ledger_commit,
// so that one fsync makes entries and signature durable; nothing of a batch may
// leave the process before that commit. *sealed (may be NULL): entries signed.
// -EINVAL: opened without a key; -EKEYEXPIRED: the time is outside its
// certificate's.
int ledger_batch_seal(struct ledger *ledger, uint64_t *sealed, struct err *e);

// The newest batch: what witnesses exchange.
struct batch_head {
    uint64_t number; // 0: no batch yet
    uint64_t time_ns;
    uint8_t header_hash[32];
    uint8_t root[32];
};
int ledger_batch_head(struct ledger *ledger, struct batch_head *out,
                      struct err *e);

// ---------------------------------------------------------------- rate card

// Makes `card` the one by which later holds are rated; entered in the log when
// it is new. Runs in a group. Until it was called, or if its group was lost,
// holds are refused (-EINVAL), and so are those to which the card does not
// apply (ratecard_applies): which of several does is the caller's choice
// (tariff.h).
int ledger_ratecard_set(struct ledger *ledger, const struct ratecard *card,
                        struct err *e);

// ----------------------------------------------------------------- accounts

enum account_kind {
    ACCOUNT_CUSTOMER = 1, // what the node owes the customer
    ACCOUNT_CASH,         // top-ups came from here
    ACCOUNT_REVENUE,
    ACCOUNT_WRITE_OFF, // use beyond a cap, carried by the node
    ACCOUNT_TAX,       // taxes of final invoices, owed to the state
};

struct account {
    uint64_t number;
    enum account_kind kind;
    uint8_t key[LEDGER_KEY_SIZE]; // zero for the node's own accounts
    char name[LEDGER_NAME_SIZE];
    char currency[RATECARD_CURRENCY_SIZE];
    int64_t credit_limit_nano; // 0: prepaid, never below zero
    int64_t low_balance_nano;  // an event is due below it, 0: never
    bool low;                  // it was, since available was above it
    int64_t debits_posted_nano;
    int64_t credits_posted_nano;
    int64_t debits_pending_nano;
    int64_t credits_pending_nano;
    uint64_t opened_ns;
    uint64_t last_seq; // entries about this account so far, numbered from 1
    uint64_t invoiced; // entry of the log up to which invoices cover it
};

// credits - debits, both posted.
int64_t account_balance_nano(const struct account *account);
// Whether what is available is below the account's warning.
bool account_is_low(const struct account *account);
// What a new hold may take: balance - pending debits + credit limit.
int64_t account_available_nano(const struct account *account);

// Opens a customer's account; the node's own accounts in that currency come
// with it. The same again: 0. -EEXIST: the key has an account with another
// currency, name or limit. `out` may be NULL.
int ledger_account_open(struct ledger *ledger,
                        const uint8_t key[LEDGER_KEY_SIZE], const char *name,
                        const char *currency, int64_t credit_limit_nano,
                        struct account *out, struct err *e);

// Sets all terms of a customer's account at once, as a new entry; the same as
// before: 0, and nothing is entered. A lower limit takes nothing away that is
// owed already: it only refuses new holds. -ENOENT, -EINVAL.
int ledger_account_change(struct ledger *ledger,
                          const uint8_t key[LEDGER_KEY_SIZE], const char *name,
                          int64_t credit_limit_nano, int64_t low_balance_nano,
                          struct account *out, struct err *e);

// -ENOENT if the key has no account.
int ledger_account_get(struct ledger *ledger,
                       const uint8_t key[LEDGER_KEY_SIZE], struct account *out,
                       struct err *e);

// The account of a number, which count from 1. 1; 0: there is none.
int ledger_account_number(struct ledger *ledger, uint64_t number,
                          struct account *out, struct err *e);

// Calls `each` for every account, the node's own included, by number; stops
// when it returns other than 0 and returns that.
int ledger_account_list(struct ledger *ledger,
                        int (*each)(const struct account *account, void *arg),
                        void *arg, struct err *e);

// Top-up: cash to customer. `id` is the caller's (an operator's or payment
// provider's); the same id with the same content: 0, with other: -EEXIST.
// `reference`: free text for the statement, may be NULL. `out` may be NULL.
int ledger_credit(struct ledger *ledger, const uint8_t id[LEDGER_ID_SIZE],
                  const uint8_t key[LEDGER_KEY_SIZE], int64_t amount_nano,
                  const char *reference, struct account *out, struct err *e);

// A correction, which is always a new entry: a credit note (amount above 0)
// from revenue to the customer, or a debit note (below 0) from the customer,
// who must have the money, to revenue. `reason` is for the statement, and
// demanded; `submission_id` (may be NULL) is what it corrects. Ids as for
// ledger_credit.
int ledger_correct(struct ledger *ledger, const uint8_t id[LEDGER_ID_SIZE],
                   const uint8_t key[LEDGER_KEY_SIZE], int64_t amount_nano,
                   const uint8_t *submission_id, const char *reason,
                   struct account *out, struct err *e);

// -------------------------------------------------------------- submissions
// hold, then any number of usage records, then settle or void.

// Reserves `amount_nano` (0 is allowed: a free submission) and fixes the rate
// card. -ENOENT no account, -EDQUOT not enough available (the message says how
// much is missing), -EINVAL currencies differ, -EEXIST held before with another
// amount or account, -EALREADY already settled, -ECANCELED already void.
int ledger_hold(struct ledger *ledger,
                const uint8_t submission_id[LEDGER_ID_SIZE],
                const uint8_t key[LEDGER_KEY_SIZE], int64_t amount_nano,
                struct err *e);

enum usage_phase {
    USAGE_BUILD = 1, // compile and link
    USAGE_RUN,       // one interval of a domain
};

// What one build, or one domain in one interval, consumed: *additional*
// consumption, not a running total. Records of a submission are numbered from
// 1 by their maker, so that one sent twice counts once.
struct usage_record {
    uint8_t submission_id[LEDGER_ID_SIZE];
    uint64_t seq; // at least 1, unique within the submission
    enum usage_phase phase;
    uint64_t start_ns;
    uint64_t end_ns; // >= start_ns
    struct usage usage;
};

// The same seq with the same content: 0, with other: -EEXIST. -ENOENT no hold,
// -ECANCELED void. After the settlement a new record is taken for
// LEDGER_LATE_NS and settled at once: what it adds to the charge is billed as
// far as the hold had room and the account has money, the rest is written off.
// Later it is -EALREADY (a repeated record is still 0).
int ledger_usage_record_add(struct ledger *ledger,
                            const struct usage_record *record, struct err *e);

enum submission_state {
    SUBMISSION_HELD = 1,
    SUBMISSION_SETTLED,
    SUBMISSION_VOID,
};

struct submission_books {
    uint8_t submission_id[LEDGER_ID_SIZE];
    uint8_t key[LEDGER_KEY_SIZE]; // customer
    char currency[RATECARD_CURRENCY_SIZE];
    enum submission_state state;
    int64_t hold_nano;
    struct usage usage; // sum of the records so far
    uint64_t record_count;
    uint64_t last_record_seq; // largest seq so far
    // Of a settled submission; else 0. charge = billed + written_off.
    int64_t charge_nano;
    int64_t billed_nano; // min(charge, hold)
    int64_t written_off_nano;
    uint64_t settled_ns;
    int sealed; // everything is in signed batches: a receipt can be built
};

// -ENOENT if there was never a hold. After a restart of the keeper `usage`
// tells what was already recorded.
int ledger_submission_get(struct ledger *ledger,
                          const uint8_t submission_id[LEDGER_ID_SIZE],
                          struct submission_books *out, struct err *e);

// What the records so far come to by the card of the hold. -ENOENT no hold.
int ledger_submission_rate(struct ledger *ledger,
                           const uint8_t submission_id[LEDGER_ID_SIZE],
                           struct rated *out, struct err *e);

// Ends a submission. `last` (may be NULL) is first added as by
// ledger_usage_record_add. Then the sum of all records is rated by the card of
// the hold; min(charge, hold) goes to revenue, the rest of the hold is
// released, a charge beyond the hold is booked against the node's write-off
// account. Settled before: 0 with the first result, whatever `last` says.
// -ENOENT no hold, -ECANCELED void. `out` may be NULL.
int ledger_settle(struct ledger *ledger,
                  const uint8_t submission_id[LEDGER_ID_SIZE],
                  const struct usage_record *last, struct submission_books *out,
                  struct err *e);

// Releases the hold of a submission that used nothing (refused after the hold,
// or lost before its start). Void before: 0. -ENOENT no hold, -EALREADY
// settled, -EINVAL it has usage records: settle it.
int ledger_void(struct ledger *ledger,
                const uint8_t submission_id[LEDGER_ID_SIZE], struct err *e);

// Submissions still held, for a keeper's comparison with its journal.
int ledger_held_list(struct ledger *ledger,
                     int (*each)(const struct submission_books *books,
                                 void *arg),
                     void *arg, struct err *e);

#endif
