// SPDX-License-Identifier: ISC
// Volumes: made, listed, copied, deleted, filled and read out.

#include "node-agent/api/volume.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/hex.h"
#include "lib/io.h"
#include "lib/json.h"
#include "node-agent/api/httpsig.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/render.h"
#include "node-agent/api/route.h"
#include "node-agent/volume/frame.h"

#define TAR_TYPE "application/x-tar"

// ----------------------------------------------------------------- rendering

static json_t *volume_render(const struct volume_info *v)
{
    static const char *const states[] = {
        [VOLUME_MAKING] = "making",
        [VOLUME_COPYING] = "copying",
        [VOLUME_READY] = "ready",
        [VOLUME_DELETING] = "deleting",
    };
    char id[33], customer[65], at[RENDER_TIME_SIZE];

    return json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:b, s:b, s:b, s:I, s:I, s:I, s:I, s:I, "
        "s:s, s:I, s:I}",
        "name", v->name, "id", hex_encode(id, v->id.b, sizeof(v->id.b)),
        "customer", hex_encode(customer, v->customer.b, sizeof(v->customer.b)),
        "state",
        v->state >= VOLUME_MAKING && v->state <= VOLUME_DELETING
            ? states[v->state]
            : "unknown",
        "from", *v->origin ? json_string(v->origin) : json_null(), "read_only",
        (int)v->read_only, "unpaid", (int)v->unpaid, "shared", (int)v->shared,
        "quota_bytes", (json_int_t)v->quota_bytes, "used_bytes",
        (json_int_t)v->used_bytes, "used_files", (json_int_t)v->used_files,
        "readers", (json_int_t)v->readers, "writers", (json_int_t)v->writers,
        "created_at", render_time(at, v->created_real_ns), "created_ns",
        (json_int_t)v->created_real_ns, "held_nano", (json_int_t)v->held_nano);
}

// Whose: the caller's, or for the operator ?customer=. false: replied.
static bool volume_whose(struct request *rq, struct msg_volume *msg)
{
    const char *text = request_arg(rq, "customer");

    msg->customer = rq->caller.key;
    if (rq->caller.kind != CALLER_OPERATOR)
        return true;
    if (text && hex_decode(msg->customer.b, sizeof(msg->customer.b), text) == 0)
        return true;
    reply_problem(rq, 400, 0,
                  "say whose with customer=, the account's 64 hexadecimal "
                  "digits");
    return false;
}

// The volume that the path names. false: replied.
static bool volume_named(struct request *rq, struct msg_volume *msg)
{
    if (!volume_whose(rq, msg))
        return false;
    if (strlen(rq->param) < sizeof(msg->name)) {
        ipc_text(msg->name, rq->param);
        return true;
    }
    reply_problem(rq, 404, 0, "you have no such volume");
    return false;
}

static void volume_reply(struct request *rq, struct msg_volume *msg)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;

    ipc_head(msg, MSG_VOLUME, 0);
    if (request_call(rq, rq->api->keeper, msg, CALL_NS, &reply))
        reply_json(rq, reply.any.reply.status,
                   volume_render(&reply.any.volume_reply.info));
}

// ------------------------------------------------------------ small requests

// Where a page begins: behind the volume that was made then, of that number.
struct place {
    uint64_t created_ns;
    sub_id_t id;
};

static int place_compare(const struct place *a, const struct place *b)
{
    if (a->created_ns != b->created_ns)
        return a->created_ns < b->created_ns ? -1 : 1;
    return memcmp(&a->id, &b->id, sizeof(a->id));
}

static struct place place_of(const struct volume_info *v)
{
    return (struct place){v->created_real_ns, v->id};
}

static int info_compare(const void *a, const void *b)
{
    const struct place one = place_of(a), other = place_of(b);

    return place_compare(&one, &other);
}

// A cursor is both in hexadecimal digits, so it holds whatever is deleted.
#define CURSOR_DIGITS (2 * (sizeof(uint64_t) + sizeof(sub_id_t)))

static void cursor_render(char out[CURSOR_DIGITS + 1], const struct place *p)
{
    snprintf(out, 17, "%016llx", (unsigned long long)p->created_ns);
    hex_encode(out + 16, p->id.b, sizeof(p->id.b));
}

static bool page_args(struct request *rq, struct place *after, uint64_t *limit)
{
    const char *text = request_arg(rq, "after");
    uint8_t ns[8];
    char head[17] = "";

    memset(after, 0, sizeof(*after));
    *limit = LIST_LIMIT_DEFAULT;
    if (!request_arg_u64(rq, "limit", 1, LIST_LIMIT_MAX, limit))
        return false;
    if (!text)
        return true;
    snprintf(head, sizeof(head), "%s", text);
    if (strlen(text) != CURSOR_DIGITS || hex_decode(ns, sizeof(ns), head) < 0 ||
        hex_decode(after->id.b, sizeof(after->id.b), text + 16) < 0) {
        reply_problem(rq, 400, 0,
                      "the argument \"after\" must be what an earlier list "
                      "gave as \"next\"");
        return false;
    }
    for (size_t i = 0; i < sizeof(ns); i++)
        after->created_ns = after->created_ns << 8 | ns[i];
    return true;
}

static void list_reply(struct request *rq, struct volume_info *all, size_t n,
                       const struct place *after, uint64_t limit)
{
    json_t *list = json_array(), *next = json_null();

    qsort(all, n, sizeof(*all), info_compare);
    for (size_t i = 0; i < n; i++) {
        const struct place p = place_of(&all[i]);

        if (place_compare(&p, after) <= 0)
            continue;
        if (json_array_size(list) == limit) {
            const struct place last = place_of(&all[i - 1]);
            char text[CURSOR_DIGITS + 1];

            cursor_render(text, &last);
            next = json_string(text);
            break;
        }
        json_array_append_new(list, volume_render(&all[i]));
    }
    reply_json(rq, 200, json_pack("{s:o, s:o}", "volumes", list, "next", next));
}

void serve_volumes(struct request *rq)
{
    struct msg_volume msg = {.customer = rq->caller.key};
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    cleanup_free struct volume_info *all = NULL;
    struct place after;
    uint64_t limit;
    size_t n, bytes;

    if ((request_arg(rq, "customer") && !volume_whose(rq, &msg)) ||
        !page_args(rq, &after, &limit))
        return;
    ipc_head(&msg, MSG_VOLUME_LIST, 0);
    if (!request_call(rq, rq->api->keeper, &msg, CALL_NS, &reply))
        return;
    n = reply.fds[0] < 0 ? 0 : reply.any.count.count;
    bytes = n * sizeof(*all);
    all = n ? malloc(bytes) : NULL;
    if (n &&
        (!all || pread_full(reply.fds[0], all, bytes, 0) != (ssize_t)bytes)) {
        reply_problem(rq, 503, 1, "the node has no memory for the list");
        return;
    }
    list_reply(rq, all, n, &after, limit);
}

void serve_volume(struct request *rq)
{
    struct msg_volume msg = {.op = VOLUME_GET};

    if (volume_named(rq, &msg))
        volume_reply(rq, &msg);
}

void serve_volume_delete(struct request *rq)
{
    struct msg_volume msg = {.op = VOLUME_DELETE};

    if (volume_named(rq, &msg))
        volume_reply(rq, &msg);
}

static int name_take(const json_t *o, const char *key,
                     char out[VOLUME_NAME_SIZE], struct err *e)
{
    const char *text = "";
    int r = json_get_str(o, key, &text, e);

    if (r == 0 && (!*text || strlen(text) >= VOLUME_NAME_SIZE))
        r = err_set(e, EINVAL, "the member \"%s\" must have 1 to %d bytes", key,
                    VOLUME_NAME_SIZE - 1);
    if (r == 0)
        strcpy(out, text);
    return r;
}

// {"name": text, "quota_bytes": integer, "from": text, "read_only": bool}; with
// "from" it is a copy, and the quota may be missing: then it is that one's.
static int create_read(struct msg_volume *msg, const json_t *o, struct err *e)
{
    const json_t *only = json_object_get(o, "read_only");
    int64_t quota = 0;
    int r = name_take(o, "name", msg->name, e);

    if (r == 0 && json_object_get(o, "from"))
        r = name_take(o, "from", msg->from, e);
    if (r == 0 && (!*msg->from || json_object_get(o, "quota_bytes")))
        r = json_get_int(o, "quota_bytes", 1, INT64_MAX, &quota, e);
    if (r == 0 && only && !json_is_boolean(only))
        r = err_set(e, EINVAL,
                    "the member \"read_only\" must be true or false");
    if (r == 0 && json_is_true(only) && !*msg->from)
        r = err_set(e, EINVAL,
                    "a volume that is read-only from the beginning must be a "
                    "copy: say of which with \"from\"");
    msg->quota_bytes = (uint64_t)quota;
    msg->flags = json_is_true(only) ? VOLUME_F_READ_ONLY : 0;
    return r;
}

void serve_volume_create(struct request *rq)
{
    struct msg_volume msg = {.op = VOLUME_CREATE};
    struct err e = {0};
    json_t *o;
    int r;

    if (!volume_whose(rq, &msg) || !(o = request_json(rq)))
        return;
    r = create_read(&msg, o, &e);
    json_decref(o);
    snprintf(rq->subject, sizeof(rq->subject), "%s", msg.name);
    if (r < 0)
        reply_problem(rq, 400, 0, "%s", e.text);
    else
        volume_reply(rq, &msg);
}

// {"quota_bytes": integer}
void serve_volume_resize(struct request *rq)
{
    struct msg_volume msg = {.op = VOLUME_RESIZE};
    struct err e = {0};
    int64_t quota = 0;
    json_t *o;
    int r;

    if (!volume_named(rq, &msg) || !(o = request_json(rq)))
        return;
    r = json_get_int(o, "quota_bytes", 1, INT64_MAX, &quota, &e);
    json_decref(o);
    msg.quota_bytes = (uint64_t)quota;
    if (r < 0)
        reply_problem(rq, 400, 0, "%s", e.text);
    else
        volume_reply(rq, &msg);
}

// -------------------------------------------------------------------- streams

// The job, with the other end of a stream: our end, or -1 and the reply is
// made.
static int stream_begin(struct request *rq, struct msg_volume *msg,
                        uint64_t *job)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    cleanup_close int mine = -1, theirs = -1;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        reply_problem(rq, 503, 1, "the node has no room for this");
        return -1;
    }
    mine = pair[0];
    theirs = pair[1];
    ipc_head(msg, MSG_VOLUME, 0);
    if (!request_call_fds(rq, rq->api->keeper, msg, &theirs, 1, CALL_NS,
                          &reply))
        return -1;
    *job = reply.any.volume_reply.job;
    return steal_fd(&mine);
}

struct download {
    int fd;
    struct frame_in in;
};

static ssize_t download_next(void *arg, uint64_t pos, char *buf, size_t max)
{
    struct download *d = arg;
    ssize_t n = frame_recv(d->fd, &d->in, buf, max);

    (void)pos;
    if (n > 0)
        return n;
    // One that was cut off must not look whole.
    return n == 0 && d->in.good ? MHD_CONTENT_READER_END_OF_STREAM
                                : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void download_done(void *arg)
{
    struct download *d = arg;

    close(d->fd);
    free(d);
}

void serve_volume_download(struct request *rq)
{
    struct msg_volume msg = {.op = VOLUME_DOWNLOAD};
    struct download *d;
    uint64_t job;
    int fd;

    if (!volume_named(rq, &msg))
        return;
    fd = stream_begin(rq, &msg, &job);
    if (fd < 0)
        return;
    d = calloc(1, sizeof(*d));
    if (!d) {
        close(fd);
        reply_problem(rq, 503, 1, "the node has no memory left");
        return;
    }
    d->fd = fd;
    reply_stream(rq, TAR_TYPE, download_next, d, download_done);
}

struct volume_upload {
    int fd;
    struct msg_volume msg; // of the job
    struct httpsig_digester digest;
    bool digested; // there is one to compare with
};

struct volume_upload *volume_upload_new(struct request *rq)
{
    const char *field = request_field(rq, "content-digest");
    struct volume_upload *u = calloc(1, sizeof(*u));
    struct err e = {0};
    bool replace;

    if (!u) {
        reply_problem(rq, 503, 1, "the node has no memory left");
        return NULL;
    }
    u->fd = -1;
    u->msg.op = VOLUME_UPLOAD;
    u->digested = field != NULL;
    if (field && httpsig_digest_begin(&u->digest, field, &e) < 0)
        reply_problem(rq, 400, 0, "%s", e.text);
    else if (request_arg_flag(rq, "replace", &replace) &&
             volume_named(rq, &u->msg)) {
        u->msg.flags = replace ? VOLUME_F_REPLACE : 0;
        u->fd = stream_begin(rq, &u->msg, &u->msg.job);
    }
    if (u->fd >= 0) {
        conn_rate(rq->conn, UPLOAD_BYTES_PER_S);
        return u;
    }
    volume_upload_free(u);
    return NULL;
}

void volume_upload_free(struct volume_upload *u)
{
    if (u && u->fd >= 0)
        close(u->fd);
    free(u);
}

// What became of the job; it is over, or nearly.
static int upload_ended(struct request *rq, struct mux_reply *reply,
                        struct err *e)
{
    struct msg_volume msg = rq->volume->msg;

    msg.op = VOLUME_ENDED;
    ipc_head(&msg, MSG_VOLUME, 0);
    return mux_call(rq->api->keeper, &msg.head, NULL, 0, UPLOAD_END_NS, reply,
                    e);
}

unsigned volume_upload_add(struct request *rq, const void *data, size_t len,
                           struct err *e)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    struct volume_upload *u = rq->volume;

    if (u->digested)
        httpsig_digest_add(&u->digest, data, len);
    if (frame_send(u->fd, data, len) == 0)
        return 0;
    // It has seen enough: that is an error, as the archive goes on.
    if (upload_ended(rq, &reply, e) < 0)
        return 503;
    if (reply.any.reply.status >= 400)
        err_set(e, EINVAL, "%s", reply.any.reply.text);
    else
        err_set(e, EIO, "the node's work on the volume has failed");
    return reply.any.reply.status >= 400 ? reply.any.reply.status : 500;
}

void serve_volume_upload(struct request *rq)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    struct volume_upload *u = rq->volume;
    struct err e = {0};

    if (u->digested && httpsig_digest_end(&u->digest, &e) < 0) {
        reply_problem(rq, 400, 0, "%s", e.text); // and it is cut off
        return;
    }
    // If the job is over, then ENDED says why.
    frame_send(u->fd, NULL, 0);
    if (upload_ended(rq, &reply, &e) < 0)
        reply_problem(rq, 503, 1, "%s", e.text);
    else if (reply.any.reply.status >= 400)
        reply_problem(rq, reply.any.reply.status, 0, "%s",
                      reply.any.reply.text);
    else
        reply_json(rq, 200, volume_render(&reply.any.volume_reply.info));
}
