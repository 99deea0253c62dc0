// SPDX-License-Identifier: ISC
// Customers and operators: joining, invitations, keys of an account, the audit
// log.

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/io.h"
#include "lib/json.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/render.h"
#include "node-agent/api/route.h"
#include "node-agent/bundle/limits.h"

#define CODE_BYTES      16
#define CODE_SIZE       (7 + 2 * CODE_BYTES + 1) // "hostel-" and hex digits
#define INVITE_USES_MAX 100000
#define DAY_S           86400ull

static void code_hash(const char *code, uint8_t out[32])
{
    crypto_generichash(out, 32, (const uint8_t *)code, strlen(code), NULL, 0);
}

// ------------------------------------------------------------------- the log

static bool audited(const struct request *rq)
{
    return strcmp(rq->method, "GET") && strcmp(rq->method, "HEAD") &&
           rq->route && rq->route->serve != serve_call && // money tells those
           rq->route->serve != serve_input && rq->route->serve != serve_quote &&
           rq->caller.kind != CALLER_NOBODY;
}

void audit_note(struct request *rq)
{
    struct msg_audit m = {.row = {.status = rq->status}};
    struct audit_row *row = &m.row;

    if (!audited(rq))
        return;
    row->who = rq->caller.signer;
    row->uid = rq->conn->local ? rq->conn->uid : 0;
    row->role = rq->caller.kind == CALLER_CUSTOMER ? AUDIT_CUSTOMER
                : rq->caller.viewer                ? AUDIT_VIEWER
                                                   : AUDIT_OPERATOR;
    ipc_text(row->peer, rq->conn->peer);
    ipc_text(row->method, rq->method);
    ipc_text(row->path, rq->path);
    ipc_text(row->subject, rq->subject);
    ipc_head(&m, MSG_AUDIT, 0);
    mux_post(rq->api->keeper, &m.head);
}

static json_t *row_render(const struct audit_row *row)
{
    static const char *const role[] = {[0] = "",
                                       [AUDIT_OPERATOR] = "operator",
                                       [AUDIT_VIEWER] = "viewer",
                                       [AUDIT_CUSTOMER] = "customer"};
    char at[RENDER_TIME_SIZE], who[65];

    return json_pack(
        "{s:I, s:s, s:I, s:s, s:s*, s:o, s:s, s:s, s:s, s:s, s:i}", "number",
        (json_int_t)row->seq, "at", render_time(at, row->at_real_ns), "at_ns",
        (json_int_t)row->at_real_ns, "role",
        role[row->role <= AUDIT_CUSTOMER ? row->role : 0], "key",
        sodium_is_zero(row->who.b, 32) ? NULL : hex_encode(who, row->who.b, 32),
        "uid",
        sodium_is_zero(row->who.b, 32) ? json_integer(row->uid) : json_null(),
        "peer", row->peer, "method", row->method, "path", row->path, "subject",
        row->subject, "status", (int)row->status);
}

void serve_audit(struct request *rq)
{
    struct msg_audit_list msg = {.who = rq->caller.signer};
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    uint64_t limit = LIST_LIMIT_DEFAULT, before = 0, since = 0;
    const char *who = request_arg(rq, "customer");
    json_t *list, *next = NULL;

    if (!request_arg_u64(rq, "limit", 1, LIST_LIMIT_MAX, &limit) ||
        !request_arg_u64(rq, "before", 1, INT64_MAX, &before) ||
        !request_arg_u64(rq, "since_ns", 0, INT64_MAX, &since))
        return;
    if (rq->caller.kind == CALLER_OPERATOR)
        msg.who = (key_id_t){{0}};
    if (who && rq->caller.kind == CALLER_OPERATOR &&
        hex_decode(msg.who.b, sizeof(msg.who.b), who) < 0) {
        reply_problem(rq, 400, 0, "the argument \"customer\" must be a key");
        return;
    }
    msg.limit = (uint32_t)limit;
    msg.before = before;
    msg.since_real_ns = since;
    ipc_head(&msg, MSG_AUDIT_LIST, 0);
    if (!request_call(rq, rq->api->keeper, &msg, CALL_NS, &reply))
        return;
    list = json_array();
    for (uint64_t i = 0; reply.fds[0] >= 0 && i < reply.any.count.count; i++) {
        struct audit_row row;

        if (pread_full(reply.fds[0], &row, sizeof(row),
                       (off_t)(i * sizeof(row))) != sizeof(row))
            break;
        json_array_append_new(list, row_render(&row));
        if (i + 1 == limit)
            next = json_integer((json_int_t)row.seq);
    }
    reply_json(rq, 200,
               json_pack("{s:o, s:o}", "audit", list, "next",
                         next ? next : json_null()));
}

// -------------------------------------------------------------------- quotas

static bool keys_whose(struct request *rq, key_id_t *account);

static void quota_reply(struct request *rq, struct msg_quota *msg)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    const struct msg_quota_reply *q = &reply.any.quota_now;

    ipc_head(msg, MSG_QUOTA, 0);
    if (request_call(rq, rq->api->keeper, msg, CALL_NS, &reply))
        reply_json(rq, 200,
                   json_pack("{s:{s:I, s:I, s:I, s:I}, s:{s:I, s:I, s:I, s:I}}",
                             "quota", "submissions",
                             (json_int_t)q->quota.submissions, "memory_kib",
                             (json_int_t)q->quota.memory_kib, "store_kib",
                             (json_int_t)q->quota.store_kib, "volumes_kib",
                             (json_int_t)q->quota.volumes_kib, "used",
                             "submissions", (json_int_t)q->submissions,
                             "memory_kib", (json_int_t)q->memory_kib,
                             "store_kib", (json_int_t)q->store_kib,
                             "volumes_kib", (json_int_t)q->volumes_kib));
}

void serve_quota(struct request *rq)
{
    struct msg_quota msg = {0};

    if (keys_whose(rq, &msg.customer))
        quota_reply(rq, &msg);
}

// {"submissions": n, "memory_kib": n, "store_kib": n}; 0 or absent: no limit.
void serve_quota_set(struct request *rq)
{
    struct msg_quota msg = {.set = 1};
    int64_t submissions = 0, memory = 0, store = 0, volumes = 0;
    struct err e = {0};
    int r = 0;
    json_t *o;

    if (!request_param_key(rq, &msg.customer) || !(o = request_json(rq)))
        return;
    if (json_object_get(o, "submissions"))
        r = json_get_int(o, "submissions", 0, 32768, &submissions, &e);
    if (r == 0 && json_object_get(o, "memory_kib"))
        r = json_get_int(o, "memory_kib", 0, 1ll << 40, &memory, &e);
    if (r == 0 && json_object_get(o, "store_kib"))
        r = json_get_int(o, "store_kib", 0, 1ll << 40, &store, &e);
    if (r == 0 && json_object_get(o, "volumes_kib"))
        r = json_get_int(o, "volumes_kib", 0, 1ll << 40, &volumes, &e);
    json_decref(o);
    msg.quota = (struct quota){.submissions = (uint32_t)submissions,
                               .memory_kib = (uint64_t)memory,
                               .store_kib = (uint64_t)store,
                               .volumes_kib = (uint64_t)volumes};
    if (r < 0)
        reply_problem(rq, 400, 0, "%s", e.text);
    else
        quota_reply(rq, &msg);
}

// ------------------------------------------------------------------- draining

static void drain(struct request *rq, bool on)
{
    struct msg_drain msg = {.on = on};
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;

    ipc_head(&msg, MSG_DRAIN, 0);
    if (request_call(rq, rq->api->keeper, &msg, CALL_NS, &reply))
        reply_json(rq, 200, render_capacity(&reply.any.capacity));
}

void serve_drain_begin(struct request *rq)
{
    drain(rq, true);
}

void serve_drain_end(struct request *rq)
{
    drain(rq, false);
}

// --------------------------------------------------------------- invitations

// {"name": text, "credit_nano": n, "uses": n, "days": n}, all optional.
void serve_invite(struct request *rq)
{
    struct msg_invite msg = {.uses = 1};
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    json_t *o = request_json(rq);
    int64_t credit = 0, uses = 1, days = 7;
    uint8_t random[CODE_BYTES];
    char code[CODE_SIZE], at[RENDER_TIME_SIZE];
    const char *name = "";
    struct err e = {0};
    int r = 0;

    if (!o)
        return;
    if (json_object_get(o, "name"))
        r = json_get_str(o, "name", &name, &e);
    if (r == 0 && json_object_get(o, "credit_nano"))
        r = json_get_int(o, "credit_nano", 0, (int64_t)COST_NANO_MAX, &credit,
                         &e);
    if (r == 0 && json_object_get(o, "uses"))
        r = json_get_int(o, "uses", 1, INVITE_USES_MAX, &uses, &e);
    if (r == 0 && json_object_get(o, "days"))
        r = json_get_int(o, "days", 1, 3650, &days, &e);
    ipc_text(msg.name, name);
    json_decref(o);
    if (r < 0) {
        reply_problem(rq, 400, 0, "%s", e.text);
        return;
    }
    randombytes_buf(random, sizeof(random));
    strcpy(code, "hostel-");
    hex_encode(code + 7, random, sizeof(random));
    code_hash(code, msg.code);
    msg.credit_nano = credit;
    msg.uses = (uint32_t)uses;
    msg.expires_real_ns =
        clock_real_ns() + (uint64_t)days * DAY_S * 1000000000u;
    hex_encode(rq->subject, msg.code, 8);
    ipc_head(&msg, MSG_INVITE, 0);
    if (request_call(rq, rq->api->keeper, &msg, CALL_NS, &reply))
        reply_json(rq, 201,
                   json_pack("{s:s, s:I, s:I, s:s}", "code", code, "uses",
                             (json_int_t)uses, "credit_nano",
                             (json_int_t)credit, "expires_at",
                             render_time(at, msg.expires_real_ns)));
}

// {"code": text, "name": text}, signed by a key that has no account yet.
void serve_join(struct request *rq)
{
    struct msg_join msg = {.customer = rq->caller.key};
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    const char *code = "", *name = "";
    json_t *o = request_json(rq);
    struct err e = {0};
    int r = 0;

    if (!o)
        return;
    if (rq->caller.kind != CALLER_CUSTOMER) {
        json_decref(o);
        reply_problem(rq, 403, 0, "an account is opened by who has its key");
        return;
    }
    if (json_object_get(o, "code"))
        r = json_get_str(o, "code", &code, &e);
    if (r == 0 && json_object_get(o, "name"))
        r = json_get_str(o, "name", &name, &e);
    if (r == 0 && *code)
        code_hash(code, msg.code);
    ipc_text(msg.name, name);
    if (r < 0)
        reply_problem(rq, 400, 0, "%s", e.text);
    ipc_head(&msg, MSG_JOIN, 0);
    if (r == 0 && request_call(rq, rq->api->keeper, &msg, CALL_NS, &reply))
        reply_json(rq, 201, render_account(&reply.any.account_reply.account));
    json_decref(o);
}

// ---------------------------------------------------------------------- keys

static json_t *key_render(const struct customer_key *c)
{
    char key[65], added[RENDER_TIME_SIZE], revoked[RENDER_TIME_SIZE];

    return json_pack(
        "{s:s, s:s, s:b, s:o, s:o}", "key", hex_encode(key, c->key.b, 32),
        "name", c->name, "revoked", c->revoked_real_ns != 0, "added_at",
        c->added_real_ns ? json_string(render_time(added, c->added_real_ns))
                         : json_null(),
        "revoked_at",
        c->revoked_real_ns
            ? json_string(render_time(revoked, c->revoked_real_ns))
            : json_null());
}

// Whose keys: the caller's account, or for the operator ?customer=.
static bool keys_whose(struct request *rq, key_id_t *account)
{
    const char *text = request_arg(rq, "customer");

    *account = rq->caller.key;
    if (rq->caller.kind != CALLER_OPERATOR)
        return true;
    if (text && hex_decode(account->b, sizeof(account->b), text) == 0)
        return true;
    reply_problem(rq, 400, 0,
                  "say whose with customer=, the account's 64 hexadecimal "
                  "digits");
    return false;
}

void serve_keys(struct request *rq)
{
    struct msg_account msg = {0};
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    json_t *list;

    if (!keys_whose(rq, &msg.customer))
        return;
    ipc_head(&msg, MSG_KEY_LIST, 0);
    if (!request_call(rq, rq->api->keeper, &msg, CALL_NS, &reply))
        return;
    list = json_array();
    for (uint64_t i = 0; reply.fds[0] >= 0 && i < reply.any.count.count; i++) {
        struct customer_key c;

        if (pread_full(reply.fds[0], &c, sizeof(c), (off_t)(i * sizeof(c))) !=
            sizeof(c))
            break;
        json_array_append_new(list, key_render(&c));
    }
    reply_json(rq, 200, json_pack("{s:o}", "keys", list));
}

// A key that opened an account signs for that one alone: else anybody could
// take another's account away from him by adding his key to his own.
static bool key_free(struct request *rq, const struct msg_key *msg)
{
    struct err e = {0};
    unsigned status = known_opened(rq->api->ledger, &msg->account, &e);

    if (status == 404) {
        reply_problem(rq, 404, 0, "there is no such account");
        return false;
    }
    if (status == 200 &&
        memcmp(msg->key.b, msg->account.b, sizeof(msg->key.b))) {
        status = known_opened(rq->api->ledger, &msg->key, &e);
        if (status == 404)
            return true;
        if (status == 200)
            reply_problem(rq, 409, 0,
                          "this key has an account of its own; make another "
                          "for this one");
    } else if (status == 200) {
        return true; // the keeper knows whether it was revoked
    }
    if (status == 503)
        reply_problem(rq, 503, 1, "%s", e.text);
    return false;
}

static void key_change(struct request *rq, struct msg_key *msg)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;

    msg->by_operator = rq->caller.kind == CALLER_OPERATOR;
    hex_encode(rq->subject, msg->key.b, 32);
    ipc_head(msg, MSG_KEY, 0);
    if (!request_call(rq, rq->api->keeper, msg, CALL_NS, &reply))
        return;
    known_forget(&rq->api->known, &msg->key);
    reply_json(rq, reply.any.key.reply.status, key_render(&reply.any.key.key));
}

// {"key": 64 hex digits, "proof": 128 of them, "name": text}
void serve_key_add(struct request *rq)
{
    struct msg_key msg = {.op = KEY_ADD};
    const char *name = "";
    struct err e = {0};
    json_t *o;
    int r;

    if (!keys_whose(rq, &msg.account) || !(o = request_json(rq)))
        return;
    r = json_get_hex(o, "key", msg.key.b, sizeof(msg.key.b), &e);
    if (r == 0 && json_object_get(o, "proof"))
        r = json_get_hex(o, "proof", msg.proof, sizeof(msg.proof), &e);
    if (r == 0 && json_object_get(o, "name"))
        r = json_get_str(o, "name", &name, &e);
    ipc_text(msg.name, name);
    json_decref(o);
    if (r == 0 && sodium_is_zero(msg.key.b, sizeof(msg.key.b)))
        r = err_set(&e, EINVAL, "the member \"key\" is no key");
    if (r < 0)
        reply_problem(rq, 400, 0, "%s", e.text);
    else if (key_free(rq, &msg))
        key_change(rq, &msg);
}

void serve_key_revoke(struct request *rq)
{
    struct msg_key msg = {.op = KEY_REVOKE};

    if (request_param_key(rq, &msg.key) && keys_whose(rq, &msg.account))
        key_change(rq, &msg);
}
