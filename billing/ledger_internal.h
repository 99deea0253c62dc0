// SPDX-License-Identifier: ISC
// What the files of the ledger share; nobody else includes this.
//
//   ledger.c             open and close, the group, rate cards
//   ledger_log.c         entries: append, read, compare
//   ledger_account.c     accounts, and the cache of their balances
//   ledger_transfer.c    double entry: posted, pending, post, void
//   ledger_submission.c  holds, usage records, settlements
//   ledger_cache.c       rows of submissions, written back at commit
//   ledger_invoice.c     final invoices
//   ledger_batch.c       sealing
//
// An operation first checks everything that it could be refused for, then
// writes. A write that fails makes the group fail (ledger_broken), because what
// was written of the operation is not undone one by one.
#ifndef BILLING_LEDGER_INTERNAL_H
#define BILLING_LEDGER_INTERNAL_H

#include <stdbool.h>
#include "lib/db.h"
#include "billing/batch.h"
#include "billing/entry.h"
#include "billing/ledger.h"

#define LEDGER_SCHEMA_VERSION 3
extern const char ledger_schema[];

#define ACCOUNT_CACHE_SIZE 256
#define SUBMISSION_SLOTS   4096 // domains that run at once, and some more
#define CARD_SLOTS         16   // cards that running submissions have
#define SALT_POOL          256  // salts drawn from the kernel at once

// Leaf hashes kept since the last seal: a second of entries at full speed; what
// does not fit is read again.
#define LEAVES_KEPT_MAX 131072

struct account_slot {
    bool used;
    bool dirty; // differs from the table
    struct account account;
};

// The node's own accounts in one currency.
struct node_accounts {
    char currency[RATECARD_CURRENCY_SIZE]; // "": none remembered
    uint64_t cash;
    uint64_t revenue;
    uint64_t write_off;
    uint64_t tax;
};

struct submission_row {
    uint64_t number;
    uint64_t account;
    uint64_t card;
    uint64_t last_entry; // all its entries are a list, the newest first
    struct submission_books books; // key and currency: see books_complete
};

struct submission_slot {
    bool used;
    bool dirty; // differs from the table
    bool fresh; // ... which does not have it yet
    bool listed;
    struct submission_row row;
};

// Hashes of the entries [first, first + count).
struct leaf_queue {
    uint64_t first;
    size_t count, room;
    uint8_t (*hash)[MERKLE_HASH_SIZE]; // malloc'd
};

// Batches that are kept with their trees: a submission's entries lie in a few,
// and under load so do those of all whose receipts are asked for just now.
#define BATCH_TREES 16

// A signed batch with its whole tree, for proofs.
struct batch_tree {
    uint64_t number; // 0: none
    struct batch batch;
    uint8_t header[BATCH_HEADER_MAX];
    size_t header_len;
    uint8_t signature[BATCH_SIGNATURE_SIZE];
    struct key_cert cert;
    uint8_t nodes[MERKLE_NODES(LEDGER_BATCH_MAX)][MERKLE_HASH_SIZE];
};

struct ledger {
    struct db *db;
    uint8_t node_id[LEDGER_KEY_SIZE];
    bool have_key;
    struct receipts_key key;
    uint64_t (*clock_ns)(void);

    bool in_group;
    bool failed; // the group will be rolled back
    struct err failure;
    uint64_t now_ns;    // time of all entries of the group
    uint64_t newest_ns; // of the newest entry, also if its group was lost

    // Of the log; read again after a rollback.
    uint64_t last_entry;
    uint64_t last_submission; // number of the newest row
    uint64_t sealed_to;       // last entry in a batch
    struct leaf_queue leaves;
    struct batch_head head;

    uint64_t card_number; // by which new holds are rated, 0: none
    bool card_in_group;   // ... and forgotten if the group is lost
    struct ratecard card;
    struct {
        uint64_t number; // 0: free
        struct ratecard card;
    } cards[CARD_SLOTS]; // by number

    uint8_t salts[SALT_POOL][ENTRY_SALT_SIZE];
    size_t salts_left;

    struct batch_tree trees[BATCH_TREES], *tree; // tree: last asked for
    unsigned tree_oldest;
    struct node_accounts node_accounts;
    struct account_slot cache[ACCOUNT_CACHE_SIZE];
    struct submission_slot submissions[SUBMISSION_SLOTS];
    // Those to be written back: all that are dirty, and some that were.
    struct submission_slot *listed[SUBMISSION_SLOTS];
    size_t nlisted;
};

// Marks the group as lost. Returns a code that is no refusal.
int ledger_broken(struct ledger *ledger, struct err *e);

// As db_prepare and db_run, and breaks the group when they fail.
struct db_stmt *ledger_sql(struct ledger *ledger, const char *sql,
                           struct err *e);
int ledger_run(struct ledger *ledger, struct db_stmt *stmt, struct err *e);
// Steps to the only row. 1: there; 0: not; else broken.
int ledger_row(struct ledger *ledger, struct db_stmt *stmt, struct err *e);

// --------------------------------------------------------------------- log

// Appends; fills time, and account_seq from the account that entry->account
// names. `row`: of its submission, whose newest entry it becomes, or NULL.
// *number may be NULL.
int log_append(struct ledger *ledger, struct entry *entry,
               struct submission_row *row, uint64_t *number, struct err *e);

int log_read(struct ledger *ledger, uint64_t number, struct entry *out,
             struct err *e);

// The same, and the number of the submission's entry before it (0: none).
int log_read_back(struct ledger *ledger, uint64_t number, struct entry *out,
                  uint64_t *before, struct err *e);

// The entries of a submission whose newest is `last`, in the order of the log;
// *numbers is malloc'd.
int log_submission(struct ledger *ledger, uint64_t last, uint64_t **numbers,
                   size_t *count, struct err *e);

// Whether entry `number` says the same as `entry`, time and sequence aside.
// 1, 0 or broken.
int log_same(struct ledger *ledger, uint64_t number, const struct entry *entry,
             struct err *e);

// Leaf hashes of `count` entries from number `first` on, from memory when they
// are there.
int log_leaves(struct ledger *ledger, uint64_t first, uint64_t count,
               uint8_t (*leaves)[MERKLE_HASH_SIZE], struct err *e);

// ---------------------------------------------------------------- accounts

int account_load(struct ledger *ledger, uint64_t number, struct account *out,
                 struct err *e);
int account_store(struct ledger *ledger, const struct account *account,
                  struct err *e);
int account_cache_flush(struct ledger *ledger, struct err *e);
void account_cache_drop(struct ledger *ledger);
// Takes an account's new balances and, when they call for it, enters the event
// of a low balance. Follows the entry that moved them.
int account_low_check(struct ledger *ledger, uint64_t number, struct err *e);
// -EINVAL if no account was ever opened in that currency.
int node_accounts_get(struct ledger *ledger, const char *currency,
                      struct node_accounts *out, struct err *e);

// --------------------------------------------------------------- transfers

// Fails or refuses without having written anything. *done: it was applied
// before. On success the new balances are in *debit and *credit.
int transfer_check(struct ledger *ledger, const struct transfer *transfer,
                   uint64_t about, struct account *debit,
                   struct account *credit, bool *done, struct err *e);

// Check and write; about: the account whose sequence numbers the entry.
int transfer_apply(struct ledger *ledger, const struct transfer *transfer,
                   uint64_t about, struct submission_row *row, struct err *e);

// -------------------------------------------------------------- submissions

// 1, 0 if there is none, or broken.
int submission_find(struct ledger *ledger,
                    const uint8_t submission_id[LEDGER_ID_SIZE],
                    struct submission_row *out, struct err *e);

// Takes a row as changed, `fresh` if it is a new one.
int submission_store(struct ledger *ledger, const struct submission_row *row,
                     bool fresh, struct err *e);
int submission_cache_flush(struct ledger *ledger, struct err *e);
void submission_cache_drop(struct ledger *ledger);

// Calls `each` for the rows of submissions that are held, by number.
int submission_held_each(struct ledger *ledger,
                         int (*each)(struct submission_row *row, void *arg,
                                     struct err *e),
                         void *arg, struct err *e);

// The card under which a submission was accepted.
int card_load(struct ledger *ledger, uint64_t number, struct ratecard *out,
              struct err *e);

// ------------------------------------------------------------------ batches

int batch_state_load(struct ledger *ledger, struct err *e);

// Makes ledger->tree the tree of the batch that holds entry `number`.
int batch_tree_load(struct ledger *ledger, uint64_t number, struct err *e);

#endif
