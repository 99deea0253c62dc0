// SPDX-License-Identifier: ISC
// Who is asking; see auth.h.

#include "node-agent/api/auth.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/hex.h"
#include "node-agent/api/httpsig.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/nonces.h"
#include "node-agent/api/route.h"
#include "node-agent/api/rate.h"

#define ACCEPT_SIGNATURE                                                       \
    SIGNATURE_LABEL                                                            \
    "=(\"@method\" \"@authority\" \"@path\" \"@query\" "                       \
    "\"content-digest\");created;keyid;nonce;tag=\"%s\""

// @target-uri has all but the first in it.
static const char *const required[] = {"@method", "@authority", "@path",
                                       "@query"};

// Every answer of 401 must name a way in (RFC 9110, 15.5.2); what exactly has
// to be signed is said by RFC 9421, section 5.1.
static bool auth_refuse(struct request *rq, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static bool auth_refuse(struct request *rq, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (request_field(rq, "signature-input")) {
        atomic_fetch_add(&rq->api->metrics.unsigned_bad, 1);
        // It may have cost a verification, and is no honest client's habit.
        if (!rq->conn->local)
            rate_fine(rq->api->by_address, rq->conn->address,
                      sizeof(rq->conn->address), BAD_SIGNATURE_COST,
                      clock_mono_ns());
    }
    reply_header(rq, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                 "Signature accept=\"ed25519\"");
    reply_problem(rq, 401, 0, "%s", text);
    return false;
}

void auth_demand(struct request *rq)
{
    char tag[SIGNATURE_TAG_SIZE];

    signature_tag(tag, rq->api->cfg->node_id);
    snprintf(rq->accept, sizeof(rq->accept), ACCEPT_SIGNATURE, tag);
    reply_header(rq, "Accept-Signature", rq->accept);
    auth_refuse(rq, "this request must be signed with a customer's key: %s",
                rq->accept);
}

static const char *auth_field(void *arg, const char *name)
{
    return request_field(arg, name);
}

// What must be signed is signed, by whom it says.
static bool auth_policy(struct request *rq, const struct httpsig *sig,
                        key_id_t *key)
{
    char tag[SIGNATURE_TAG_SIZE];

    for (size_t i = 0; i < sizeof(required) / sizeof(*required); i++)
        if (!httpsig_covers(sig, required[i]) &&
            (i == 0 || !httpsig_covers(sig, "@target-uri")))
            return auth_refuse(rq, "the signature does not cover \"%s\"",
                               required[i]);
    if ((rq->body.len || rq->streams) && !httpsig_covers(sig, "content-digest"))
        return auth_refuse(rq,
                           "the signature does not cover \"content-digest\"");
    signature_tag(tag, rq->api->cfg->node_id);
    if (strcmp(sig->tag, tag))
        return auth_refuse(rq,
                           "the signature's tag is not \"%s\": it was not "
                           "made for this node",
                           tag);
    if (*sig->alg && strcmp(sig->alg, "ed25519"))
        return auth_refuse(rq, "the signature's algorithm is not ed25519");
    if (!*sig->nonce)
        return auth_refuse(rq, "the signature has no nonce");
    if (hex_decode(key->b, sizeof(key->b), sig->keyid) < 0 ||
        sodium_is_zero(key->b, sizeof(key->b)))
        return auth_refuse(rq, "the signature's keyid is not a customer's key "
                               "in 64 hexadecimal digits");
    return true;
}

static bool auth_times(struct request *rq, const struct httpsig *sig,
                       int64_t now_s)
{
    int64_t known_s =
        (int64_t)(times_known_ns(&rq->api->times, rq->api->started_real_ns) /
                  1000000000u);

    if (sig->created < now_s - SIGNATURE_AGE_S ||
        sig->created > now_s + SIGNATURE_AGE_S)
        return auth_refuse(rq,
                           "the signature was made %lld s %s by this node's "
                           "clock; %d s are allowed",
                           (long long)llabs(now_s - sig->created),
                           sig->created < now_s ? "ago" : "in the future",
                           SIGNATURE_AGE_S);
    if (sig->expires && sig->expires < now_s)
        return auth_refuse(rq, "the signature has expired");
    // What was used before that is not known any more, so this may be a
    // replay: "too early" in the sense of RFC 8470, and worth another try.
    if (sig->created < known_s) {
        reply_problem(rq, 425, 1,
                      "the request was signed before the node started, or "
                      "before its clock was set back; sign it again");
        return false;
    }
    return true;
}

// Who may do the operator's work by signing for it.
static const struct operator_entry *operator_find(const struct node_config *cfg,
                                                  const key_id_t *key)
{
    for (uint32_t i = 0; i < cfg->noperators; i++)
        if (cfg->operators[i].is_key &&
            !memcmp(cfg->operators[i].key, key->b, sizeof(key->b)))
            return &cfg->operators[i];
    return NULL;
}

static bool auth_once(struct request *rq, const struct httpsig *sig,
                      const key_id_t *key, key_id_t *account, uint64_t now_s)
{
    uint64_t until_s = (uint64_t)sig->created + SIGNATURE_AGE_S;
    struct err e = {0};
    unsigned status;
    int r;

    // Asking twice changes nothing, and who has no account has nothing to
    // change: neither takes room in the table. Who joins may do so twice.
    if (!strcmp(rq->method, "GET") || !strcmp(rq->method, "HEAD") ||
        rq->route->access == ACCESS_STRANGER) {
        status =
            known_account(&rq->api->known, rq->api->keeper, key, account, &e);
        if (status)
            reply_problem(rq, status, status == 503, "%s", e.text);
        return status == 0;
    }
    // An operator's key needs no account.
    status = operator_find(rq->api->cfg, key)
                 ? 0
                 : known_check(&rq->api->known, rq->api->keeper,
                               rq->api->ledger, key, account, &e);
    if (status) {
        reply_problem(rq, status, status == 503, "%s", e.text);
        return false;
    }
    r = nonces_add(rq->api->nonces, key->b, sig->nonce, until_s, now_s);
    if (r == -EDQUOT) {
        reply_problem(rq, 429, SIGNATURE_AGE_S,
                      "your key has signed too many requests of late");
        return false;
    }
    if (r == -EEXIST)
        return auth_refuse(rq, "this signature was used before");
    if (r == -ENOSPC) {
        reply_problem(rq, 429, SIGNATURE_AGE_S,
                      "the node has seen too many signatures of late");
        return false;
    }
    return true;
}

static bool auth_rate(struct request *rq, const key_id_t *key)
{
    unsigned wait_s = rate_take(rq->api->by_customer, key->b, sizeof(key->b), 1,
                                clock_mono_ns());

    if (!wait_s)
        return true;
    atomic_fetch_add(&rq->api->metrics.limited_customer, 1);
    reply_problem(rq, 429, wait_s,
                  "your key has signed too many requests; %u a second are "
                  "allowed",
                  rq->api->cfg->customer_rate);
    return false;
}

static bool auth_signature(struct request *rq, const char *input)
{
    const char *query = strchr(rq->target, '?');
    const char *host = request_field(rq, "host");
    const char *signature = request_field(rq, "signature");
    const char *digest = request_field(rq, "content-digest");
    struct httpsig_request signed_rq = {.method = rq->method,
                                        .authority = host ? host : "",
                                        .scheme =
                                            rq->conn->tls ? "https" : "http",
                                        .path = rq->path,
                                        .query = query ? query + 1 : NULL,
                                        .field = auth_field,
                                        .arg = rq};
    int64_t now_s = (int64_t)(times_now_ns(&rq->api->times) / 1000000000u);
    struct httpsig sig;
    struct err e = {0};
    const struct operator_entry *op;
    key_id_t key, account;

    if (!signature)
        return auth_refuse(rq, "the request has a Signature-Input header but "
                               "no Signature");
    if (httpsig_parse(&sig, input, SIGNATURE_TAG, &e) < 0)
        return auth_refuse(rq, "%s", e.text);
    if (!auth_policy(rq, &sig, &key) || !auth_times(rq, &sig, now_s))
        return false;
    if ((rq->body.len || rq->streams) && !digest)
        return auth_refuse(rq, "the request has no Content-Digest header");
    if (httpsig_verify(&sig, signature, &signed_rq, key.b, &e) < 0)
        return auth_refuse(rq, "%s", e.text);
    if (rq->body.len &&
        httpsig_digest_check(digest, rq->body.data, rq->body.len, &e) < 0)
        return auth_refuse(rq, "%s", e.text);
    if (!auth_rate(rq, &key) ||
        !auth_once(rq, &sig, &key, &account, (uint64_t)now_s))
        return false;
    op = operator_find(rq->api->cfg, &key);
    if (op)
        rq->caller = (struct caller){
            .kind = CALLER_OPERATOR, .signer = key, .viewer = !op->may_change};
    else
        rq->caller = (struct caller){
            .kind = CALLER_CUSTOMER, .key = account, .signer = key};
    return true;
}

// Others whom the configuration names.
static void auth_uid(struct request *rq, uid_t uid)
{
    const struct node_config *cfg = rq->api->cfg;

    for (uint32_t i = 0; i < cfg->noperators; i++) {
        if (cfg->operators[i].is_key || cfg->operators[i].uid != uid)
            continue;
        rq->caller.kind = CALLER_OPERATOR;
        rq->caller.viewer = !cfg->operators[i].may_change;
        return;
    }
}

bool auth_caller(struct request *rq)
{
    const char *input = request_field(rq, "signature-input");
    const struct conn *conn = rq->conn;

    rq->caller = (struct caller){.kind = CALLER_NOBODY};
    if (input)
        return auth_signature(rq, input);
    if (conn->local &&
        (conn->uid == 0 || conn->uid == rq->api->cfg->operator_uid))
        rq->caller.kind = CALLER_OPERATOR;
    else if (conn->local)
        auth_uid(rq, conn->uid);
    return true;
}
