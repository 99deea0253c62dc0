// SPDX-License-Identifier: ISC
// Documents that the ledger makes; see document.h.

#include "node-agent/api/document.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "node-agent/api/limits.h"

// The ledger answers with the seal (DOC_WAIT); between two questions if it does
// not, because too many wait.
#define PAUSE_MIN_NS 4000000
#define PAUSE_MAX_NS 64000000

void document_wait_reply(struct request *rq, struct msg_document *msg,
                         const char *type, uint64_t until_ns)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    struct timespec pause = {.tv_nsec = PAUSE_MIN_NS};
    struct err e = {0};

    while (clock_mono_ns() < until_ns) {
        msg->flags |= DOC_WAIT;
        ipc_head(msg, MSG_DOCUMENT, 0);
        if (mux_call(rq->api->ledger, &msg->head, NULL, 0, CALL_NS, &reply,
                     &e) < 0)
            break;
        if (reply.any.reply.status == 200 && reply.fds[0] >= 0) {
            reply_fd(rq, type, steal_fd(&reply.fds[0]), 0,
                     reply.any.count.length);
            return;
        }
        if (reply.any.reply.status != 425)
            break; // asked once more, for the refusal
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < PAUSE_MAX_NS)
            pause.tv_nsec *= 2;
    }
    msg->flags &= ~DOC_WAIT;
    document_reply(rq, msg, type);
}

const struct document_format *
document_format(struct request *rq, const struct document_format *formats,
                size_t count)
{
    const char *format = request_arg(rq, "format");
    char names[96] = "";

    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(names);

        if (!format || !strcmp(format, formats[i].name))
            return &formats[i];
        snprintf(names + n, sizeof(names) - n, "%s\"%s\"",
                 i == 0          ? ""
                 : i + 1 < count ? ", "
                                 : " or ",
                 formats[i].name);
    }
    reply_problem(rq, 400, 0, "the argument \"format\" must be %s", names);
    return NULL;
}

void document_reply(struct request *rq, struct msg_document *msg,
                    const char *type)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;

    ipc_head(msg, MSG_DOCUMENT, 0);
    if (!request_call(rq, rq->api->ledger, msg, CALL_NS, &reply))
        return;
    if (reply.fds[0] < 0)
        reply_bytes(rq, type, "", 0);
    else
        reply_fd(rq, type, steal_fd(&reply.fds[0]), 0, reply.any.count.length);
}
