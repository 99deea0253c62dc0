// SPDX-License-Identifier: ISC
// All submissions of a customer as they happen: server-sent events.
//
//     event: submission  one has changed             data: the submission
//     event: missed      changes went by unseen      data: {}
//
// Ids are the keeper's numbers (keeper/feed.h): a client that comes back with
// the last one goes on behind it, or hears that it has missed some, after which
// it looks at the list.

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/render.h"
#include "node-agent/api/route.h"
#include "node-agent/api/v1.h"

#define EVENT_MAX 65536u
// Between two looks whether the client is still there.
#define LOOK_NS 2000000000ull

struct watch {
    struct api *api;
    int client_fd;
    key_id_t customer;
    uint64_t after;
    struct buf out; // an event that is not yet sent
    size_t sent;    // of it
    uint64_t beat_ns;
};

static bool client_gone(const struct watch *v)
{
    struct pollfd p = {.fd = v->client_fd, .events = POLLRDHUP};

    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static void event_put(struct watch *v, const char *event, json_t *data)
{
    char *text = data ? json_text(data, false) : NULL;

    json_decref(data);
    if (text)
        buf_printf(&v->out, "event: %s\nid: %llu\ndata: %s\n\n", event,
                   (unsigned long long)v->after, text);
    free(text);
    v->beat_ns = clock_mono_ns() + EVENTS_BEAT_NS;
}

// False: the stream is broken.
static bool watch_find(struct watch *v)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    struct msg_watch msg = {.customer = v->customer,
                            .after = v->after,
                            .timeout_ns = v->beat_ns ? LOOK_NS : 0};
    unsigned status;

    v->out.len = v->sent = 0;
    ipc_head(&msg, MSG_WATCH, 0);
    if (client_gone(v) || mux_call(v->api->keeper, &msg.head, NULL, 0,
                                   LOOK_NS + CALL_NS, &reply, NULL) < 0)
        return false;
    status = reply.any.reply.status;
    v->after = reply.any.info.offset;
    if (status == 200)
        event_put(v, "submission",
                  render_submission_of(v->api, &reply.any.info.info));
    else if (status == 410)
        event_put(v, "missed", json_object());
    else if (clock_mono_ns() >= v->beat_ns) {
        v->beat_ns = clock_mono_ns() + EVENTS_BEAT_NS;
        // With an id, so that a client knows a place even if nothing happens.
        buf_printf(&v->out, "id: %llu\n: still here\n\n",
                   (unsigned long long)v->after);
    }
    return true;
}

static ssize_t watch_next(void *arg, uint64_t pos, char *out, size_t max)
{
    struct watch *v = arg;
    size_t n;

    (void)pos;
    while (v->sent == v->out.len)
        if (!watch_find(v))
            return MHD_CONTENT_READER_END_WITH_ERROR;
    n = v->out.len - v->sent;
    if (n > max)
        n = max;
    memcpy(out, v->out.data + v->sent, n);
    v->sent += n;
    return (ssize_t)n;
}

static void watch_free(void *arg)
{
    struct watch *v = arg;

    buf_free(&v->out);
    atomic_fetch_sub(&v->api->metrics.events_open, 1);
    free(v);
}

// From where: 0 is now.
static bool place_read(struct request *rq, uint64_t *after)
{
    const char *text = request_field(rq, "last-event-id");

    *after = 0;
    if (!text)
        return true;
    if (*text && strlen(text) < 20 && !text[strspn(text, "0123456789")]) {
        *after = strtoull(text, NULL, 10);
        return true;
    }
    reply_problem(rq, 400, 0,
                  "the header Last-Event-ID is not an event's id of this "
                  "resource");
    return false;
}

void serve_feed(struct request *rq)
{
    struct watch *v;
    uint64_t after;

    if (!place_read(rq, &after) || !request_waits(rq))
        return;
    v = malloc(sizeof(*v));
    if (!v) {
        reply_problem(rq, 503, 1, "the node has no memory for this");
        return;
    }
    *v = (struct watch){.api = rq->api,
                        .client_fd = rq->conn->fd,
                        .customer = rq->caller.key,
                        .after = after,
                        .out = BUF_INIT(EVENT_MAX)};
    // The first thing that is said is where we are: see watch_find.
    atomic_fetch_add(&v->api->metrics.events_open, 1);
    reply_stream(rq, EVENTS_TYPE, watch_next, v, watch_free);
}
