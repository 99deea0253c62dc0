// SPDX-License-Identifier: ISC
// The ledger role: the event loop around billing's library, and the only
// process that opens the ledger's database and holds the receipts key.
//
// One turn of the loop takes every request that waits on its two channels,
// performs them in one group of the ledger, commits, and only then answers:
// what is acknowledged is durable, and one sync pays for all of them.
//
// A batch is sealed when its oldest entry is batch_ns old, or, so that a
// receipt can be had at once, together with a settlement when the last seal is
// at least SEAL_SPACING_NS ago; the seal is part of the same commit.
#ifndef LEDGERD_LEDGERD_H
#define LEDGERD_LEDGERD_H

#include <stdbool.h>
#include <stdint.h>
#include "billing/invoice.h"
#include "billing/ledger.h"
#include "billing/tariff.h"
#include "node-agent/agent/reserve.h"
#include "node-agent/agent/role.h"
#include "node-agent/keeper/chan.h"

// Requests of one channel in one group: bounds how long the first of them
// waits for its answer (about 20 ms).
#define GROUP_MAX 256

// Between two seals asked for by settlements: at most fifty signatures a
// second, and a receipt is never more than this late.
#define SEAL_SPACING_NS 20000000u

// An invoice or export of one customer's whole history.
#define DOCUMENT_MAX (256ull << 20)

// How far a webhook's time may be from ours, as the standard advises.
#define PAYMENT_AGE_S      300
#define PAYMENT_SECRET_MAX 64

// Receipts that are asked for between a settlement and its seal (later.c).
#define LATER_MAX 1024u
#define LATER_NS  5000000000u
struct later {
    struct chan *from;
    struct msg_document m;
    uint64_t until_ns;
};

struct ledgerd {
    struct ledger *ledger;
    struct tariff tariff;
    struct invoice_terms terms;
    uint8_t payment_secret[PAYMENT_SECRET_MAX];
    size_t payment_secret_len;      // 0: no webhooks are taken
    const struct tariff_card *card; // the one that holds are rated by now
    struct key_cert cert;
    struct chan api, keeper;
    struct chan operator; // fd -1: none
    bool api_admin;       // what the api role may ask; see request.c
    int lifeline_fd;      // -1: none
    uint64_t batch_ns;
    uint64_t interval_ns;      // between two usage records of a domain
    uint64_t unsealed_mono_ns; // when the oldest entry was made; 0: none
    uint64_t sealed_mono_ns;   // last seal
    bool receipt_wanted;       // something was settled since
    bool grouped;              // a group is open
    uint64_t export_cursor;    // of the document at hand
    bool sealed;               // in this turn
    struct later later[LATER_MAX];
    unsigned nlater;
    struct reserve reserve;
    bool behind; // the clock is behind the books, and the log says so
};

struct ledgerd_options {
    const char *path;          // of the database
    const char *ratecard_path; // a card, or a folder of cards
    const char *invoice_path;  // of billing/invoice_terms.h; NULL or "": none
    const uint8_t *payment_secret; // copied; NULL: none
    size_t payment_secret_len;
    const uint8_t *node_id; // 32 bytes
    const struct receipts_key *key;
    uint64_t batch_ns, interval_ns;
    int api_fd, keeper_fd, lifeline_fd; // taken
    int operator_fd;                    // taken; -1: none
    bool api_admin;
};

// Reads the rate card and opens the books. ledgerd_close in any case.
int ledgerd_open(struct ledgerd *d, const struct ledgerd_options *o,
                 struct err *e);
void ledgerd_close(struct ledgerd *d);

// Waits up to timeout_ms (-1: for ever) and does all there is to do.
// 0; -EPIPE: a peer is gone, time to end; else the books failed.
int ledgerd_turn(struct ledgerd *d, int timeout_ms, struct err *e);

// ---- books_clock.c

// The clock that the books go by: the real one, but one that was set ahead by
// more than a day is not believed at once (lib/clock_watch.h).
void books_clock_begin(void);
uint64_t books_clock_ns(void);
// Logs that it was set, and that it is behind the books. Once a turn.
void books_clock_look(struct ledgerd *d);

// ---- request.c and document.c

// Opens the group if none is open.
int ledgerd_group(struct ledgerd *d, struct err *e);

// The prices for a customer (NULL: for everybody) at this time, in the currency
// of his account; for everybody never NULL once the role is open.
const struct tariff_card *ledgerd_card(const struct ledgerd *d,
                                       const uint8_t *customer);

// Answers with an account (if r is 0), or with the ledger's refusal.
int account_answer(struct chan *from, const struct msg_head *to, int r,
                   unsigned good, const struct account *a, const struct err *e);

// -EINVAL unless the customer's account is in this currency ("": any).
int account_currency_check(struct ledgerd *d, const uint8_t *customer,
                           const char *currency, struct err *e);

// The month 202611 as [from, to) in real time; 0: all there ever was.
int month_span(uint32_t month, uint64_t *from_ns, uint64_t *to_ns,
               struct err *e);

// money.c
int money_account_correct(struct ledgerd *d, struct chan *from,
                          const union ipc_any *any, struct err *e);
int money_account_change(struct ledgerd *d, struct chan *from,
                         const union ipc_any *any, struct err *e);
int money_invoice_issue(struct ledgerd *d, struct chan *from,
                        const union ipc_any *any, struct err *e);
int money_payment(struct ledgerd *d, struct chan *from,
                  const union ipc_any *any, struct err *e);

// Performs one request and posts its answer. 0, or -errno when the books
// failed or the request cannot come from this peer.
int request_serve(struct ledgerd *d, struct chan *from,
                  const union ipc_any *any, struct err *e);

// The status by which a refusal of the ledger leaves; 0: not a refusal.
unsigned refusal_status(int r);

int document_serve(struct ledgerd *d, struct chan *from,
                   const struct msg_document *m, struct err *e);

// later.c

// Keeps the request until a batch is sealed. False: there are too many, and it
// must be answered now.
bool later_add(struct ledgerd *d, struct chan *from,
               const struct msg_document *m);
// Answers those whose batch is sealed by now, or whose time is up.
int later_serve(struct ledgerd *d, uint64_t now_ns, struct err *e);
uint64_t later_due_ns(const struct ledgerd *d); // UINT64_MAX: never
int account_list_serve(struct ledgerd *d, struct chan *from,
                       const struct msg_account *m, struct err *e);
void account_info_fill(struct account_info *info, const struct account *a);

#endif
