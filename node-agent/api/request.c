// SPDX-License-Identifier: ISC
// Reading a request, and asking other roles for it; see request.h.

#include "node-agent/api/request.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hex.h"
#include "lib/json.h"
#include "node-agent/api/limits.h"

const char *request_field(const struct request *rq, const char *name)
{
    return MHD_lookup_connection_value(rq->mhd, MHD_HEADER_KIND, name);
}

const char *request_arg(const struct request *rq, const char *name)
{
    return MHD_lookup_connection_value(rq->mhd, MHD_GET_ARGUMENT_KIND, name);
}

bool request_arg_u64(struct request *rq, const char *name, uint64_t min,
                     uint64_t max, uint64_t *value)
{
    const char *text = request_arg(rq, name);
    unsigned long long n;
    char *end;

    if (!text)
        return true;
    errno = 0;
    n = strtoull(text, &end, 10);
    // strtoull would take blanks and signs.
    if (*text < '0' || *text > '9' || *end || errno || n < min || n > max) {
        reply_problem(rq, 400, 0,
                      "the argument \"%s\" must be a number from %llu to %llu",
                      name, (unsigned long long)min, (unsigned long long)max);
        return false;
    }
    *value = n;
    return true;
}

bool request_arg_flag(struct request *rq, const char *name, bool *value)
{
    const char *text = request_arg(rq, name);

    if (!text) {
        *value = false;
    } else if (!strcmp(text, "1") || !strcmp(text, "true")) {
        *value = true;
    } else if (!strcmp(text, "0") || !strcmp(text, "false")) {
        *value = false;
    } else {
        reply_problem(rq, 400, 0, "the argument \"%s\" must be 1 or 0", name);
        return false;
    }
    return true;
}

bool request_param_id(struct request *rq, sub_id_t *id)
{
    if (hex_decode(id->b, sizeof(id->b), rq->param) == 0)
        return true;
    reply_problem(rq, 404, 0,
                  "a submission's number has 32 hexadecimal digits");
    return false;
}

bool request_param_key(struct request *rq, key_id_t *key)
{
    if (hex_decode(key->b, sizeof(key->b), rq->param) == 0)
        return true;
    reply_problem(rq, 404, 0, "a customer's key has 64 hexadecimal digits");
    return false;
}

#define ONCE_TEXT_MAX 255
#define ONCE_CONTEXT  "hostel idempotency key"

bool request_once_id(struct request *rq, uint8_t id[16], bool *given)
{
    const char *text = request_field(rq, "idempotency-key");
    crypto_generichash_state hash;
    size_t len = text ? strlen(text) : 0;

    *given = text != NULL;
    if (!text)
        return true;
    if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
        text++;
        len -= 2;
    }
    if (!len || len > ONCE_TEXT_MAX || strcspn(text, " \t\"") < len) {
        reply_problem(rq, 400, 0,
                      "the header Idempotency-Key must have 1 to %d visible "
                      "characters",
                      ONCE_TEXT_MAX);
        return false;
    }
    crypto_generichash_init(&hash, NULL, 0, 16);
    // Each part with its final 0 byte, so that they cannot run together.
    crypto_generichash_update(&hash, (const uint8_t *)ONCE_CONTEXT,
                              sizeof(ONCE_CONTEXT));
    crypto_generichash_update(&hash, rq->caller.key.b,
                              sizeof(rq->caller.key.b));
    crypto_generichash_update(&hash, (const uint8_t *)rq->path,
                              strlen(rq->path) + 1);
    crypto_generichash_update(&hash, (const uint8_t *)text, len);
    crypto_generichash_final(&hash, id, 16);
    return true;
}

json_t *request_json(struct request *rq)
{
    struct err e = {0};
    json_t *v = json_parse("the body", buf_str(&rq->body), rq->body.len, &e);

    if (v && !json_is_object(v)) {
        json_decref(v);
        v = NULL;
        err_set(&e, EINVAL, "the body must be a JSON object");
    }
    if (!v)
        reply_problem(rq, 400, 0, "%s", e.text);
    return v;
}

bool request_waits(struct request *rq)
{
    bool mine;

    rq->waits = true;
    if (rq->conn->local ||
        waits_enter(&rq->api->waits, &rq->waiting, &rq->caller.key, &mine))
        return true;
    reply_problem(rq, 429, 5,
                  mine ? "you have %u requests that wait for something; no "
                         "more are taken"
                       : "the node has %u requests that wait for something; no "
                         "more are taken just now",
                  mine ? WAITS_EACH_MAX : WAITS_MAX);
    return false;
}

bool request_call(struct request *rq, struct mux *m, void *msg,
                  uint64_t timeout_ns, struct mux_reply *reply)
{
    return request_call_fds(rq, m, msg, NULL, 0, timeout_ns, reply);
}

bool request_call_fds(struct request *rq, struct mux *m, void *msg,
                      const int *fds, int nfds, uint64_t timeout_ns,
                      struct mux_reply *reply)
{
    const struct msg_reply *head = &reply->any.reply;
    struct err e = {0};

    if (mux_call(m, msg, fds, nfds, timeout_ns, reply, &e) < 0) {
        reply_problem(rq, 503, 1, "%s", e.text);
        return false;
    }
    if (head->status < 400)
        return true;
    reply_problem(rq, head->status, head->retry_after_s, "%s", head->text);
    return false;
}
