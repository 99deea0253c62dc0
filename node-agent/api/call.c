// SPDX-License-Identifier: ISC
// Requests to functions: the body becomes a program's standard input, its
// output the answer.

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/render.h"
#include "node-agent/api/route.h"
#include "node-agent/bundle/limits.h"

#define ANSWER_TYPE "application/octet-stream"

// A request may wait for its turn as long as one may run.
#define FUNCTION_CALL_NS (2 * REQUEST_MS_MAX * 1000000ull + CALL_NS)

static int body_file(const struct buf *body)
{
    cleanup_close int fd =
        memfd_create("request", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 || write_full(fd, buf_str(body), body->len) < 0 ||
        lseek(fd, 0, SEEK_SET) < 0 ||
        fcntl(fd, F_ADD_SEALS,
              F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        return -1;
    return steal_fd(&fd);
}

// It did not answer: why.
static void reply_failure(struct request *rq, const struct msg_call_reply *m)
{
    unsigned status =
        m->outcome == OUTCOME_WALL_BUDGET || m->outcome == OUTCOME_CPU_BUDGET
            ? 504
            : 502;

    if (m->outcome == OUTCOME_EXITED)
        reply_problem(rq, 502, 0, "the function exited with status %d",
                      m->exit_status);
    else if (*m->reply.text)
        reply_problem(rq, status, 0, "the function failed (%s): %.400s",
                      render_outcome(m->outcome), m->reply.text);
    else
        reply_problem(rq, status, 0, "the function failed: %s",
                      render_outcome(m->outcome));
}

void serve_call(struct request *rq)
{
    struct msg_call msg = {.customer = rq->caller.key};
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    cleanup_close int body = -1, answer = -1;
    struct stat st;

    if (!request_param_id(rq, &msg.id))
        return;
    body = body_file(&rq->body);
    answer = memfd_create("answer", MFD_CLOEXEC);
    if (body < 0 || answer < 0) {
        reply_problem(rq, 503, 1, "the node has no memory left");
        return;
    }
    if (!request_waits(rq))
        return;
    ipc_head(&msg, MSG_CALL, 0);
    if (!request_call_fds(rq, rq->api->keeper, &msg, (int[]){body, answer}, 2,
                          FUNCTION_CALL_NS, &reply))
        return;
    if (reply.any.call.outcome != OUTCOME_EXITED ||
        reply.any.call.exit_status != 0) {
        reply_failure(rq, &reply.any.call);
        return;
    }
    if (fstat(answer, &st) < 0 || (uint64_t)st.st_size > CONSOLE_BYTES_MAX) {
        reply_problem(rq, 502, 0, "the function's answer cannot be read");
        return;
    }
    reply_fd(rq, ANSWER_TYPE, steal_fd(&answer), 0, (uint64_t)st.st_size);
}
