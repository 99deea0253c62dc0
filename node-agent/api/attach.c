// SPDX-License-Identifier: ISC
/*
 * Looking inside a running program: a debugger, a core, a trace. The api makes
 * a pair of sockets, one end goes through keeper and spawner to the program's
 * monitor, and from then on bytes go straight between it and the client; a
 * client that goes away closes it, one that does not read stops it.
 *
 * A debugger talks both ways, which one HTTP request cannot: what the monitor
 * says is the answer to a GET, whose first line names the session; what the
 * debugger says comes in POSTs with that name. The session is the GET's.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/route.h"

#define STREAM_TYPE "application/octet-stream"
#define NAME_SIZE   17 // 16 hex digits

// A session that POSTs may name. Held by the GET that made it.
struct session {
    char name[NAME_SIZE];
    sub_id_t id;
    key_id_t customer;
    int fd;
};

static struct session sessions[DEBUG_SESSIONS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

// An answer that comes from the monitor.
struct looking {
    int fd, client_fd;
    struct session *session; // or NULL
    bool named;              // its first line was sent
};

static struct session *session_make(const sub_id_t *id,
                                    const key_id_t *customer, int fd)
{
    struct session *s = NULL;
    uint8_t name[8];

    randombytes_buf(name, sizeof(name));
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < DEBUG_SESSIONS_MAX && !s; i++)
        if (!sessions[i].name[0])
            s = &sessions[i];
    if (s) {
        *s = (struct session){.id = *id, .customer = *customer, .fd = fd};
        sodium_bin2hex(s->name, sizeof(s->name), name, sizeof(name));
    }
    pthread_mutex_unlock(&lock);
    return s;
}

static void looking_done(void *arg)
{
    struct looking *l = arg;

    if (l->session) {
        pthread_mutex_lock(&lock);
        l->session->name[0] = 0;
        pthread_mutex_unlock(&lock);
    }
    close(l->fd);
    free(l);
}

// Waits for either: the monitor says something, or the client goes.
static ssize_t looking_next(void *arg, uint64_t pos, char *buf, size_t max)
{
    struct looking *l = arg;
    struct pollfd p[2] = {{.fd = l->fd, .events = POLLIN},
                          {.fd = l->client_fd, .events = POLLRDHUP}};
    ssize_t n;

    (void)pos;
    if (l->session && !l->named) {
        l->named = true;
        return snprintf(buf, max, "%s\n", l->session->name);
    }
    while (poll(p, 2, -1) < 0)
        if (errno != EINTR)
            return MHD_CONTENT_READER_END_WITH_ERROR;
    if (p[1].revents)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    n = recv(l->fd, buf, max, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return n > 0 ? n : MHD_CONTENT_READER_END_OF_STREAM;
}

// Sends one end to the monitor. The other, or -1: the reply is made.
static int look_begin(struct request *rq, struct msg_attach *msg)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    cleanup_close int mine = -1, theirs = -1;
    struct err e = {0};
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                   pair) < 0) {
        reply_problem(rq, 503, 1, "the node has no room for this");
        return -1;
    }
    mine = pair[0];
    theirs = pair[1];
    ipc_head(msg, MSG_ATTACH, 0);
    if (mux_call(rq->api->keeper, &msg->head, &theirs, 1, CALL_NS, &reply, &e) <
        0)
        reply_problem(rq, 503, 1, "%s", e.text);
    else if (reply.any.reply.status >= 400)
        reply_problem(rq, reply.any.reply.status, reply.any.reply.status == 429,
                      "%s", reply.any.reply.text);
    else
        return steal_fd(&mine);
    return -1;
}

static void look(struct request *rq, enum hvc_attach_kind kind)
{
    struct msg_attach msg = {.customer = rq->caller.key, .kind = kind};
    struct looking *l;
    int fd;

    if (!request_param_id(rq, &msg.id))
        return;
    fd = look_begin(rq, &msg);
    if (fd < 0)
        return;
    l = calloc(1, sizeof(*l));
    if (l && kind == HVC_ATTACH_DEBUG)
        l->session = session_make(&msg.id, &msg.customer, fd);
    if (!l || (kind == HVC_ATTACH_DEBUG && !l->session)) {
        free(l);
        close(fd);
        reply_problem(rq, 503, 1, "the node has too many debuggers");
        return;
    }
    l->fd = fd;
    l->client_fd = rq->conn->fd;
    reply_stream(rq, STREAM_TYPE, looking_next, l, looking_done);
}

void serve_debug(struct request *rq)
{
    look(rq, HVC_ATTACH_DEBUG);
}

void serve_core(struct request *rq)
{
    look(rq, HVC_ATTACH_CORE);
}

void serve_trace(struct request *rq)
{
    look(rq, HVC_ATTACH_TRACE);
}

// What the debugger says. As much as the monitor's socket has room for is
// taken: gdb says little before it has an answer.
void serve_debug_say(struct request *rq)
{
    const char *name = request_arg(rq, "session");
    ssize_t n = -1;
    sub_id_t id;

    if (!request_param_id(rq, &id))
        return;
    if (!name || strlen(name) != NAME_SIZE - 1) {
        reply_problem(rq, 400, 0,
                      "the argument \"session\" must be what the session's "
                      "first line was");
        return;
    }
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < DEBUG_SESSIONS_MAX && n < 0; i++) {
        struct session *s = &sessions[i];

        if (!strcmp(s->name, name) && !memcmp(&s->id, &id, sizeof(id)) &&
            !memcmp(&s->customer, &rq->caller.key, sizeof(s->customer)))
            n = send(s->fd, rq->body.data, rq->body.len,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    pthread_mutex_unlock(&lock);
    if (n == (ssize_t)rq->body.len)
        reply_json(rq, 200, json_pack("{s:I}", "accepted", (json_int_t)n));
    else
        reply_problem(rq, 409, 0, "there is no such session, or it is over");
}
