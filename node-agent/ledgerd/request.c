// SPDX-License-Identifier: ISC
// What the ledger role is asked, and how it answers: a table of request types,
// each with the one peer that may send it.

#include "node-agent/ledgerd/ledgerd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "billing/settled.h"
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/log.h"

unsigned refusal_status(int r)
{
    switch (r) {
    case -EINVAL:
    case -EOVERFLOW:
        return 422;
    case -ENOENT:
        return 404;
    case -EEXIST:
    case -EALREADY:
    case -ECANCELED:
        return 409;
    case -EFBIG:
        return 422;
    case -EDQUOT:
        return 402;
    case -EAGAIN:
        return 425;
    }
    return 0;
}

int ledgerd_group(struct ledgerd *d, struct err *e)
{
    int r;

    if (d->grouped)
        return 0;
    r = ledger_begin(d->ledger, e);
    if (r == 0)
        d->grouped = true;
    return r;
}

// ---------------------------------------------------------------- accounts

void account_info_fill(struct account_info *info, const struct account *a)
{
    memset(info, 0, sizeof(*info));
    memcpy(info->customer.b, a->key, sizeof(info->customer.b));
    ipc_text(info->name, a->name);
    ipc_text(info->currency, a->currency);
    info->balance_nano = account_balance_nano(a);
    info->held_nano = a->debits_pending_nano;
    info->spent_nano = a->debits_posted_nano;
    info->opened_real_ns = a->opened_ns;
    info->credit_limit_nano = a->credit_limit_nano;
    info->low_balance_nano = a->low_balance_nano;
    info->low = a->low;
}

int account_answer(struct chan *from, const struct msg_head *to, int r,
                   unsigned good, const struct account *a, const struct err *e)
{
    struct msg_account_reply reply;

    if (r < 0 && !refusal_status(r))
        return r;
    chan_reply_init(&reply, to, r < 0 ? refusal_status(r) : good,
                    r < 0 ? e->text : NULL);
    if (r == 0)
        account_info_fill(&reply.account, a);
    chan_post(from, &reply, NULL, 0);
    return 0;
}

static int serve_account_open(struct ledgerd *d, struct chan *from,
                              const union ipc_any *any, struct err *e)
{
    const struct msg_account_open *m = &any->account_open;
    struct account a;
    const char *currency =
        *m->currency ? m->currency : tariff_currency(&d->tariff);
    unsigned good = 200;
    int r = 0;

    if (ledger_account_get(d->ledger, m->customer.b, &a, e) == -ENOENT)
        good = 201;
    if (!tariff_pick(&d->tariff, NULL, currency, ledger_now_ns(d->ledger)))
        r = err_set(e, EINVAL, "the node has no prices in %s", currency);
    if (r == 0)
        r = ledger_account_open(d->ledger, m->customer.b, m->name, currency,
                                m->credit_limit_nano, &a, e);
    return account_answer(from, &m->head, r, good, &a, e);
}

static int serve_account_credit(struct ledgerd *d, struct chan *from,
                                const union ipc_any *any, struct err *e)
{
    const struct msg_account_credit *m = &any->account_credit;
    struct account a;
    int r;

    r = account_currency_check(d, m->customer.b, m->currency, e);
    if (r == 0)
        r = ledger_credit(d->ledger, m->id, m->customer.b, m->amount_nano,
                          *m->reference ? m->reference : NULL, &a, e);
    return account_answer(from, &m->head, r, 200, &a, e);
}

// An account and its credit in one group: both or none.
static int enrol(struct ledgerd *d, const struct msg_enrol *m,
                 struct account *a, unsigned *good, struct err *e)
{
    int r = ledger_account_get(d->ledger, m->customer.b, a, e);
    char hex[9], name[sizeof(m->name)];

    *good = 200;
    if (r == -ENOENT) {
        *good = 201;
        snprintf(name, sizeof(name), "key %s",
                 hex_encode(hex, m->customer.b, 4));
        r = ledger_account_open(d->ledger, m->customer.b,
                                *m->name ? m->name : name,
                                tariff_currency(&d->tariff), 0, a, e);
    }
    if (r == 0 && m->credit_nano > 0)
        r = ledger_credit(d->ledger, m->credit_id, m->customer.b,
                          m->credit_nano, "invitation", a, e);
    return r;
}

static int serve_enrol(struct ledgerd *d, struct chan *from,
                       const union ipc_any *any, struct err *e)
{
    struct account a;
    unsigned good;
    int r = enrol(d, &any->enrol, &a, &good, e);

    return account_answer(from, &any->head, r, good, &a, e);
}

static int serve_account_get(struct ledgerd *d, struct chan *from,
                             const union ipc_any *any, struct err *e)
{
    const struct msg_account *m = &any->account;
    struct account a;
    int r = ledger_account_get(d->ledger, m->customer.b, &a, e);

    return account_answer(from, &m->head, r, 200, &a, e);
}

static int serve_account_list(struct ledgerd *d, struct chan *from,
                              const union ipc_any *any, struct err *e)
{
    return account_list_serve(d, from, &any->account, e);
}

// ------------------------------------------------------------ quote and hold

// The most that these limits permit, at the current prices; the customer's own
// cap may lower what is held.
static int limits_rate(const struct ratecard *card, const struct sub_limits *l,
                       uint32_t is_source, uint32_t starts,
                       uint64_t net_in_bytes, uint64_t net_out_bytes,
                       struct rated *out, struct err *e)
{
    struct budget b = {
        .starts = starts ? starts : 1,
        .builds = is_source ? 1 : 0,
        .cpu_ns = l->cpu_ns,
        .wall_ns = l->wall_ns,
        .build_cpu_ns = is_source ? l->build_cpu_ns : 0,
        .mem_kib = l->memory_kib,
        .console_bytes = l->console_bytes,
        .net_rx_bytes = net_in_bytes,
        .net_tx_bytes = net_out_bytes,
        .net_packets = net_packets_max(net_in_bytes, net_out_bytes),
    };

    return rate_quote(card, &b, out, e);
}

static int card_none(struct err *e)
{
    return err_set(e, EINVAL, "no rate card is effective: is the clock right?");
}

_Static_assert(RATE_LINES_MAX <= QUOTE_LINES_MAX, "a quote fits its message");

static int serve_quote(struct ledgerd *d, struct chan *from,
                       const union ipc_any *any, struct err *e)
{
    const struct msg_quote *m = &any->quote;
    static const key_id_t everybody;
    bool own = memcmp(&m->customer, &everybody, sizeof(everybody)) != 0;
    const struct tariff_card *now = ledgerd_card(d, own ? m->customer.b : NULL);
    const struct ratecard *card = now ? &now->card : NULL;
    struct msg_quote_reply reply;
    struct rated rated;
    int r = card ? limits_rate(card, &m->limits, m->is_source, m->starts,
                               m->net_in_bytes, m->net_out_bytes, &rated, e)
                 : card_none(e);

    if (r < 0 && !refusal_status(r))
        return r;
    chan_reply_init(&reply, &m->head, r < 0 ? refusal_status(r) : 200,
                    r < 0 ? e->text : NULL);
    if (r == 0) {
        ipc_text(reply.currency, card->currency);
        ipc_text(reply.ratecard, card->version);
        reply.nlines = rated.line_count;
        reply.total_nano = rated.total_nano;
        for (size_t i = 0; i < rated.line_count; i++) {
            const struct rate_line *l = &rated.lines[i];

            ipc_text(reply.line[i].sku, sku_info(l->sku)->name);
            ipc_text(reply.line[i].unit, sku_info(l->sku)->unit);
            reply.line[i].quantity_lo = l->quantity;
            reply.line[i].amount_nano = l->amount_nano;
        }
    }
    chan_post(from, &reply, NULL, 0);
    return 0;
}

// A hold that stands already is the answer, whatever the prices are by now.
static int hold_found(const struct submission_books *b,
                      const struct msg_hold *m, int64_t *hold_nano,
                      struct err *e)
{
    if (memcmp(b->key, m->customer.b, sizeof(b->key)))
        return err_set(e, EEXIST, "the submission is another customer's");
    if (b->state != SUBMISSION_HELD)
        return err_set(e, EALREADY, "the submission was settled before");
    *hold_nano = b->hold_nano;
    return 0;
}

// Makes the customer's card the one by which the ledger rates the next hold.
static int card_use(struct ledgerd *d, const uint8_t *customer, struct err *e)
{
    const struct tariff_card *card;
    struct account a;
    int r = ledger_account_get(d->ledger, customer, &a, e);

    if (r < 0)
        return r;
    card = ledgerd_card(d, customer);
    if (!card)
        return card_none(e);
    if (card != d->card)
        r = ledger_ratecard_set(d->ledger, &card->card, e);
    if (r == 0)
        d->card = card;
    return r;
}

// A cap is acted on between usage records, and a build has one record only. So
// it must cover what can be used before the first look at it: the fees, the
// whole build and one interval. Else capped work would be free work.
static int first_rate(const struct ledgerd *d, const struct msg_hold *m,
                      struct rated *out, struct err *e)
{
    struct sub_limits first = m->limits;

    if (first.cpu_ns > d->interval_ns)
        first.cpu_ns = d->interval_ns;
    if (first.wall_ns > d->interval_ns)
        first.wall_ns = d->interval_ns;
    return limits_rate(&d->card->card, &first, m->is_source, m->starts, 0, 0,
                       out, e);
}

static int cap_check(struct ledgerd *d, const struct msg_hold *m, struct err *e)
{
    char cap[MONEY_TEXT_SIZE], least[MONEY_TEXT_SIZE];
    struct rated rated;
    int r = first_rate(d, m, &rated, e);

    if (r < 0 || m->limits.cost_cap_nano >= rated.total_nano)
        return r;
    return err_set(
        e, EDQUOT,
        "the bundle's cost cap of %s %s does not cover its build and "
        "first %u ms, which may cost %s: raise max_cost, or lower "
        "the budgets",
        money_text(m->limits.cost_cap_nano, cap), d->card->card.currency,
        (unsigned)(d->interval_ns / 1000000u),
        money_text(rated.total_nano, least));
}

// A period that follows another is held for as far as the money goes, if that
// is worth anything: so a balance is used to its end. -EINVAL: it is the cap
// that goes no further.
static int next_cut(struct ledgerd *d, const struct msg_hold *m,
                    int64_t *hold_nano, struct err *e)
{
    int64_t cap = m->limits.cost_cap_nano, available;
    struct msg_hold once = *m;
    struct rated first;
    struct account a;
    int r;

    once.starts = 1;
    r = first_rate(d, &once, &first, e);

    if (r == 0)
        r = ledger_account_get(d->ledger, m->customer.b, &a, e);
    if (r < 0)
        return r;
    available = account_available_nano(&a);
    if (cap > 0 && cap < *hold_nano && cap < first.total_nano)
        return err_set(e, EINVAL, "the rest of the cost cap is too little");
    if (cap > 0 && cap < *hold_nano)
        *hold_nano = cap;
    if (available < *hold_nano && available >= first.total_nano)
        *hold_nano = available;
    return 0;
}

static int hold_make(struct ledgerd *d, const struct msg_hold *m,
                     int64_t *hold_nano, struct err *e)
{
    struct submission_books books;
    struct rated rated;
    int r = ledger_submission_get(d->ledger, m->id.b, &books, e);

    if (r == 0)
        return hold_found(&books, m, hold_nano, e);
    if (r != -ENOENT)
        return r;
    r = card_use(d, m->customer.b, e);
    if (r == 0 && m->limits.cost_cap_nano > 0)
        r = account_currency_check(d, m->customer.b, m->currency, e);
    if (r == 0)
        r = m->is_storage
                ? rate_quote(
                      &d->card->card,
                      &(struct budget){.storage_kib_ms = m->storage_kib_ms},
                      &rated, e)
                : limits_rate(&d->card->card, &m->limits, m->is_source,
                              m->starts, m->net_in_bytes, m->net_out_bytes,
                              &rated, e);
    if (r < 0)
        return r;
    *hold_nano = rated.total_nano;
    if (m->is_next) {
        r = next_cut(d, m, hold_nano, e);
        if (r < 0)
            return r;
    } else if (m->limits.cost_cap_nano > 0 &&
               *hold_nano > m->limits.cost_cap_nano) {
        r = cap_check(d, m, e);
        if (r < 0)
            return r;
        *hold_nano = m->limits.cost_cap_nano;
    }
    return ledger_hold(d->ledger, m->id.b, m->customer.b, *hold_nano, e);
}

static int serve_hold(struct ledgerd *d, struct chan *from,
                      const union ipc_any *any, struct err *e)
{
    const struct msg_hold *m = &any->hold;
    struct msg_hold_reply reply;
    int64_t hold_nano = 0;
    int r = hold_make(d, m, &hold_nano, e);

    if (r < 0 && !refusal_status(r))
        return r;
    chan_reply_init(&reply, &m->head, r < 0 ? refusal_status(r) : 200,
                    r < 0 ? e->text : NULL);
    reply.hold_nano = r < 0 ? 0 : hold_nano;
    chan_post(from, &reply, NULL, 0);
    return 0;
}

// ------------------------------------------------------ records and settling

static void record_fill(struct usage_record *out, const struct msg_record *m)
{
    *out = (struct usage_record){
        .seq = m->sequence,
        .phase =
            m->usage.builds || m->usage.build_cpu_ns ? USAGE_BUILD : USAGE_RUN,
        .start_ns = m->from_real_ns,
        .end_ns = m->to_real_ns,
        .usage = m->usage,
    };
    memcpy(out->submission_id, m->id.b, sizeof(out->submission_id));
}

// How far has the submission used what was held for it? 200; 202: three
// quarters of it, time to ask for more; 402: all.
static unsigned hold_state(struct ledgerd *d, const struct msg_record *m)
{
    struct submission_books books;
    struct rated rated;

    if (ledger_submission_get(d->ledger, m->id.b, &books, NULL) < 0)
        return 200;
    if (books.state != SUBMISSION_HELD) {
        d->receipt_wanted = true; // it came late and was settled anew
        return 200;
    }
    if (ledger_submission_rate(d->ledger, m->id.b, &rated, NULL) < 0 ||
        rated.total_nano <= 0)
        return 200;
    if (rated.total_nano >= books.hold_nano)
        return 402;
    return rated.total_nano >= books.hold_nano - books.hold_nano / 4 ? 202
                                                                     : 200;
}

// 200: recorded. 202, 402: recorded too, see hold_state.
static int serve_record(struct ledgerd *d, struct chan *from,
                        const union ipc_any *any, struct err *e)
{
    const struct msg_record *m = &any->record;
    struct usage_record record;
    struct msg_reply reply;
    unsigned status;
    int r;

    record_fill(&record, m);
    r = ledger_usage_record_add(d->ledger, &record, e);
    if (r < 0 && !refusal_status(r))
        return r;
    if (r < 0) {
        status = refusal_status(r);
    } else {
        status = hold_state(d, m);
        if (status == 402)
            err_set(e, EDQUOT, "what was held for this submission is used up");
    }
    chan_reply_fill(&reply, sizeof(reply), &m->head, status,
                    status < 400 ? NULL : e->text);
    chan_post(from, &reply, NULL, 0);
    return 0;
}

// Sequence 0: there is no last record.
static int serve_settle(struct ledgerd *d, struct chan *from,
                        const union ipc_any *any, struct err *e)
{
    const struct msg_record *m = &any->record;
    struct usage_record record;
    struct submission_books books;
    struct msg_settle_reply reply;
    int r;

    record_fill(&record, m);
    r = ledger_settle(d->ledger, m->id.b, m->sequence ? &record : NULL, &books,
                      e);
    if (r < 0 && !refusal_status(r))
        return r;
    chan_reply_init(&reply, &m->head, r < 0 ? refusal_status(r) : 200,
                    r < 0 ? e->text : NULL);
    if (r == 0) {
        reply.charged_nano = books.billed_nano;
        reply.written_off_nano = books.written_off_nano;
        d->receipt_wanted = true;
    }
    chan_post(from, &reply, NULL, 0);
    return 0;
}

static int serve_void(struct ledgerd *d, struct chan *from,
                      const union ipc_any *any, struct err *e)
{
    const struct msg_record *m = &any->record;
    struct msg_reply reply;
    int r = ledger_void(d->ledger, m->id.b, e);

    if (r < 0 && !refusal_status(r))
        return r;
    chan_reply_fill(&reply, sizeof(reply), &m->head,
                    r < 0 ? refusal_status(r) : 200, r < 0 ? e->text : NULL);
    chan_post(from, &reply, NULL, 0);
    return 0;
}

static int serve_document(struct ledgerd *d, struct chan *from,
                          const union ipc_any *any, struct err *e)
{
    return document_serve(d, from, &any->document, e);
}

// ----------------------------------------------------------------- the table

// Money is the operator's to give, by a role of his own. The one that strangers
// reach does the operator's work only where he signs for it with a key
// (admins). Whoever joins is the keeper's business, which knows invitations.
enum peer {
    FROM_API = 1,
    FROM_KEEPER = 2,
    FROM_OPERATOR = 4,
    FROM_API_ADMIN = 8
};

static unsigned peers_of(const struct ledgerd *d, const struct chan *from)
{
    if (from == &d->operator)
        return FROM_OPERATOR;
    if (from != &d->api)
        return FROM_KEEPER;
    return FROM_API | (d->api_admin ? FROM_API_ADMIN : 0);
}

static const struct request {
    uint32_t type;
    unsigned peers; // enum peer
    bool writes;    // needs a group
    int (*serve)(struct ledgerd *, struct chan *, const union ipc_any *,
                 struct err *);
} requests[] = {
    {MSG_ACCOUNT_OPEN, FROM_API_ADMIN | FROM_OPERATOR, true,
     serve_account_open},
    {MSG_ACCOUNT_CREDIT, FROM_API_ADMIN | FROM_OPERATOR, true,
     serve_account_credit},
    {MSG_ACCOUNT_GET, FROM_API | FROM_OPERATOR, false, serve_account_get},
    {MSG_ACCOUNT_LIST, FROM_API_ADMIN | FROM_OPERATOR, false,
     serve_account_list},
    {MSG_ACCOUNT_CORRECT, FROM_API_ADMIN | FROM_OPERATOR, true,
     money_account_correct},
    {MSG_ACCOUNT_CHANGE, FROM_API_ADMIN | FROM_OPERATOR, true,
     money_account_change},
    {MSG_INVOICE_ISSUE, FROM_API_ADMIN | FROM_OPERATOR, true,
     money_invoice_issue},
    {MSG_PAYMENT, FROM_API | FROM_OPERATOR, true, money_payment},
    {MSG_QUOTE, FROM_API | FROM_OPERATOR, false, serve_quote},
    {MSG_QUOTE, FROM_KEEPER, false, serve_quote}, // for the currency
    {MSG_DOCUMENT, FROM_API | FROM_OPERATOR, false, serve_document},
    {MSG_ENROL, FROM_KEEPER, true, serve_enrol},
    {MSG_HOLD, FROM_KEEPER, true, serve_hold},
    {MSG_RECORD, FROM_KEEPER, true, serve_record},
    {MSG_SETTLE, FROM_KEEPER, true, serve_settle},
    {MSG_VOID, FROM_KEEPER, true, serve_void},
};

int request_serve(struct ledgerd *d, struct chan *from,
                  const union ipc_any *any, struct err *e)
{
    unsigned peers = peers_of(d, from);

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        const struct request *q = &requests[i];
        int r;

        if (q->type != any->head.type || !(q->peers & peers))
            continue;
        r = q->writes ? ledgerd_group(d, e) : 0;
        return r < 0 ? r : q->serve(d, from, any, e);
    }
    return err_set(e, EPROTO, "the %s role may not send \"%s\"", from->peer,
                   ipc_name(any->head.type));
}
