// SPDX-License-Identifier: ISC
// Console and build log: a file that the monitor (the builder) appends to and
// the keeper hands over; followed by looking again.

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/route.h"
#include "node-agent/api/v1.h"

#define LOG_TYPE "text/plain; charset=utf-8"

struct follow {
    struct api *api;
    int client_fd;
    struct msg_log ask; // for the file, as long as there is none
    int fd;             // of the log, or -1
    uint64_t offset;
    uint64_t version;  // of the submission, as last seen
    bool over;         // nothing will be appended
    uint64_t pause_ns; // until the next look
};

static bool log_over(enum log_kind kind, const struct sub_info *info)
{
    return kind == LOG_CONSOLE ? info->state >= SUB_SETTLING
                               : info->state >= SUB_BUILT;
}

// Has the client gone? Nobody would notice while a program is silent.
static bool client_gone(const struct follow *f)
{
    struct pollfd p = {.fd = f->client_fd, .events = POLLRDHUP};

    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

// Asks for the file if there was none yet.
static bool follow_open(struct follow *f)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;

    if (f->fd >= 0)
        return true;
    if (mux_call(f->api->keeper, &f->ask.head, NULL, 0, CALL_NS, &reply, NULL) <
            0 ||
        reply.any.reply.status >= 400)
        return false;
    f->fd = steal_fd(&reply.fds[0]);
    return true;
}

// Sleeps until the submission's state changes, for a short while at most.
static bool follow_pause(struct follow *f)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    const struct sub_info *info = &reply.any.info.info;
    struct msg_wait msg = {.id = f->ask.id,
                           .customer = f->ask.customer,
                           .version = f->version,
                           .timeout_ns = f->pause_ns};

    ipc_head(&msg, MSG_WAIT, 0);
    if (mux_call(f->api->keeper, &msg.head, NULL, 0, f->pause_ns + CALL_NS,
                 &reply, NULL) < 0 ||
        reply.any.reply.status >= 400)
        return false;
    f->version = info->version;
    f->over = log_over(f->ask.kind, info);
    if (f->pause_ns < FOLLOW_MAX_NS)
        f->pause_ns *= 2;
    return true;
}

static ssize_t follow_next(void *arg, uint64_t pos, char *buf, size_t max)
{
    struct follow *f = arg;

    (void)pos;
    for (;;) {
        // Before reading: what was written before the end is read after it.
        bool over = f->over;
        ssize_t n;

        if (!follow_open(f))
            return MHD_CONTENT_READER_END_WITH_ERROR;
        n = f->fd < 0 ? 0 : rolling_read(f->fd, buf, max, &f->offset);
        if (n < 0)
            return MHD_CONTENT_READER_END_WITH_ERROR;
        if (n > 0) {
            f->offset += (uint64_t)n;
            f->pause_ns = FOLLOW_MIN_NS;
            return n;
        }
        if (over)
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (client_gone(f) || !follow_pause(f))
            return MHD_CONTENT_READER_END_WITH_ERROR;
    }
}

static void follow_done(void *arg)
{
    struct follow *f = arg;

    if (f->fd >= 0)
        close(f->fd);
    free(f);
}

// What is there from offset on, and unless it is over what comes.
static void follow_reply(struct request *rq, const struct msg_log *ask,
                         struct mux_reply *reply, uint64_t offset, bool over)
{
    struct follow *f;

    if (!over && !request_waits(rq))
        return;
    f = malloc(sizeof(*f));
    if (!f) {
        reply_problem(rq, 503, 1, "the node has no memory for this");
        return;
    }
    *f = (struct follow){.api = rq->api,
                         .client_fd = rq->conn->fd,
                         .ask = *ask,
                         .fd = steal_fd(&reply->fds[0]),
                         .offset = offset,
                         .version = reply->any.info.info.version,
                         .over = over,
                         .pause_ns = FOLLOW_MIN_NS};
    reply_stream(rq, LOG_TYPE, follow_next, f, follow_done);
}

static void log_reply(struct request *rq, const struct msg_log *ask,
                      struct mux_reply *reply, uint64_t offset)
{
    struct stat st;

    if (reply->fds[0] < 0 || fstat(reply->fds[0], &st) < 0 ||
        offset >= (uint64_t)st.st_size)
        reply_bytes(rq, LOG_TYPE, "", 0);
    else if (lseek(reply->fds[0], (off_t)offset, SEEK_DATA) != (off_t)offset)
        follow_reply(rq, ask, reply, offset, true); // its beginning is gone
    else
        reply_fd(rq, LOG_TYPE, steal_fd(&reply->fds[0]), offset,
                 (uint64_t)st.st_size - offset);
}

static void serve_log(struct request *rq, enum log_kind kind)
{
    struct msg_log msg = {.customer = rq->caller.key, .kind = kind};
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    uint64_t offset = 0;
    char begins[24];
    bool follow;

    if (!request_param_id(rq, &msg.id) ||
        !request_arg_flag(rq, "follow", &follow) ||
        !request_arg_u64(rq, "offset", 0, INT64_MAX, &offset) ||
        !request_arg_u64(rq, "since_ns", 0, INT64_MAX, &msg.since_real_ns))
        return;
    ipc_head(&msg, MSG_LOG, 0);
    if (!request_call(rq, rq->api->keeper, &msg, CALL_NS, &reply))
        return;
    // Whichever is later; where that is, for whoever has to come back.
    if (msg.since_real_ns) {
        if (reply.any.info.offset > offset)
            offset = reply.any.info.offset;
        snprintf(begins, sizeof(begins), "%llu", (unsigned long long)offset);
        reply_header(rq, "Hostel-Cursor", begins);
    }
    if (follow)
        follow_reply(rq, &msg, &reply, offset,
                     log_over(kind, &reply.any.info.info));
    else
        log_reply(rq, &msg, &reply, offset);
}

void serve_console(struct request *rq)
{
    serve_log(rq, LOG_CONSOLE);
}

void serve_build_log(struct request *rq)
{
    serve_log(rq, LOG_BUILD);
}

// What it left. The node has not looked into it: whoever unpacks it should.
void serve_outputs(struct request *rq)
{
    struct msg_log msg = {.customer = rq->caller.key, .kind = LOG_FILES};
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    const struct sub_info *info = &reply.any.info.info;
    struct stat st;

    if (!request_param_id(rq, &msg.id))
        return;
    ipc_head(&msg, MSG_LOG, 0);
    if (!request_call(rq, rq->api->keeper, &msg, CALL_NS, &reply))
        return;
    if (info->state < SUB_SETTLING)
        reply_problem(rq, 425, 1, "the program has not ended yet");
    else if (reply.fds[0] < 0 || fstat(reply.fds[0], &st) < 0)
        reply_problem(rq, 404, 0, "there are no output files, or no longer");
    else
        reply_fd(rq, TAR_TYPE, steal_fd(&reply.fds[0]), 0,
                 (uint64_t)st.st_size);
}
