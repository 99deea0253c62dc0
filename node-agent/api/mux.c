// SPDX-License-Identifier: ISC
// Many threads' requests over one channel; see mux.h.

#include "node-agent/api/mux.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/clock.h"

// A call under way lives on its caller's stack and is in one list, under the
// mutex. Threads are as many as connections: a list is quick enough.
struct call {
    struct call *next;
    uint64_t tag;
    struct mux_reply *reply;
    bool done;
    pthread_cond_t wake;
};

struct mux {
    int fd;
    void (*closed)(const char *why);
    pthread_mutex_t lock;
    struct call *calls;
    uint64_t last_tag;
    bool dead;
};

static struct call **call_find(struct mux *m, uint64_t tag)
{
    struct call **at = &m->calls;

    while (*at && (*at)->tag != tag)
        at = &(*at)->next;
    return at;
}

static void mux_deliver(struct mux *m, struct mux_reply *got)
{
    struct call **at;

    pthread_mutex_lock(&m->lock);
    at = call_find(m, got->any.head.tag);
    if (*at) {
        struct call *call = *at;

        *at = call->next;
        *call->reply = *got;
        for (int i = 0; i < IPC_FDS_MAX; i++)
            got->fds[i] = -1;
        call->done = true;
        pthread_cond_signal(&call->wake);
    }
    pthread_mutex_unlock(&m->lock);
}

static void *mux_read(void *arg)
{
    struct mux *m = arg;
    struct err e = {0};
    int r;

    for (;;) {
        cleanup_mux_reply struct mux_reply got = MUX_REPLY_INIT;

        r = ipc_recv(m->fd, &got.any, got.fds, &e);
        if (r <= 0)
            break;
        mux_deliver(m, &got);
    }
    pthread_mutex_lock(&m->lock);
    m->dead = true;
    for (struct call *call = m->calls; call; call = call->next)
        pthread_cond_signal(&call->wake);
    pthread_mutex_unlock(&m->lock);
    m->closed(r ? e.text : "the other side closed it");
    return NULL;
}

struct mux *mux_new(int fd, void (*closed)(const char *why))
{
    struct mux *m = calloc(1, sizeof(*m));
    pthread_t thread;

    if (!m)
        return NULL;
    m->fd = fd;
    m->closed = closed;
    pthread_mutex_init(&m->lock, NULL);
    if (pthread_create(&thread, NULL, mux_read, m) != 0) {
        free(m);
        return NULL;
    }
    pthread_detach(thread);
    return m;
}

void mux_reply_free(struct mux_reply *reply)
{
    ipc_close(reply->fds);
}

// Waits until the call is done, the peer is gone or the time is up, and takes
// the call out of the list if it is still there.
static int call_wait(struct mux *m, struct call *call, uint64_t deadline_ns,
                     struct err *e)
{
    const struct timespec until = {
        .tv_sec = (time_t)(deadline_ns / 1000000000u),
        .tv_nsec = (long)(deadline_ns % 1000000000u)};
    int r = 0;

    while (!call->done && !m->dead && r == 0)
        r = pthread_cond_clockwait(&call->wake, &m->lock, CLOCK_MONOTONIC,
                                   &until);
    if (call->done)
        return 0;
    *call_find(m, call->tag) = call->next;
    if (m->dead)
        return err_set(e, EPIPE, "a part of the node agent is being restarted");
    return err_set(e, ETIMEDOUT, "the node did not answer in time");
}

int mux_call(struct mux *m, struct msg_head *head, const int *fds, int nfds,
             uint64_t timeout_ns, struct mux_reply *reply, struct err *e)
{
    struct call call = {.reply = reply, .wake = PTHREAD_COND_INITIALIZER};
    int r;

    pthread_mutex_lock(&m->lock);
    head->tag = call.tag = ++m->last_tag;
    call.next = m->calls;
    m->calls = &call;
    pthread_mutex_unlock(&m->lock);

    // Outside the lock: it may sleep on a full channel, and the reader must
    // go on then.
    r = ipc_send(m->fd, head, fds, nfds, e);

    pthread_mutex_lock(&m->lock);
    if (r < 0)
        *call_find(m, call.tag) = call.next;
    else
        r = call_wait(m, &call, clock_mono_ns() + timeout_ns, e);
    pthread_mutex_unlock(&m->lock);
    pthread_cond_destroy(&call.wake);
    if (r == 0 && reply->any.head.type != (head->type | MSG_REPLY))
        r = err_set(e, EPROTO, "a part of the node agent gave a wrong answer");
    return r;
}
