// SPDX-License-Identifier: ISC
// Final invoices, corrections, terms of accounts, exports by cursor, and the
// webhook that payment providers call.

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "node-agent/agent/ipc.h"
#include "node-agent/api/billing.h"
#include "node-agent/api/document.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/route.h"

// ----------------------------------------------------------------- invoices

void serve_invoices(struct request *rq)
{
    struct msg_document msg = {.kind = DOC_INVOICES_JSON};

    if (account_whose(rq, &msg.customer))
        document_reply(rq, &msg, "application/json");
}

// The {} of the route as a number; else 404 is the reply.
static bool param_number(struct request *rq, uint64_t *number)
{
    char *end;

    *number = strtoull(rq->param, &end, 10);
    if (rq->param[0] >= '1' && rq->param[0] <= '9' && !*end &&
        end - rq->param <= 18)
        return true;
    reply_problem(rq, 404, 0, "there is no such invoice");
    return false;
}

// As it was issued; the operator need not say whose it is.
void serve_invoice_final(struct request *rq)
{
    static const struct document_format formats[] = {
        {"json", "application/json", DOC_INVOICE_JSON},
        {"text", "text/plain; charset=utf-8", DOC_INVOICE_TEXT},
        {"html", "text/html; charset=utf-8", DOC_INVOICE_HTML},
        {"csv", "text/csv; charset=utf-8; header=present", DOC_USAGE_CSV},
    };
    const struct document_format *format = document_format_of(rq, formats);
    struct msg_document msg = {.customer = rq->caller.key};
    bool records;

    if (!format || !request_arg_flag(rq, "records", &records) ||
        !param_number(rq, &msg.number))
        return;
    msg.kind = format->kind;
    msg.flags = records ? DOC_RECORDS : 0;
    document_reply(rq, &msg, format->type);
}

static bool month_read(const char *text, uint32_t *month)
{
    unsigned y, m;
    int end = 0;

    if (sscanf(text, "%4u-%2u%n", &y, &m, &end) != 2 || text[end] || end != 7 ||
        m < 1 || m > 12)
        return false;
    *month = 100 * y + m;
    return true;
}

// "now" (0), or a time such as 2026-12-01T00:00:00Z.
static bool until_read(const char *text, uint64_t *ns)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    time_t time_s = end && !*end ? timegm(&tm) : -1;

    *ns = time_s > 0 ? (uint64_t)time_s * 1000000000u : 0;
    return *ns || !strcmp(text, "now");
}

// {"month": "2026-11"}: of all that was charged until its end; or {"until":
// "now"}, or a time.
void serve_invoice_issue(struct request *rq)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    struct msg_invoice_issue msg = {0};
    const char *text = NULL;
    struct err e = {0};
    bool until;
    json_t *o;
    int r;

    if (!request_param_key(rq, &msg.customer) || !(o = request_json(rq)))
        return;
    until = json_object_get(o, "until") != NULL;
    r = json_get_str(o, until ? "until" : "month", &text, &e);
    if (r == 0 && !until && !month_read(text, &msg.month))
        r = err_set(&e, EINVAL,
                    "the member \"month\" must be a month such as 2026-11");
    if (r == 0 && until && !until_read(text, &msg.until_real_ns))
        r = err_set(&e, EINVAL,
                    "the member \"until\" must be \"now\" or a time such as "
                    "2026-12-01T00:00:00Z");
    json_decref(o);
    ipc_head(&msg, MSG_INVOICE_ISSUE, 0);
    if (r < 0)
        reply_problem(rq, 400, 0, "%s", e.text);
    else if (request_call(rq, rq->api->ledger, &msg, CALL_NS, &reply))
        reply_json(
            rq, 200,
            json_pack("{s:I}", "number", (json_int_t)reply.any.count.count));
}

// -------------------------------------------------------------------- exports

// The cursor for the next call is in the header Hostel-Cursor.
void serve_export(struct request *rq)
{
    static const struct document_format formats[] = {
        {"jsonl", "application/jsonl; charset=utf-8", DOC_EXPORT_JSONL},
        {"protobuf", "application/vnd.hostel.export", DOC_EXPORT_PROTOBUF},
        {"focus", "text/csv; charset=utf-8; header=present", DOC_EXPORT_FOCUS},
    };
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    const struct document_format *format = document_format_of(rq, formats);
    struct msg_document msg = {.customer = rq->caller.key};
    char cursor[24];

    if (!format || !request_arg_u64(rq, "after", 0, INT64_MAX, &msg.after) ||
        (request_arg(rq, "customer") && !account_whose(rq, &msg.customer)))
        return;
    msg.kind = format->kind;
    ipc_head(&msg, MSG_DOCUMENT, 0);
    if (!request_call(rq, rq->api->ledger, &msg, CALL_NS, &reply))
        return;
    snprintf(cursor, sizeof(cursor), "%llu",
             (unsigned long long)reply.any.count.count);
    reply_header(rq, "Hostel-Cursor", cursor);
    if (reply.fds[0] < 0)
        reply_bytes(rq, format->type, "", 0);
    else
        reply_fd(rq, format->type, steal_fd(&reply.fds[0]), 0,
                 reply.any.count.length);
}

// ------------------------------------------------------- corrections and terms

// {"amount_nano": above or below zero, "id": 32 hex digits, "reason": text,
// "submission": 32 hex digits, or missing}
void serve_account_correct(struct request *rq)
{
    struct msg_account_correct msg = {0};
    const char *reason = NULL;
    struct err e = {0};
    json_t *o;
    int r;

    if (!request_param_key(rq, &msg.customer) || !(o = request_json(rq)))
        return;
    r = json_get_hex(o, "id", msg.id, sizeof(msg.id), &e);
    if (r == 0)
        r = json_get_int(o, "amount_nano", -INT64_MAX, INT64_MAX,
                         &msg.amount_nano, &e);
    if (r == 0)
        r = json_get_str(o, "reason", &reason, &e);
    if (r == 0 && strlen(reason) >= sizeof(msg.reason))
        r = err_set(&e, EINVAL, "the member \"reason\" may have %zu bytes",
                    sizeof(msg.reason) - 1);
    if (r == 0 && json_object_get(o, "submission"))
        r = json_get_hex(o, "submission", msg.submission.b,
                         sizeof(msg.submission.b), &e);
    if (r == 0)
        ipc_text(msg.reason, reason);
    json_decref(o);
    ipc_head(&msg, MSG_ACCOUNT_CORRECT, 0);
    if (r < 0)
        reply_problem(rq, 400, 0, "%s", e.text);
    else
        account_reply(rq, &msg.head);
}

// {"credit_limit_nano", "low_balance_nano", "name"}: those that are to change.
void serve_account_change(struct request *rq)
{
    struct msg_account_change msg = {.credit_limit_nano = -1,
                                     .low_balance_nano = -1};
    const char *name = "";
    struct err e = {0};
    json_t *o;
    int r = 0;

    if (!request_param_key(rq, &msg.customer) || !(o = request_json(rq)))
        return;
    if (json_object_get(o, "credit_limit_nano"))
        r = json_get_int(o, "credit_limit_nano", 0, INT64_MAX,
                         &msg.credit_limit_nano, &e);
    if (r == 0 && json_object_get(o, "low_balance_nano"))
        r = json_get_int(o, "low_balance_nano", 0, INT64_MAX,
                         &msg.low_balance_nano, &e);
    if (r == 0 && json_object_get(o, "name"))
        r = json_get_str(o, "name", &name, &e);
    if (r == 0 && strlen(name) >= sizeof(msg.name))
        r = err_set(&e, EINVAL, "the member \"name\" may have %zu bytes",
                    sizeof(msg.name) - 1);
    if (r == 0)
        ipc_text(msg.name, name);
    json_decref(o);
    ipc_head(&msg, MSG_ACCOUNT_CHANGE, 0);
    if (r < 0)
        reply_problem(rq, 400, 0, "%s", e.text);
    else
        account_reply(rq, &msg.head);
}

// ------------------------------------------------------------------- payments

// "v1,BASE64 v1,BASE64": one for each secret while it is being replaced.
static int signatures_read(const char *text, struct msg_payment *msg)
{
    while (*text && msg->signatures < PAYMENT_SIGNATURES_MAX) {
        size_t len = strcspn(text, " "), got = 0;
        uint8_t *to = msg->signature[msg->signatures];

        if (len > 3 && strncmp(text, "v1,", 3) == 0 &&
            sodium_base642bin(to, sizeof(msg->signature[0]), text + 3, len - 3,
                              NULL, &got, NULL,
                              sodium_base64_VARIANT_ORIGINAL) == 0 &&
            got == sizeof(msg->signature[0]))
            msg->signatures++;
        text += len;
        text += *text == ' ';
    }
    return msg->signatures ? 0 : -1;
}

// A webhook as standardwebhooks.com has it. The ledger holds the secret, and
// looks at the body only when the signature is right.
void serve_payment(struct request *rq)
{
    const char *id = request_field(rq, "webhook-id");
    const char *when = request_field(rq, "webhook-timestamp");
    const char *signature = request_field(rq, "webhook-signature");
    struct msg_payment msg = {0};
    char *end = NULL;

    if (!id || !when || !signature || !*id ||
        strlen(id) >= sizeof(msg.webhook_id)) {
        reply_problem(rq, 400, 0,
                      "a payment comes with the headers webhook-id (1 to %zu "
                      "bytes), webhook-timestamp and webhook-signature",
                      sizeof(msg.webhook_id) - 1);
        return;
    }
    msg.timestamp_s = strtoull(when, &end, 10);
    if (*when < '0' || *when > '9' || *end || end - when > 12 ||
        signatures_read(signature, &msg) < 0) {
        reply_problem(rq, 400, 0,
                      "webhook-timestamp is in seconds since 1970, and "
                      "webhook-signature is \"v1,\" and 32 bytes in base64");
        return;
    }
    ipc_text(msg.webhook_id, id);
    msg.len = (uint32_t)rq->body.len;
    if (rq->body.len)
        memcpy(msg.body, rq->body.data, rq->body.len);
    ipc_head_cut(&msg, MSG_PAYMENT, 0, body, msg.len);
    account_reply(rq, &msg.head);
}
