// SPDX-License-Identifier: ISC
// What the node says about itself: identity, prices, quotes, capacity.

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/json.h"
#include "node-agent/api/document.h"
#include "node-agent/api/etag.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/render.h"
#include "node-agent/api/route.h"
#include "node-agent/api/tls.h"
#include "node-agent/api/v1.h"
#include "node-agent/bundle/bundle.h"

static json_t *node_limits(const struct node_config *cfg)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "bundle_bytes",
        (json_int_t)BUNDLE_MAX, "manifest_bytes", (json_int_t)MANIFEST_MAX,
        "files", (json_int_t)BUNDLE_FILES_MAX, "memory_kib",
        (json_int_t)cfg->memory_kib, "build_memory_kib",
        (json_int_t)cfg->build_memory_kib, "build_wall_ns",
        (json_int_t)cfg->build_wall_ns, "console_bytes",
        (json_int_t)CONSOLE_BYTES_MAX, "valid_s", (json_int_t)VALID_S_MAX);
}

// What networks domains may have; null: none.
static json_t *node_network(const struct network_config *n)
{
    if (n->mode == NET_NONE)
        return json_null();
    return json_pack("{s:s, s:b, s:b, s:i, s:i, s:i, s:I, s:I}", "mode",
                     net_mode_name(n->mode), "ipv4", n->bits4 != 0, "ipv6",
                     n->bits6 != 0, "publish_first", (int)n->publish_first,
                     "publish_last", (int)n->publish_last, "publish_max",
                     n->publish_first ? (int)n->publish_max : 0, "bytes_per_s",
                     (json_int_t)n->bytes_per_s, "packets_per_s",
                     (json_int_t)n->packets_per_s);
}

void serve_node(struct request *rq)
{
    const struct api *api = rq->api;
    struct msg_get msg = {0};
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    char id[65], now[RENDER_TIME_SIZE], secrets[65], signature[129];

    ipc_head(&msg, MSG_CAPACITY, 0);
    if (!request_call(rq, api->keeper, &msg, CALL_NS, &reply))
        return;
    hex_encode(id, api->cfg->node_id, sizeof(api->cfg->node_id));
    hex_encode(secrets, api->cfg->secrets_key, 32);
    hex_encode(signature, api->cfg->secrets_signature, 64);
    reply_json(rq, 200,
               json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s*, "
                         "s:o, s:o, s:o}",
                         "id", id, "name", api->cfg->node_name, "version",
                         HOSTEL_VERSION, "currency", api->currency, "ratecard",
                         api->ratecard, "receipts_certificate", api->key_cert,
                         "secrets_key", secrets, "secrets_key_signature",
                         signature, "time", render_time(now, clock_real_ns()),
                         "certificate_authority",
                         *tls_authority() ? tls_authority() : NULL, "limits",
                         node_limits(api->cfg), "network",
                         node_network(&api->cfg->network), "capacity",
                         render_capacity(&reply.any.capacity)));
}

// api/openapi.json, as it was when this program was built.
extern const char api_openapi[];
extern const size_t api_openapi_len;

void serve_openapi(struct request *rq)
{
    uint8_t hash[16];
    char tag[33];

    crypto_generichash(hash, sizeof(hash), (const uint8_t *)api_openapi,
                       api_openapi_len, NULL, 0);
    if (!etag_known(rq, hex_encode(tag, hash, sizeof(hash))))
        reply_bytes(rq, "application/json", api_openapi, api_openapi_len);
}

void serve_ratecard(struct request *rq)
{
    struct msg_document msg = {.kind = DOC_RATECARD};

    document_reply(rq, &msg, "text/plain; charset=utf-8");
}

// -------------------------------------------------------------------- quotes

static int limits_member(const json_t *o, const char *key, uint64_t min,
                         uint64_t max, uint64_t *value, struct err *e)
{
    int64_t n;
    int r;

    if (!json_object_get(o, key))
        return 0;
    r = json_get_int(o, key, (int64_t)min, (int64_t)max, &n, e);
    if (r == 0)
        *value = (uint64_t)n;
    return r;
}

// {"kind": "source" or "image", "memory_kib": n, "cpu_ns": n, ...}. What is
// left out is 0; the manifest's limits hold here too.
static int quote_from_json(struct msg_quote *msg, json_t *o, struct err *e)
{
    static const char *const members[] = {"kind",          "memory_kib",
                                          "cpu_ns",        "wall_ns",
                                          "build_cpu_ns",  "console_bytes",
                                          "cost_cap_nano", "net_in_bytes",
                                          "net_out_bytes", NULL};
    struct sub_limits *l = &msg->limits;
    const char *kind = "image";
    uint64_t cap = 0;
    int r = json_members(o, members, e);

    if (r == 0 && json_object_get(o, "kind"))
        r = json_get_str(o, "kind", &kind, e);
    if (r == 0 && strcmp(kind, "source") && strcmp(kind, "image"))
        r = err_set(e, EINVAL,
                    "the member \"kind\" must be \"source\" or \"image\"");
    msg->is_source = !strcmp(kind, "source");
    if (r == 0)
        r = limits_member(o, "memory_kib", MEMORY_KIB_MIN, MEMORY_KIB_MAX,
                          &l->memory_kib, e);
    if (r == 0)
        r = limits_member(o, "cpu_ns", TIME_NS_MIN, TIME_NS_MAX, &l->cpu_ns, e);
    if (r == 0)
        r = limits_member(o, "wall_ns", TIME_NS_MIN, TIME_NS_MAX, &l->wall_ns,
                          e);
    if (r == 0)
        r = limits_member(o, "build_cpu_ns", 0, TIME_NS_MAX, &l->build_cpu_ns,
                          e);
    if (r == 0)
        r = limits_member(o, "console_bytes", 0, CONSOLE_BYTES_MAX,
                          &l->console_bytes, e);
    if (r == 0)
        r = limits_member(o, "cost_cap_nano", 0, COST_NANO_MAX, &cap, e);
    if (r == 0)
        r = limits_member(o, "net_in_bytes", 0, NET_BYTES_MAX,
                          &msg->net_in_bytes, e);
    if (r == 0)
        r = limits_member(o, "net_out_bytes", 0, NET_BYTES_MAX,
                          &msg->net_out_bytes, e);
    l->cost_cap_nano = (int64_t)cap;
    return r;
}

// What the quote needs is known once the signature is good.
static int quote_manifest(void *ctx, const struct manifest *m, struct err *e)
{
    struct msg_quote *msg = ctx;

    (void)e;
    memcpy(msg->customer.b, m->customer, sizeof(msg->customer.b));
    msg->is_source = m->kind == KIND_SOURCE;
    msg->starts = run_starts(&m->run);
    msg->net_in_bytes = m->net.in_bytes;
    msg->net_out_bytes = m->net.out_bytes;
    msg->limits = (struct sub_limits){
        .memory_kib = m->memory_kib,
        .cpu_ns = m->cpu_ns,
        .wall_ns = m->wall_ns,
        .build_cpu_ns = m->build_cpu_ns,
        .console_bytes = m->console_bytes + m->run.output_bytes,
        .cost_cap_nano = (int64_t)m->cost_cap_nano,
    };
    return 0;
}

// A bundle, or its beginning: magic, manifest and signature.
static int quote_from_bundle(struct msg_quote *msg, const struct buf *body,
                             struct err *e)
{
    static const struct bundle_handler h = {.manifest = quote_manifest};
    struct bundle_reader *reader = bundle_reader_new(&h, msg);
    int r;

    if (!reader)
        return err_set(e, ENOMEM, "the node has no memory for the manifest");
    r = bundle_reader_feed(reader, body->data, body->len, e);
    bundle_reader_free(reader);
    // No manifest asks for no memory.
    if (r == 0 && msg->limits.memory_kib == 0)
        r = err_set(e, EINVAL,
                    "the body ends before the bundle's manifest and signature");
    return r;
}

static int quote_read(struct request *rq, struct msg_quote *msg, struct err *e)
{
    const char *type = request_field(rq, "content-type");
    json_t *o;
    int r;

    if (type && !strcmp(type, BUNDLE_TYPE))
        return quote_from_bundle(msg, &rq->body, e);
    o = json_parse("the body", buf_str(&rq->body), rq->body.len, e);
    if (!o)
        return -EINVAL;
    if (json_is_object(o))
        r = quote_from_json(msg, o, e);
    else
        r = err_set(e, EINVAL, "the body must be a JSON object");
    json_decref(o);
    return r;
}

// By whose prices: those of who signed the bundle, else of who signed the
// request, else everybody's.
static bool quote_whose(struct request *rq, struct msg_quote *msg)
{
    key_id_t signer = msg->customer;
    struct err e = {0};
    unsigned status;

    if (sodium_is_zero(signer.b, sizeof(signer.b))) {
        msg->customer = rq->caller.key;
        return true;
    }
    status = known_account(&rq->api->known, rq->api->keeper, &signer,
                           &msg->customer, &e);
    if (status)
        reply_problem(rq, status, status == 503, "%s", e.text);
    return status == 0;
}

void serve_quote(struct request *rq)
{
    struct msg_quote msg = {0};
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    struct err e = {0};

    if (quote_read(rq, &msg, &e) < 0) {
        reply_problem(rq, 400, 0, "%s", e.text);
        return;
    }
    if (!quote_whose(rq, &msg))
        return;
    ipc_head(&msg, MSG_QUOTE, 0);
    if (request_call(rq, rq->api->ledger, &msg, CALL_NS, &reply))
        reply_json(rq, 200, render_quote(&reply.any.quote_reply));
}
