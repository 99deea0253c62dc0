// SPDX-License-Identifier: ISC
// Requests about money that are not a submission's: corrections, terms of an
// account, final invoices, and payments that a provider tells of.

#include "node-agent/ledgerd/ledgerd.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/log.h"

int money_account_correct(struct ledgerd *d, struct chan *from,
                          const union ipc_any *any, struct err *e)
{
    const struct msg_account_correct *m = &any->account_correct;
    static const sub_id_t none;
    bool about = memcmp(&m->submission, &none, sizeof(none)) != 0;
    struct account a;
    int r = ledger_correct(d->ledger, m->id, m->customer.b, m->amount_nano,
                           about ? m->submission.b : NULL, m->reason, &a, e);

    return account_answer(from, &m->head, r, 200, &a, e);
}

int money_account_change(struct ledgerd *d, struct chan *from,
                         const union ipc_any *any, struct err *e)
{
    const struct msg_account_change *m = &any->account_change;
    struct account a, now;
    int r = ledger_account_get(d->ledger, m->customer.b, &now, e);

    if (r == 0)
        r = ledger_account_change(
            d->ledger, m->customer.b, *m->name ? m->name : now.name,
            m->credit_limit_nano < 0 ? now.credit_limit_nano
                                     : m->credit_limit_nano,
            m->low_balance_nano < 0 ? now.low_balance_nano
                                    : m->low_balance_nano,
            &a, e);
    return account_answer(from, &m->head, r, 200, &a, e);
}

int money_invoice_issue(struct ledgerd *d, struct chan *from,
                        const union ipc_any *any, struct err *e)
{
    const struct msg_invoice_issue *m = &any->invoice_issue;
    struct msg_count_reply reply;
    uint64_t from_ns, to_ns, number = 0;
    int r = month_span(m->month, &from_ns, &to_ns, e);

    if (!m->month)
        to_ns =
            m->until_real_ns ? m->until_real_ns : ledger_group_ns(d->ledger);
    if (r == 0)
        r = invoice_issue(d->ledger, m->customer.b, to_ns, &d->terms, &number,
                          e);
    if (r < 0 && !refusal_status(r))
        return r;
    chan_reply_init(&reply, &m->head, r < 0 ? refusal_status(r) : 200,
                    r < 0 ? e->text : NULL);
    reply.count = number;
    chan_post(from, &reply, NULL, 0);
    return 0;
}

// ------------------------------------------------------------------- payments

// As Standard Webhooks has it: HMAC-SHA256 of "ID.TIME.BODY".
static bool payment_signed(const struct ledgerd *d, const struct msg_payment *m)
{
    crypto_auth_hmacsha256_state state;
    uint8_t own[crypto_auth_hmacsha256_BYTES];
    char head[128];
    int len = snprintf(head, sizeof(head), "%s.%llu.", m->webhook_id,
                       (unsigned long long)m->timestamp_s);

    crypto_auth_hmacsha256_init(&state, d->payment_secret,
                                d->payment_secret_len);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)head, (size_t)len);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)m->body, m->len);
    crypto_auth_hmacsha256_final(&state, own);
    for (uint32_t i = 0; i < m->signatures && i < PAYMENT_SIGNATURES_MAX; i++)
        if (sodium_memcmp(own, m->signature[i], sizeof(own)) == 0)
            return true;
    return false;
}

// 0, or the status of the refusal.
static unsigned payment_refused(const struct ledgerd *d,
                                const struct msg_payment *m, struct err *e)
{
    uint64_t now_s = clock_real_ns() / 1000000000u;
    uint64_t age_s = m->timestamp_s > now_s ? m->timestamp_s - now_s
                                            : now_s - m->timestamp_s;

    if (!d->payment_secret_len) {
        err_set(e, ENOENT,
                "this node takes no payments by webhook: hosteld.conf names no "
                "payment_secret");
        return 404;
    }
    if (!payment_signed(d, m)) {
        err_set(e, EACCES, "the webhook's signature is wrong");
        return 401;
    }
    if (age_s > PAYMENT_AGE_S) {
        err_set(
            e, EACCES,
            "the webhook's time is %llu s from the node's: send it anew, or "
            "set the clock",
            (unsigned long long)age_s);
        return 401;
    }
    return 0;
}

struct payment {
    char id[128];
    uint8_t customer[LEDGER_KEY_SIZE];
    int64_t amount_nano;
    char currency[RATECARD_CURRENCY_SIZE];
};

// Letters, digits and signs: it goes into statements, cut to their length.
static bool id_plain(const char *id, size_t size)
{
    size_t len = strlen(id);

    for (const char *c = id; *c; c++)
        if (*c <= ' ' || *c > '~')
            return false;
    return len > 0 && len < size;
}

// {"payment": the provider's id, "customer": KEY, "amount": "10.00",
// "currency": "EUR"}; what else there is does not matter.
static int payment_read(const struct msg_payment *m, struct payment *out,
                        struct err *e)
{
    json_t *o = json_loadb(m->body, m->len, JSON_REJECT_DUPLICATES, NULL);
    const char *id = json_string_value(json_object_get(o, "payment"));
    const char *customer = json_string_value(json_object_get(o, "customer"));
    const char *amount = json_string_value(json_object_get(o, "amount"));
    const char *currency = json_string_value(json_object_get(o, "currency"));
    int r = 0;

    if (!id || !id_plain(id, sizeof(out->id)))
        r = err_set(e, EINVAL,
                    "the payment's \"payment\" must be the provider's id, 1 to "
                    "%zu letters, digits and signs of ASCII",
                    sizeof(out->id) - 1);
    else if (!customer ||
             hex_decode(out->customer, sizeof(out->customer), customer) < 0)
        r = err_set(
            e, EINVAL,
            "the payment's \"customer\" must be a key of 64 hexadecimal "
            "digits");
    else if (!amount || money_parse(amount, &out->amount_nano) < 0 ||
             out->amount_nano <= 0)
        r = err_set(e, EINVAL,
                    "the payment's \"amount\" must be a decimal number above "
                    "zero, as text, such as \"10.00\"");
    else if (!currency || !*currency ||
             strlen(currency) >= sizeof(out->currency))
        r = err_set(e, EINVAL, "the payment's \"currency\" is missing");
    if (r == 0) {
        strcpy(out->id, id);
        strcpy(out->currency, currency);
    }
    json_decref(o);
    return r;
}

int account_currency_check(struct ledgerd *d, const uint8_t *customer,
                           const char *currency, struct err *e)
{
    struct account a;
    int r = ledger_account_get(d->ledger, customer, &a, e);

    if (r == 0 && *currency && strcmp(a.currency, currency) != 0)
        r = err_set(e, EINVAL, "the account is in %s, not in %s", a.currency,
                    currency);
    return r;
}

// The provider's id decides: whatever retries there are, it is applied once.
static int payment_apply(struct ledgerd *d, const struct payment *p,
                         struct account *out, struct err *e)
{
    static const char context[] = "hostel payment v1";
    crypto_hash_sha256_state state;
    uint8_t hash[crypto_hash_sha256_BYTES];
    char reference[LEDGER_REFERENCE_SIZE];
    int r = account_currency_check(d, p->customer, p->currency, e);

    if (r < 0)
        return r;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const uint8_t *)context,
                              sizeof(context) - 1);
    crypto_hash_sha256_update(&state, (const uint8_t *)p->id, strlen(p->id));
    crypto_hash_sha256_final(&state, hash);
    snprintf(reference, sizeof(reference), "payment %.*s",
             LEDGER_REFERENCE_SIZE - 9, p->id);
    return ledger_credit(d->ledger, hash, p->customer, p->amount_nano,
                         reference, out, e);
}

int money_payment(struct ledgerd *d, struct chan *from,
                  const union ipc_any *any, struct err *e)
{
    const struct msg_payment *m = &any->payment;
    unsigned status = payment_refused(d, m, e);
    struct msg_account_reply reply;
    struct payment p;
    struct account a;
    int r = 0;

    if (!status) {
        r = payment_read(m, &p, e);
        if (r == 0)
            r = payment_apply(d, &p, &a, e);
        return account_answer(from, &m->head, r, 200, &a, e);
    }
    chan_reply_init(&reply, &m->head, status, e->text);
    chan_post(from, &reply, NULL, 0);
    return 0;
}
