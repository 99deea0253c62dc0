// SPDX-License-Identifier: ISC
// A submission's life as it happens: server-sent events (the HTML standard,
// 9.2).
//
//     event: state      it has come further        data: the submission
//     event: usage      it has used more           data: the submission
//     event: build-log  the compiler said this     data: {"offset", "length",
//     event: console    the program said this             "text"}
//     event: end        nothing will follow        data: {}
//
// Each has an id that says how far everything was: VERSION-CONSOLE-BUILD-LOG.
// A client that comes back with it (Last-Event-ID) misses nothing and gets
// nothing twice. What is said before a change is told before it.

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/io.h"
#include "lib/json.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/render.h"
#include "node-agent/api/route.h"
#include "node-agent/api/utf8.h"
#include "node-agent/api/v1.h"

#define PIECE_BYTES 4096
// A piece as JSON: each byte at most six characters.
#define EVENT_MAX (16u * PIECE_BYTES)

struct log {
    const char *event;
    enum log_kind kind;
    int fd; // or -1
    uint64_t offset;
    bool wanted, over;
};
enum { BUILD_LOG, CONSOLE_LOG, LOGS };

struct events {
    struct api *api;
    int client_fd;
    sub_id_t id;
    key_id_t customer;
    uint64_t version; // told
    uint32_t state;   // told
    struct log log[LOGS];
    struct buf out; // an event that is not yet sent
    size_t sent;    // of it
    bool ended;
    uint64_t beat_ns;  // when a sign of life is due
    uint64_t pause_ns; // until the next look
};

// ------------------------------------------------------------------ one event

static void event_put(struct events *v, const char *event, json_t *data)
{
    char *text = data ? json_text(data, false) : NULL;

    json_decref(data);
    v->out.len = 0;
    v->sent = 0;
    if (text)
        buf_printf(&v->out, "event: %s\nid: %llu-%llu-%llu\ndata: %s\n\n",
                   event, (unsigned long long)v->version,
                   (unsigned long long)v->log[CONSOLE_LOG].offset,
                   (unsigned long long)v->log[BUILD_LOG].offset, text);
    free(text);
    v->beat_ns = clock_mono_ns() + EVENTS_BEAT_NS;
}

static bool log_open_file(struct events *v, struct log *log)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    struct msg_log msg = {
        .id = v->id, .customer = v->customer, .kind = log->kind};

    if (log->fd >= 0)
        return true;
    ipc_head(&msg, MSG_LOG, 0);
    if (mux_call(v->api->keeper, &msg.head, NULL, 0, CALL_NS, &reply, NULL) < 0)
        return false;
    if (reply.any.reply.status >= 400)
        log->over = true; // there is none, or no longer
    else
        log->fd = steal_fd(&reply.fds[0]);
    return true;
}

// Tells the next piece of a log. 1: there was one; 0: not now; < 0: broken.
static int log_tell(struct events *v, struct log *log, bool complete)
{
    cleanup_buf struct buf text = BUF_INIT(3 * PIECE_BYTES);
    uint64_t from = log->offset;
    uint8_t piece[PIECE_BYTES];
    size_t taken;
    ssize_t n;

    if (!log->wanted || log->over)
        return 0;
    if (!log_open_file(v, log))
        return -1;
    n = log->fd < 0 ? 0 : rolling_read(log->fd, piece, sizeof(piece), &from);
    if (n < 0)
        return -1;
    taken = utf8_clean(&text, piece, (size_t)n,
                       !complete || n == (ssize_t)sizeof(piece));
    if (!taken) {
        log->over = complete;
        return 0;
    }
    log->offset = from + taken;
    event_put(v, log->event,
              json_pack("{s:I, s:I, s:s}", "offset", (json_int_t)from, "length",
                        (json_int_t)taken, "text", buf_str(&text)));
    return 1;
}

static void change_tell(struct events *v, const struct sub_info *info)
{
    const char *event = info->state != v->state ? "state" : "usage";

    v->version = info->version;
    v->state = info->state;
    event_put(v, event, render_submission_of(v->api, info));
}

// ------------------------------------------------------------------ the stream

static bool client_gone(const struct events *v)
{
    struct pollfd p = {.fd = v->client_fd, .events = POLLRDHUP};

    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

// How things are, at the first change after what was told, or after a while.
static bool events_look(struct events *v, uint64_t timeout_ns,
                        struct mux_reply *reply)
{
    struct msg_wait msg = {.id = v->id,
                           .customer = v->customer,
                           .version = v->version,
                           .timeout_ns = timeout_ns};

    ipc_head(&msg, MSG_WAIT, 0);
    return mux_call(v->api->keeper, &msg.head, NULL, 0, timeout_ns + CALL_NS,
                    reply, NULL) == 0 &&
           reply->any.reply.status < 400;
}

// Whether a log is whole when the submission is like this.
static bool log_complete(const struct log *log, const struct sub_info *info)
{
    return log->kind == LOG_CONSOLE ? info->state >= SUB_SETTLING
                                    : info->state >= SUB_BUILT;
}

// Finds something to tell. 1: there is; 0: only time went by; < 0: the end of
// the stream, because of a failure.
static int events_find(struct events *v)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    const struct sub_info *info = &reply.any.info.info;

    if (client_gone(v) || !events_look(v, v->pause_ns, &reply))
        return -1;
    // After the look: what was said before a change is in the file now.
    for (int i = 0; i < LOGS; i++) {
        int r = log_tell(v, &v->log[i], log_complete(&v->log[i], info));

        if (r) {
            v->pause_ns = FOLLOW_MIN_NS;
            return r;
        }
    }
    if (info->version > v->version) {
        change_tell(v, info);
        return 1;
    }
    if (info->state == SUB_DONE) {
        v->ended = true;
        event_put(v, "end", json_object());
        return 1;
    }
    if (v->pause_ns < FOLLOW_MAX_NS)
        v->pause_ns *= 2;
    if (clock_mono_ns() < v->beat_ns)
        return 0;
    v->beat_ns = clock_mono_ns() + EVENTS_BEAT_NS;
    v->out.len = v->sent = 0;
    buf_printf(&v->out, ": still here\n\n");
    return 1;
}

static ssize_t events_next(void *arg, uint64_t pos, char *out, size_t max)
{
    struct events *v = arg;
    size_t n;

    (void)pos;
    while (v->sent == v->out.len) {
        if (v->ended)
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (events_find(v) < 0)
            return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    n = v->out.len - v->sent;
    if (n > max)
        n = max;
    memcpy(out, v->out.data + v->sent, n);
    v->sent += n;
    return (ssize_t)n;
}

static void events_free(void *arg)
{
    struct events *v = arg;

    for (int i = 0; i < LOGS; i++)
        if (v->log[i].fd >= 0)
            close(v->log[i].fd);
    buf_free(&v->out);
    atomic_fetch_sub(&v->api->metrics.events_open, 1);
    free(v);
}

// "VERSION-CONSOLE-BUILD-LOG", or nothing. Only digits: %llu takes signs too.
static bool place_read(struct request *rq, struct events *v)
{
    const char *text = request_field(rq, "last-event-id");
    unsigned long long version = 0, console = 0, build = 0;
    int end = 0;

    if (text && (text[strspn(text, "0123456789-")] || strlen(text) > 60 ||
                 sscanf(text, "%llu-%llu-%llu%n", &version, &console, &build,
                        &end) != 3 ||
                 text[end] || version > INT64_MAX || console > INT64_MAX ||
                 build > INT64_MAX)) {
        reply_problem(rq, 400, 0,
                      "the header Last-Event-ID is not an event's id of this "
                      "resource");
        return false;
    }
    v->version = version;
    v->log[CONSOLE_LOG].offset = console;
    v->log[BUILD_LOG].offset = build;
    return true;
}

// "console=0" and "build_log=0" leave these out.
static bool logs_wanted(struct request *rq, struct events *v)
{
    static const char *const names[LOGS] = {
        [BUILD_LOG] = "build_log", [CONSOLE_LOG] = "console"};

    for (int i = 0; i < LOGS; i++) {
        bool *wanted = &v->log[i].wanted;

        if (!request_arg(rq, names[i]))
            *wanted = true;
        else if (!request_arg_flag(rq, names[i], wanted))
            return false;
    }
    return true;
}

void serve_events(struct request *rq)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    struct msg_get msg = {.customer = rq->caller.key};
    struct events *v;

    if (!request_param_id(rq, &msg.id) || !request_waits(rq))
        return;
    ipc_head(&msg, MSG_GET, 0);
    if (!request_call(rq, rq->api->keeper, &msg, CALL_NS, &reply))
        return;
    v = malloc(sizeof(*v));
    if (!v) {
        reply_problem(rq, 503, 1, "the node has no memory for this");
        return;
    }
    *v = (struct events){
        .api = rq->api,
        .client_fd = rq->conn->fd,
        .id = msg.id,
        .customer = msg.customer,
        .log = {[BUILD_LOG] = {"build-log", LOG_BUILD, -1, 0, true, false},
                [CONSOLE_LOG] = {"console", LOG_CONSOLE, -1, 0, true, false}},
        .out = BUF_INIT(EVENT_MAX),
        .beat_ns = clock_mono_ns() + EVENTS_BEAT_NS,
        .pause_ns = FOLLOW_MIN_NS};
    atomic_fetch_add(&v->api->metrics.events_open, 1);
    if (place_read(rq, v) && logs_wanted(rq, v))
        reply_stream(rq, EVENTS_TYPE, events_next, v, events_free);
    else
        events_free(v);
}
