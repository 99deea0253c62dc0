// SPDX-License-Identifier: ISC
// A submission after it was taken in: state, end, input, receipt.

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "node-agent/api/document.h"
#include "node-agent/api/etag.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/render.h"
#include "node-agent/api/route.h"
#include "node-agent/api/v1.h"

// --------------------------------------------------------------------- state

static char *info_tag(char out[24], const struct sub_info *info)
{
    snprintf(out, 24, "%llu", (unsigned long long)info->version);
    return out;
}

static void info_reply(struct request *rq, unsigned status,
                       const struct mux_reply *reply)
{
    const struct sub_info *info = &reply->any.info.info;
    char tag[24];

    if (!etag_known(rq, info_tag(tag, info)))
        reply_json(rq, status, render_submission_of(rq->api, info));
}

static bool info_get(struct request *rq, const sub_id_t *id,
                     struct mux_reply *reply)
{
    struct msg_get msg = {.id = *id, .customer = rq->caller.key};

    ipc_head(&msg, MSG_GET, 0);
    return request_call(rq, rq->api->keeper, &msg, CALL_NS, reply);
}

// Returns at the first version after `version`, or when the time is up.
static bool info_wait(struct request *rq, const sub_id_t *id, uint64_t version,
                      uint64_t timeout_ns, struct mux_reply *reply)
{
    struct msg_wait msg = {.id = *id,
                           .customer = rq->caller.key,
                           .version = version,
                           .timeout_ns = timeout_ns};

    if (!request_waits(rq))
        return false;
    ipc_head(&msg, MSG_WAIT, 0);
    return request_call(rq, rq->api->keeper, &msg, timeout_ns + CALL_NS, reply);
}

// A state by its name; 0: no such one was asked for, UINT32_MAX: 400 is the
// reply.
static uint32_t state_arg(struct request *rq)
{
    const char *text = request_arg(rq, "wait_state");

    if (!text)
        return 0;
    for (uint32_t s = SUB_HELD; s <= SUB_DONE; s++)
        if (!strcmp(text, render_state(s)))
            return s;
    reply_problem(rq, 400, 0,
                  "the argument \"wait_state\" must be held, building, built, "
                  "running, settling or done");
    return UINT32_MAX;
}

// Waits until it has come so far, or the time is up.
static bool info_wait_state(struct request *rq, const sub_id_t *id,
                            uint32_t state, uint64_t timeout_ns,
                            struct mux_reply *reply)
{
    const struct sub_info *info = &reply->any.info.info;
    uint64_t until_ns = clock_mono_ns() + timeout_ns, now;

    if (!info_get(rq, id, reply))
        return false;
    while (info->state < state && (now = clock_mono_ns()) < until_ns)
        if (!info_wait(rq, id, info->version, until_ns - now, reply))
            return false;
    return true;
}

void serve_submission(struct request *rq)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    uint64_t version = UINT64_MAX, timeout_ms = 30000;
    uint32_t state;
    sub_id_t id;
    bool good;

    if (!request_param_id(rq, &id) ||
        !request_arg_u64(rq, "wait_version", 0, INT64_MAX, &version) ||
        !request_arg_u64(rq, "timeout_ms", 0, WAIT_MAX_NS / 1000000,
                         &timeout_ms) ||
        (state = state_arg(rq)) == UINT32_MAX)
        return;
    if (state)
        good = info_wait_state(rq, &id, state, timeout_ms * 1000000, &reply);
    else if (version == UINT64_MAX)
        good = info_get(rq, &id, &reply);
    else
        good = info_wait(rq, &id, version, timeout_ms * 1000000, &reply);
    if (good)
        info_reply(rq, 200, &reply);
}

// With If-Match, only what the client has seen is ended: the keeper looks
// again, since it may change before it hears of this.
static bool destroy_expects(struct request *rq, struct msg_get *msg)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    const struct sub_info *info = &reply.any.info.info;
    char tag[24];

    if (!request_field(rq, MHD_HTTP_HEADER_IF_MATCH))
        return true;
    if (!info_get(rq, &msg->id, &reply))
        return false;
    msg->version = info->version;
    if (etag_matches(rq, info_tag(tag, info)))
        return true;
    reply_problem(rq, 412, 0, "the submission has changed: its version is %llu",
                  (unsigned long long)info->version);
    return false;
}

void serve_destroy(struct request *rq)
{
    struct msg_get msg = {.customer = rq->caller.key};
    cleanup_mux_reply struct mux_reply destroyed = MUX_REPLY_INIT;
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;

    if (!request_param_id(rq, &msg.id) || !destroy_expects(rq, &msg))
        return;
    ipc_head(&msg, MSG_DESTROY, 0);
    if (request_call(rq, rq->api->keeper, &msg, CALL_NS, &destroyed) &&
        info_get(rq, &msg.id, &reply))
        info_reply(rq, 202, &reply);
}

// --------------------------------------------------------------------- input

// One request's way into a program's standard input.
struct feeding {
    struct request *rq;
    struct msg_input msg; // everything but the bytes
    uint64_t position;    // of the input, as last heard
    bool ended;
};

// One message. Returns the status with which the domain took it, after it had
// a while to read if there was no room, and how many of its bytes.
static unsigned feed(struct feeding *f, const uint8_t *data, uint32_t len,
                     uint32_t *accepted, struct err *e)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    const struct msg_input_reply *r = &reply.any.input;

    *accepted = 0;
    f->msg.len = len;
    if (len)
        memcpy(f->msg.data, data, len);
    ipc_head_cut(&f->msg, MSG_INPUT, 0, data, len);
    if (mux_call(f->rq->api->keeper, &f->msg.head, NULL, 0, CALL_NS, &reply,
                 e) < 0)
        return 503;
    if (r->reply.status >= 400) {
        err_set(e, EIO, "%s", r->reply.text);
        return r->reply.status;
    }
    f->position = r->position;
    f->ended = r->ended;
    *accepted = r->accepted < len ? r->accepted : len;
    return r->reply.status;
}

// The body, and the end of input if it is wanted, until the program has taken
// all of it or takes no more now.
static unsigned feed_body(struct feeding *f, bool eof, size_t *sent,
                          struct err *e)
{
    const struct buf *body = &f->rq->body;
    uint64_t give_up_ns = clock_mono_ns() + INPUT_PATIENCE_NS;
    unsigned status;
    size_t left, n;

    do {
        uint32_t accepted;

        left = body->len - *sent;
        n = left < HVC_INPUT_MAX ? left : HVC_INPUT_MAX;
        f->msg.flags &= ~HVC_INPUT_END;
        if (eof && n == left)
            f->msg.flags |= HVC_INPUT_END;
        status = feed(f, body->data + *sent, (uint32_t)n, &accepted, e);
        if (status >= 400)
            return status;
        *sent += accepted;
        left -= accepted;
        if (f->msg.offset != HVC_INPUT_HERE)
            f->msg.offset += accepted;
    } while ((left || (eof && !f->ended)) && clock_mono_ns() < give_up_ns);
    if (left || (eof && !f->ended)) {
        err_set(e, EAGAIN, "the program has to read first");
        return 429;
    }
    return status;
}

// What was accepted is told even when the rest was not: the client goes on
// from there.
void serve_input(struct request *rq)
{
    struct feeding f = {
        .rq = rq,
        .msg = {.customer = rq->caller.key, .offset = HVC_INPUT_HERE}};
    uint64_t writer = 0;
    unsigned status;
    size_t sent = 0;
    struct err e = {0};
    bool eof, take;

    if (!request_param_id(rq, &f.msg.id) ||
        !request_arg_flag(rq, "eof", &eof) ||
        !request_arg_flag(rq, "take", &take) ||
        !request_arg_u64(rq, "writer", 1, INT64_MAX, &writer) ||
        !request_arg_u64(rq, "offset", 0, INT64_MAX, &f.msg.offset))
        return;
    f.msg.writer = writer;
    // Whoever does not say who he is does not mind who wrote before.
    f.msg.flags = take || !writer ? HVC_INPUT_TAKE : 0;
    status = feed_body(&f, eof, &sent, &e);
    if (status >= 400 && sent == 0)
        reply_problem(rq, status, status == 429 || status == 503, "%s", e.text);
    else
        reply_json(rq, 200,
                   json_pack("{s:I, s:I, s:b}", "accepted", (json_int_t)sent,
                             "position", (json_int_t)f.position, "ended",
                             f.ended));
}

// ------------------------------------------------------------------- receipt

// The newest of its periods (agent/period.h), as far as the keeper knows it
// still; the ledger remembers for longer.
static uint32_t period_newest(struct request *rq, const sub_id_t *id)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    struct msg_get msg = {.id = *id, .customer = rq->caller.key};
    struct err e;

    ipc_head(&msg, MSG_GET, 0);
    if (mux_call(rq->api->keeper, &msg.head, NULL, 0, CALL_NS, &reply, &e) <
            0 ||
        reply.any.reply.status >= 400)
        return 0;
    return reply.any.info.info.period;
}

#define PERIOD_UNKNOWN UINT64_MAX

// Waits until the submission is charged, and then knows its newest period.
// false: the reply is made.
static bool receipt_wait_done(struct request *rq, const sub_id_t *id,
                              uint64_t deadline_ns, uint64_t *newest)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    uint64_t now;

    // No version is above this one: only the end, or the time, answers.
    while ((now = clock_mono_ns()) < deadline_ns) {
        if (!info_wait(rq, id, UINT64_MAX, deadline_ns - now, &reply))
            return false;
        if (reply.any.info.info.state == SUB_DONE) {
            *newest = reply.any.info.info.period;
            break;
        }
    }
    return true;
}

void serve_receipt(struct request *rq)
{
    struct msg_document msg = {.kind = DOC_RECEIPT, .customer = rq->caller.key};
    uint64_t timeout_ms = WAIT_MAX_NS / 1000000, deadline_ns;
    uint64_t period = PERIOD_UNKNOWN, newest = PERIOD_UNKNOWN;
    bool wait, so_far, over;

    if (!request_param_id(rq, &msg.id) ||
        !request_arg_flag(rq, "wait", &wait) ||
        !request_arg_flag(rq, "so_far", &so_far) ||
        !request_arg_u64(rq, "period", 0, UINT32_MAX, &period) ||
        !request_arg_u64(rq, "timeout_ms", 0, WAIT_MAX_NS / 1000000,
                         &timeout_ms))
        return;
    deadline_ns = clock_mono_ns() + timeout_ms * 1000000;
    // An earlier period is charged while the submission goes on.
    over = so_far ||
           (period != PERIOD_UNKNOWN && period < period_newest(rq, &msg.id));
    if (wait && !over && !receipt_wait_done(rq, &msg.id, deadline_ns, &newest))
        return;
    if (period == PERIOD_UNKNOWN && newest == PERIOD_UNKNOWN)
        newest = period_newest(rq, &msg.id);
    msg.number = period != PERIOD_UNKNOWN ? period : newest;
    // Of what runs: what is signed of it by now.
    msg.flags = so_far ? DOC_SO_FAR : 0;
    if (!wait)
        document_reply(rq, &msg, RECEIPT_TYPE);
    else
        document_wait_reply(rq, &msg, RECEIPT_TYPE, deadline_ns);
}
