// SPDX-License-Identifier: ISC
// The control socket; see control.h.
//
// A thread a connection: a request may take as long as a domain takes to go.
// Who sends what the table of ipc.c does not know loses its connection.

#include "node-agent/api/control.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/sock.h"
#include "node-agent/api/limits.h"

// Operators and their scripts; each console and each `top` holds one.
#define CONNECTIONS_MAX 64
// Who only looks finds no room when so many are there, and leaves the rest.
#define VIEWERS_MAX 32

// A domain that is asked to go is dead within a second, or its host is ill.
#define PASS_NS (60ull * 1000000000)

struct control {
    struct api *api;
    int listen_fd;
};

struct connection {
    struct api *api;
    int fd;
    bool looks; // and changes nothing
};

static atomic_int connections;

// What may be asked here, and what is then answered.
static const struct request {
    uint32_t type;
    bool changes;
    size_t reply_size;
} requests[] = {
    {MSG_DOM_CREATE, true, sizeof(struct dom_reply)},
    {MSG_DOM_LIST, false, sizeof(struct msg_count_reply)},
    {MSG_DOM_ACT, true, sizeof(struct msg_reply)},
    {MSG_DOM_LOG, false, sizeof(struct msg_count_reply)},
    {MSG_DOM_INPUT, true, sizeof(struct msg_input_reply)},
    {MSG_DOM_DEVICES, false, sizeof(struct msg_count_reply)},
    {MSG_CAPACITY, false, sizeof(struct msg_capacity_reply)},
};

static const struct request *request_find(uint32_t type)
{
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        if (requests[i].type == type)
            return &requests[i];
    return NULL;
}

// The answer to who may look only.
static void reply_refuse(union mux_any *any, const struct request *rq)
{
    static const char text[MSG_TEXT_MAX] =
        "you may look here, but change nothing";
    struct msg_reply *r = &any->reply;

    memset(any, 0, sizeof(*any));
    r->head.type = rq->type | MSG_REPLY;
    r->head.size = (uint32_t)rq->reply_size;
    r->status = 403;
    ipc_text(r->text, text);
}

static int fds_count(const int fds[IPC_FDS_MAX])
{
    int n = 0;

    while (n < IPC_FDS_MAX && fds[n] >= 0)
        n++;
    return n;
}

// One request; false: the connection is over.
static bool request_pass(struct connection *c, union ipc_any *any)
{
    cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;
    int fds[IPC_FDS_MAX], r = 0;
    const struct request *rq;
    struct err e = {0};
    uint64_t tag;

    if (ipc_recv(c->fd, any, fds, &e) != 1)
        return false;
    tag = any->head.tag;
    rq = request_find(any->head.type);
    if (!rq)
        r = -EPROTO;
    else if (rq->changes && c->looks)
        reply_refuse(&reply.any, rq);
    else
        r = mux_call(c->api->keeper, &any->head, fds, fds_count(fds), PASS_NS,
                     &reply, &e);
    ipc_close(fds);
    if (r < 0)
        return false;
    reply.any.head.tag = tag;
    return ipc_send(c->fd, &reply.any.head, reply.fds, fds_count(reply.fds),
                    &e) == 0;
}

static void *connection_run(void *arg)
{
    struct connection *c = arg;
    union ipc_any *any = malloc(sizeof(*any));

    while (any && request_pass(c, any))
        ;
    free(any);
    close(c->fd);
    free(c);
    atomic_fetch_sub(&connections, 1);
    return NULL;
}

// Whether whoever has connected may ask at all; *looks: that is all he may.
static bool is_operator(const struct api *api, int fd, bool *looks)
{
    uid_t uid;
    pid_t pid;

    if (sock_peer(fd, &pid, &uid) != 0)
        return false;
    *looks = !api_operator_uid(api->cfg, uid, true);
    return !*looks || api_operator_uid(api->cfg, uid, false);
}

static int thread_start(void *(*run)(void *), void *arg)
{
    pthread_attr_t attr;
    pthread_t thread;
    int r;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
    r = pthread_create(&thread, &attr, run, arg);
    pthread_attr_destroy(&attr);
    return r;
}

// False: it is not served.
static bool connection_begin(struct control *l, int fd)
{
    struct connection *c;
    bool looks;

    if (!is_operator(l->api, fd, &looks))
        return false;
    c = malloc(sizeof(*c));
    if (atomic_fetch_add(&connections, 1) <
            (looks ? VIEWERS_MAX : CONNECTIONS_MAX) &&
        c) {
        *c = (struct connection){l->api, fd, looks};
        if (thread_start(connection_run, c) == 0)
            return true;
    }
    atomic_fetch_sub(&connections, 1);
    log_warn("no room for another connection to the control socket");
    free(c);
    return false;
}

static void *listen_run(void *arg)
{
    struct control *l = arg;

    for (;;) {
        int fd = accept4(l->listen_fd, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
            sleep(1); // no descriptors or memory: not for ever
        if (fd >= 0 && !connection_begin(l, fd))
            close(fd);
    }
    return NULL;
}

bool control_start(struct api *api, int listen_fd)
{
    static struct control l;

    l = (struct control){api, listen_fd};
    return thread_start(listen_run, &l) == 0;
}
