// SPDX-License-Identifier: ISC
// For who watches the node: is it alive, is it ready, and figures.

#include <time.h>

#include "lib/cleanup.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/route.h"
#include "node-agent/api/tls.h"

#define METRICS_MAX (256u << 10)

// Alive: this answer is the proof. Whoever restarts on its failure would
// restart for nothing while another part is being restarted.
void serve_health(struct request *rq)
{
    reply_json(rq, 200, json_pack("{s:s}", "status", "ok"));
}

static bool keeper_asked(struct request *rq, bool live, struct mux_reply *reply,
                         struct err *e)
{
    struct msg_get msg = {.version = live};

    ipc_head(&msg, MSG_CAPACITY, 0);
    if (mux_call(rq->api->keeper, &msg.head, NULL, 0, PROBE_NS, reply, e) < 0)
        return false;
    if (reply->any.reply.status >= 400)
        err_set(e, EIO, "%s", reply->any.reply.text);
    return reply->any.reply.status < 400;
}

static bool ledger_asked(struct request *rq, struct err *e)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    struct msg_quote msg = {0};

    ipc_head(&msg, MSG_QUOTE, 0);
    if (mux_call(rq->api->ledger, &msg.head, NULL, 0, PROBE_NS, &reply, e) < 0)
        return false;
    if (reply.any.reply.status >= 400)
        err_set(e, EIO, "%s", reply.any.reply.text);
    return reply.any.reply.status < 400;
}

// Ready: the parts that a submission needs answer, and one would be taken.
void serve_ready(struct request *rq)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    struct err e = {0};

    if (!keeper_asked(rq, false, &reply, &e))
        reply_problem(rq, 503, 1, "the keeper does not answer: %s", e.text);
    else if (!ledger_asked(rq, &e))
        reply_problem(rq, 503, 1, "the ledger does not answer: %s", e.text);
    else if (reply.any.capacity.draining)
        reply_problem(rq, 503, 60, "the node is being drained");
    else if (reply.any.capacity.full)
        reply_problem(rq, 503, 60, "the node's disk or store is full");
    else
        reply_json(rq, 200, json_pack("{s:s}", "status", "ready"));
}

void serve_metrics(struct request *rq)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    cleanup_buf struct buf page = BUF_INIT(METRICS_MAX);
    const char *accept = request_field(rq, "accept");
    int open = accept && strstr(accept, "application/openmetrics-text");
    struct metrics_now now = {.spool_bytes = spool_bytes(&rq->api->spool),
                              .certificate_expires_s = tls_expires_s(),
                              .started_real_ns = rq->api->started_real_ns,
                              .clock_steps = times_steps(&rq->api->times)};
    struct timespec cpu;

    now.keeper_up = keeper_asked(rq, true, &reply, NULL);
    now.ledger_up = ledger_asked(rq, NULL);
    if (now.keeper_up)
        now.capacity = reply.any.capacity;
    conn_count(&now.tcp_connections, &now.local_connections);
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0)
        now.cpu_ns = (uint64_t)cpu.tv_sec * 1000000000u + (uint64_t)cpu.tv_nsec;
    if (metrics_page(&page, &rq->api->metrics, &now, open, route_label) < 0)
        reply_problem(rq, 503, 1, "the node has no memory for this");
    else
        reply_bytes(rq,
                    open ? "application/openmetrics-text; version=1.0.0; "
                           "charset=utf-8"
                         : "text/plain; version=0.0.4; charset=utf-8",
                    buf_str(&page), page.len);
}
