// SPDX-License-Identifier: ISC
// Answering a request; see request.h.

#include "node-agent/api/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/json.h"
#include "lib/log.h"
#include "node-agent/api/v1.h"

#define STREAM_BLOCK_BYTES 16384

void reply_header(struct request *rq, const char *name, const char *value)
{
    if (rq->nheaders == REPLY_HEADERS_MAX)
        return;
    rq->header[rq->nheaders].name = name;
    rq->header[rq->nheaders++].value = value;
}

// Takes the response. Nothing here is to be cached on the way or guessed at
// by a browser.
static void reply_queue(struct request *rq, unsigned status, const char *type,
                        struct MHD_Response *response)
{
    rq->answered = true;
    rq->status = status;
    if (!response) {
        rq->status = 503;
        conn_cut(rq->conn, 503, "the node has no memory for an answer");
        return;
    }
    if (type)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
                            "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    for (unsigned i = 0; i < rq->nheaders; i++)
        MHD_add_response_header(response, rq->header[i].name,
                                rq->header[i].value);
    if (MHD_queue_response(rq->mhd, status, response) != MHD_YES)
        log_error("no answer could be queued for %s", rq->conn->peer);
    MHD_destroy_response(response);
}

static void reply_text(struct request *rq, unsigned status, const char *type,
                       char *text)
{
    struct MHD_Response *response = NULL;

    if (text)
        response = MHD_create_response_from_buffer(strlen(text), text,
                                                   MHD_RESPMEM_MUST_FREE);
    if (text && !response)
        free(text);
    reply_queue(rq, status, type, response);
}

void reply_json(struct request *rq, unsigned status, json_t *body)
{
    char *text = body ? json_text(body, false) : NULL;

    json_decref(body);
    reply_text(rq, status, "application/json", text);
}

void reply_problem(struct request *rq, unsigned status, unsigned retry_s,
                   const char *fmt, ...)
{
    char detail[512];
    json_t *problem;
    va_list args;

    va_start(args, fmt);
    vsnprintf(detail, sizeof(detail), fmt, args);
    va_end(args);
    if (retry_s) {
        snprintf(rq->retry_after, sizeof(rq->retry_after), "%u", retry_s);
        reply_header(rq, MHD_HTTP_HEADER_RETRY_AFTER, rq->retry_after);
    }
    problem =
        json_problem((int)status, MHD_get_reason_phrase_for(status), detail);
    reply_text(rq, status, PROBLEM_TYPE,
               problem ? json_text(problem, false) : NULL);
    json_decref(problem);
}

void reply_unchanged(struct request *rq)
{
    reply_queue(rq, 304, NULL,
                MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT));
}

void reply_bytes(struct request *rq, const char *type, const void *data,
                 size_t len)
{
    reply_queue(rq, 200, type,
                MHD_create_response_from_buffer(len, (void *)data,
                                                MHD_RESPMEM_MUST_COPY));
}

void reply_fd(struct request *rq, const char *type, int fd, uint64_t offset,
              uint64_t len)
{
    struct MHD_Response *response =
        MHD_create_response_from_fd_at_offset64(len, fd, offset);

    if (!response)
        close(fd);
    reply_queue(rq, 200, type, response);
}

void reply_stream(struct request *rq, const char *type,
                  MHD_ContentReaderCallback next, void *arg,
                  MHD_ContentReaderFreeCallback done)
{
    struct MHD_Response *response;

    response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, next, arg, done);

    if (!response)
        done(arg);
    reply_queue(rq, 200, type, response);
}
