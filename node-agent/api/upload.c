// SPDX-License-Identifier: ISC
// A bundle on its way in; see upload.h.

#include "node-agent/api/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/io.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/rate.h"
#include "node-agent/api/render.h"
#include "node-agent/api/route.h"
#include "node-agent/bundle/bundle.h"

struct upload {
    struct api *api;
    int fd; // memfd
    uint64_t len;
    struct spool_item spooled;
    unsigned refused; // by upload_manifest: with this status
    unsigned retry_s; // and with this Retry-After, or 0
    struct bundle_reader *reader;
};

// Asked as soon as the signature is known to be good, before any file: only
// for who has an account are files taken in.
static int upload_manifest(void *ctx, const struct manifest *m, struct err *e)
{
    struct upload *u = ctx;
    key_id_t customer, account;
    int r = manifest_admit(m, u->api->cfg->node_id,
                           clock_real_ns() / 1000000000u, e);

    if (r < 0)
        return r;
    memcpy(customer.b, m->customer, sizeof(customer.b));
    u->retry_s = rate_take(u->api->by_customer, customer.b, sizeof(customer.b),
                           1, clock_mono_ns());
    if (u->retry_s) {
        atomic_fetch_add(&u->api->metrics.limited_customer, 1);
        u->refused = 429;
        return err_set(e, EBUSY,
                       "your key has signed too many requests; %u a second are "
                       "allowed",
                       u->api->cfg->customer_rate);
    }
    u->refused = known_check(&u->api->known, u->api->keeper, u->api->ledger,
                             &customer, &account, e);
    if (!u->refused)
        u->refused = spool_customer(&u->api->spool, &u->spooled, customer.b, e);
    return u->refused ? -EACCES : 0;
}

// The keeper believes nothing of what was found here and verifies it all: here
// it is looked at only as far as to know who sends, and that it may be whole.
static const struct bundle_handler handler = {.manifest = upload_manifest,
                                              .relays = true};

struct upload *upload_new(struct api *api, struct conn *from)
{
    struct upload *u = calloc(1, sizeof(*u));

    if (!u)
        return NULL;
    u->api = api;
    spool_enter(&api->spool, &u->spooled, from->peer);
    conn_rate(from, UPLOAD_BYTES_PER_S);
    u->fd = memfd_create("bundle", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    u->reader = bundle_reader_new(&handler, u);
    if (u->fd < 0 || !u->reader) {
        upload_free(u);
        return NULL;
    }
    return u;
}

void upload_free(struct upload *u)
{
    if (!u)
        return;
    if (u->fd >= 0)
        close(u->fd);
    if (u->reader)
        bundle_reader_free(u->reader);
    spool_leave(&u->api->spool, &u->spooled);
    free(u);
}

unsigned upload_add(struct upload *u, const void *data, size_t len,
                    struct err *e)
{
    unsigned status = spool_take(&u->api->spool, &u->spooled, len, e);

    if (status)
        return status;
    u->len += len;
    if (bundle_reader_feed(u->reader, data, len, e) < 0)
        return u->refused ? u->refused : u->len > BUNDLE_MAX ? 413 : 422;
    if (write_full(u->fd, data, len) < 0) {
        err_set(e, ENOMEM, "the node has no memory for the bundle");
        return 503;
    }
    return 0;
}

// The bundle is whole. From here on nothing can change it, whoever
// holds the descriptor.
static int upload_seal(struct upload *u, struct err *e)
{
    if (fcntl(u->fd, F_ADD_SEALS,
              F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        return err_errno(e, "sealing the bundle");
    return 0;
}

void serve_submit(struct request *rq)
{
    struct msg_submit msg = {.bundle_len = rq->upload->len};
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    const struct msg_submit_reply *got = &reply.any.submit_reply;
    char location[80] = "/v1/submissions/";
    struct err e = {0};

    if (bundle_reader_end(rq->upload->reader, &e) < 0) {
        reply_problem(rq, 400, 0, "%s", e.text);
        return;
    }
    if (upload_seal(rq->upload, &e) < 0) {
        reply_problem(rq, 500, 0, "%s", e.text);
        return;
    }
    // Its signature was good, so this is who asks.
    rq->caller.kind = CALLER_CUSTOMER;
    memcpy(rq->caller.signer.b,
           bundle_reader_manifest(rq->upload->reader)->customer, KEY_BYTES);
    ipc_head(&msg, MSG_SUBMIT, 0);
    ipc_text(msg.peer, rq->conn->peer);
    if (mux_call(rq->api->keeper, &msg.head, &rq->upload->fd, 1, CALL_NS,
                 &reply, &e) < 0) {
        reply_problem(rq, 503, 1, "%s", e.text);
        return;
    }
    if (got->reply.status >= 400) {
        reply_problem(rq, got->reply.status, got->reply.retry_after_s, "%s",
                      got->reply.text);
        return;
    }
    hex_encode(location + 16, got->info.id.b, sizeof(got->info.id.b));
    hex_encode(rq->subject, got->info.id.b, sizeof(got->info.id.b));
    reply_header(rq, MHD_HTTP_HEADER_LOCATION, location);
    reply_json(rq, got->reply.status,
               render_submission_of(rq->api, &got->info));
}
