// SPDX-License-Identifier: ISC
// Documents that the ledger makes; see document.h.

#include "node-agent/api/document.h"

#include "lib/cleanup.h"
#include "node-agent/api/limits.h"

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
