// SPDX-License-Identifier: ISC
// Accounts, credits, invoices and exports: the ledger's, told over HTTP.

#include <string.h>

#include "lib/cleanup.h"
#include "lib/hex.h"
#include "lib/io.h"
#include "lib/json.h"
#include "node-agent/api/billing.h"
#include "node-agent/api/document.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/render.h"
#include "node-agent/api/route.h"

void account_reply(struct request *rq, struct msg_head *msg)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;

    if (request_call(rq, rq->api->ledger, msg, CALL_NS, &reply))
        reply_json(rq, reply.any.reply.status,
                   render_account(&reply.any.account_reply.account));
}

bool account_whose(struct request *rq, key_id_t *key)
{
    const char *text = request_arg(rq, "customer");

    *key = rq->caller.key;
    if (rq->caller.kind == CALLER_CUSTOMER)
        return true;
    if (text && hex_decode(key->b, sizeof(key->b), text) == 0)
        return true;
    reply_problem(rq, 400, 0,
                  "the operator has no account: say whose with "
                  "?customer=KEY, 64 hexadecimal digits");
    return false;
}

void serve_account(struct request *rq)
{
    struct msg_account msg = {0};

    ipc_head(&msg, MSG_ACCOUNT_GET, 0);
    if (account_whose(rq, &msg.customer))
        account_reply(rq, &msg.head);
}

void serve_account_of(struct request *rq)
{
    struct msg_account msg = {0};

    ipc_head(&msg, MSG_ACCOUNT_GET, 0);
    if (request_param_key(rq, &msg.customer))
        account_reply(rq, &msg.head);
}

// --------------------------------------------------------- invoice and export

bool account_month(struct request *rq, uint32_t *month)
{
    const char *text = request_arg(rq, "month");

    *month = 0;
    if (!text)
        return true;
    for (int i = 0; i < 7; i++) {
        if (i == 4 ? text[i] != '-' : text[i] < '0' || text[i] > '9') {
            *month = 0;
            break;
        }
        if (i != 4)
            *month = *month * 10 + (uint32_t)(text[i] - '0');
    }
    if (*month && !text[7] && *month % 100 >= 1 && *month % 100 <= 12)
        return true;
    reply_problem(rq, 400, 0,
                  "the argument \"month\" must be a month such as 2026-11");
    return false;
}

void serve_invoice(struct request *rq)
{
    static const struct document_format formats[] = {
        {"json", "application/json", DOC_INVOICE_JSON},
        {"text", "text/plain; charset=utf-8", DOC_INVOICE_TEXT},
        {"html", "text/html; charset=utf-8", DOC_INVOICE_HTML},
    };
    const struct document_format *format = document_format_of(rq, formats);
    struct msg_document msg = {0};

    if (!format)
        return;
    msg.kind = format->kind;
    if (account_whose(rq, &msg.customer) && account_month(rq, &msg.month))
        document_reply(rq, &msg, format->type);
}

static void account_json(struct request *rq, uint32_t kind)
{
    struct msg_document msg = {.kind = kind};

    if (account_whose(rq, &msg.customer) && account_month(rq, &msg.month))
        document_reply(rq, &msg, "application/json");
}

void serve_statement(struct request *rq)
{
    account_json(rq, DOC_STATEMENT_JSON);
}

void serve_spend(struct request *rq)
{
    account_json(rq, DOC_SPEND_JSON);
}

// Open to anybody: that everyone sees the same is what they are for.
void serve_batches(struct request *rq)
{
    struct msg_document msg = {.kind = DOC_CHAIN};

    if (request_arg_u64(rq, "after", 0, INT64_MAX, &msg.after))
        document_reply(rq, &msg, "application/vnd.hostel.batches");
}

void serve_usage_csv(struct request *rq)
{
    struct msg_document msg = {.kind = DOC_USAGE_CSV,
                               .customer = rq->caller.key};

    // The operator may have everybody's at once.
    if (request_arg(rq, "customer") && !account_whose(rq, &msg.customer))
        return;
    if (account_month(rq, &msg.month))
        document_reply(rq, &msg, "text/csv; charset=utf-8; header=present");
}

// --------------------------------------------------------------- operator's

// One page of the ledger's list, which has all accounts in the order in which
// they were opened: those behind `after` (all zero: from the first). *next: the
// last one's key if there are more, else all zero. NULL: failed.
static json_t *accounts_page(int fd, uint64_t count, const key_id_t *after,
                             uint64_t limit, key_id_t *next)
{
    json_t *list = json_array();
    key_id_t last = {{0}};
    bool passed = !memcmp(after, &last, sizeof(last));

    *next = (key_id_t){{0}};
    for (uint64_t i = 0; i < count && list; i++) {
        struct account_info info;

        if (pread_full(fd, &info, sizeof(info), (off_t)(i * sizeof(info))) !=
            sizeof(info)) {
            json_decref(list);
            return NULL;
        }
        if (!passed) {
            passed = !memcmp(&info.customer, after, sizeof(*after));
            continue;
        }
        if (json_array_size(list) == limit) {
            *next = last;
            break;
        }
        last = info.customer;
        if (json_array_append_new(list, render_account(&info))) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

void serve_accounts(struct request *rq)
{
    struct msg_account msg = {0};
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    const char *text = request_arg(rq, "after");
    uint64_t limit = LIST_LIMIT_MAX;
    key_id_t after = {{0}}, next;
    char hex[2 * sizeof(next) + 1];
    json_t *list;

    if (!request_arg_u64(rq, "limit", 1, LIST_LIMIT_MAX, &limit))
        return;
    if (text && hex_decode(after.b, sizeof(after.b), text) < 0) {
        reply_problem(rq, 400, 0,
                      "the argument \"after\" must be a customer's key");
        return;
    }
    ipc_head(&msg, MSG_ACCOUNT_LIST, 0);
    if (!request_call(rq, rq->api->ledger, &msg, CALL_NS, &reply))
        return;
    list = accounts_page(reply.fds[0],
                         reply.fds[0] < 0 ? 0 : reply.any.count.count, &after,
                         limit, &next);
    hex_encode(hex, next.b, sizeof(next.b));
    reply_json(rq, 200,
               json_pack("{s:o, s:o}", "accounts", list, "next",
                         strspn(hex, "0") < sizeof(hex) - 1 ? json_string(hex)
                                                            : json_null()));
}

// A member that may be missing, as a text of fixed size. 0 or -EINVAL.
static int text_take(const json_t *o, const char *key, char *out, size_t size,
                     struct err *e)
{
    const char *text = "";
    int r = json_object_get(o, key) ? json_get_str(o, key, &text, e) : 0;

    if (r == 0 && strlen(text) >= size)
        r = err_set(e, EINVAL, "the member \"%s\" may have %zu bytes", key,
                    size - 1);
    if (r == 0)
        strcpy(out, text);
    return r;
}

// {"key": 64 hex digits, "name": text, "currency": text,
// "credit_limit_nano": integer}; all but the key may be missing.
static int open_read(struct msg_account_open *msg, const json_t *o,
                     struct err *e)
{
    int r = json_get_hex(o, "key", msg->customer.b, sizeof(msg->customer.b), e);

    if (r == 0)
        r = text_take(o, "name", msg->name, sizeof(msg->name), e);
    if (r == 0)
        r = text_take(o, "currency", msg->currency, sizeof(msg->currency), e);
    if (r == 0 && json_object_get(o, "credit_limit_nano"))
        r = json_get_int(o, "credit_limit_nano", 0, INT64_MAX,
                         &msg->credit_limit_nano, e);
    return r;
}

// A key that was added to an account cannot open another: it signs for that
// one, and nobody could reach the new one's money.
static bool key_unused(struct request *rq, const key_id_t *key)
{
    key_id_t account;
    struct err e = {0};
    unsigned status =
        known_account(&rq->api->known, rq->api->keeper, key, &account, &e);

    if (status == 503)
        reply_problem(rq, 503, 1, "%s", e.text);
    else if (memcmp(&account, key, sizeof(account)))
        reply_problem(rq, 409, 0, "this key belongs to another account");
    else
        return true;
    return false;
}

void serve_account_open(struct request *rq)
{
    struct msg_account_open msg = {0};
    json_t *o = request_json(rq);
    struct err e = {0};
    int r;

    if (!o)
        return;
    r = open_read(&msg, o, &e);
    json_decref(o);
    ipc_head(&msg, MSG_ACCOUNT_OPEN, 0);
    if (r < 0)
        reply_problem(rq, 400, 0, "%s", e.text);
    else if (key_unused(rq, &msg.customer))
        account_reply(rq, &msg.head);
}

// {"amount_nano": integer, "id": 32 hex digits, "currency": text, "reference":
// text}, the last two if wanted: the same id is applied once. It may be told by
// Idempotency-Key instead; the ledger remembers it for ever.
static int credit_read(struct msg_account_credit *msg, const json_t *o,
                       bool has_id, struct err *e)
{
    int r = 0;

    if (has_id && json_object_get(o, "id"))
        return err_set(e, EINVAL,
                       "give the member \"id\" or the header "
                       "Idempotency-Key, not both");
    if (!has_id)
        r = json_get_hex(o, "id", msg->id, sizeof(msg->id), e);
    if (r == 0)
        r = json_get_int(o, "amount_nano", 1, INT64_MAX, &msg->amount_nano, e);
    if (r == 0)
        r = text_take(o, "currency", msg->currency, sizeof(msg->currency), e);
    return r < 0 ? r
                 : text_take(o, "reference", msg->reference,
                             sizeof(msg->reference), e);
}

void serve_account_credit(struct request *rq)
{
    struct msg_account_credit msg = {0};
    struct err e = {0};
    bool has_id;
    json_t *o;
    int r;

    if (!request_param_key(rq, &msg.customer) ||
        !request_once_id(rq, msg.id, &has_id) || !(o = request_json(rq)))
        return;
    r = credit_read(&msg, o, has_id, &e);
    json_decref(o);
    ipc_head(&msg, MSG_ACCOUNT_CREDIT, 0);
    if (r < 0)
        reply_problem(rq, 400, 0, "%s", e.text);
    else
        account_reply(rq, &msg.head);
}
