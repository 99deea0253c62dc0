// SPDX-License-Identifier: ISC
// Requests about what runs for a customer: pause, unpause, shutdown.

#include "node-agent/api/limits.h"
#include "node-agent/api/route.h"

static void act(struct request *rq, uint32_t action)
{
    struct msg_sub_act msg = {.customer = rq->caller.key, .action = action};
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;

    if (!request_param_id(rq, &msg.id))
        return;
    ipc_head(&msg, MSG_SUB_ACT, 0);
    if (request_call(rq, rq->api->keeper, &msg, CALL_NS, &reply))
        reply_json(rq, 200, json_object());
}

void serve_pause(struct request *rq)
{
    act(rq, CONTROL_PAUSE);
}

void serve_unpause(struct request *rq)
{
    act(rq, CONTROL_UNPAUSE);
}

void serve_shutdown(struct request *rq)
{
    act(rq, CONTROL_SHUTDOWN);
}
