// SPDX-License-Identifier: ISC
// Many threads' requests over one channel; see mux.h.

#include "node-agent/api/mux.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/clock.h"

// A call under way lives on its caller's stack and is in one list. Threads are
// as many as connections: a list is quick enough.
//
// `state` changes under the lock, together with leaving the list, and is also
// a futex. The waker touches it no more once the lock is released: the wake-up
// names only its address, where by then something else may be, and nothing is
// hurt by being woken once too often.
struct call {
    struct call *next;
    uint64_t tag;
    struct mux_reply *reply;
    atomic_uint state;
};
enum { CALL_WAITS, CALL_DONE, CALL_DEAD };

struct mux {
    int fd;
    void (*closed)(const char *why);
    void (*told)(void *arg, const union ipc_any *any);
    void *told_arg;
    pthread_mutex_t lock;
    struct call *calls;
    uint64_t last_tag;
    bool dead;
};

static void call_wake(atomic_uint *state)
{
    syscall(SYS_futex, state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static struct call **call_find(struct mux *m, uint64_t tag)
{
    struct call **at = &m->calls;

    while (*at && (*at)->tag != tag)
        at = &(*at)->next;
    return at;
}

// Nobody asked for it.
static void mux_hear(struct mux *m, const union ipc_any *any, int *fds)
{
    void (*told)(void *arg, const union ipc_any *any);
    void *arg;

    ipc_close(fds);
    pthread_mutex_lock(&m->lock);
    told = m->told;
    arg = m->told_arg;
    pthread_mutex_unlock(&m->lock);
    if (told)
        told(arg, any);
}

// Takes the descriptors.
static void mux_deliver(struct mux *m, const union ipc_any *any, int *fds)
{
    atomic_uint *state = NULL;
    struct call **at;

    if (any->head.size > sizeof(union mux_any)) {
        ipc_close(fds); // no reply to anything that is asked here
        return;
    }
    pthread_mutex_lock(&m->lock);
    at = call_find(m, any->head.tag);
    if (*at) {
        struct call *call = *at;

        *at = call->next;
        memcpy(&call->reply->any, any, any->head.size);
        memcpy(call->reply->fds, fds, sizeof(call->reply->fds));
        state = &call->state;
        atomic_store(state, CALL_DONE);
    }
    pthread_mutex_unlock(&m->lock);
    if (state)
        call_wake(state);
    else
        ipc_close(fds);
}

// The peer is gone: everybody who waits is told, and later callers as well.
static void mux_kill(struct mux *m)
{
    pthread_mutex_lock(&m->lock);
    m->dead = true;
    while (m->calls) {
        struct call *call = m->calls;

        m->calls = call->next;
        atomic_store(&call->state, CALL_DEAD);
        call_wake(&call->state);
    }
    pthread_mutex_unlock(&m->lock);
}

static void *mux_read(void *arg)
{
    struct mux *m = arg;
    int fds[IPC_FDS_MAX];
    union ipc_any any;
    struct err e = {0};
    int r;

    while ((r = ipc_recv(m->fd, &any, fds, &e)) > 0)
        if (any.head.tag)
            mux_deliver(m, &any, fds);
        else
            mux_hear(m, &any, fds);
    mux_kill(m);
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

void mux_listen(struct mux *m,
                void (*told)(void *arg, const union ipc_any *any), void *arg)
{
    pthread_mutex_lock(&m->lock);
    m->told = told;
    m->told_arg = arg;
    pthread_mutex_unlock(&m->lock);
}

void mux_reply_free(struct mux_reply *reply)
{
    ipc_close(reply->fds);
}

// Sleeps until the call is done or dead, or the time is up.
static void call_sleep(struct call *call, uint64_t deadline_ns)
{
    const struct timespec until = {
        .tv_sec = (time_t)(deadline_ns / 1000000000u),
        .tv_nsec = (long)(deadline_ns % 1000000000u)};

    while (atomic_load(&call->state) == CALL_WAITS) {
        // With an absolute time on the monotonic clock.
        if (syscall(SYS_futex, &call->state, FUTEX_WAIT_BITSET_PRIVATE,
                    CALL_WAITS, &until, NULL, FUTEX_BITSET_MATCH_ANY) < 0 &&
            errno == ETIMEDOUT)
            return;
    }
}

// Puts the call in the list, or tells that the peer is gone.
static int call_begin(struct mux *m, struct call *call, struct err *e)
{
    bool dead;

    pthread_mutex_lock(&m->lock);
    dead = m->dead;
    if (!dead) {
        call->tag = ++m->last_tag;
        call->next = m->calls;
        m->calls = call;
    }
    pthread_mutex_unlock(&m->lock);
    return dead ? err_set(e, EPIPE, "a part of the node is being restarted")
                : 0;
}

// Takes the call out of the list if it is still there. Returns what became
// of it.
static int call_end(struct mux *m, struct call *call, struct err *e)
{
    unsigned state;

    pthread_mutex_lock(&m->lock);
    state = atomic_load(&call->state);
    if (state == CALL_WAITS)
        *call_find(m, call->tag) = call->next;
    pthread_mutex_unlock(&m->lock);
    if (state == CALL_DONE)
        return 0;
    if (state == CALL_DEAD)
        return err_set(e, EPIPE, "a part of the node is being restarted");
    return err_set(e, ETIMEDOUT, "the node did not answer in time");
}

int mux_call(struct mux *m, struct msg_head *head, const int *fds, int nfds,
             uint64_t timeout_ns, struct mux_reply *reply, struct err *e)
{
    struct call call = {.reply = reply};
    int sent, r;

    // One that was used before may be used again.
    mux_reply_free(reply);
    r = call_begin(m, &call, e);
    if (r < 0)
        return r;
    head->tag = call.tag;
    // Without the lock: it may sleep on a full channel, and the reader must
    // go on then.
    sent = ipc_send(m->fd, head, fds, nfds, e);
    if (sent == 0)
        call_sleep(&call, clock_mono_ns() + timeout_ns);
    r = call_end(m, &call, sent < 0 ? NULL : e);
    if (sent < 0)
        return sent;
    if (r == 0 && reply->any.head.type != (head->type | MSG_REPLY))
        r = err_set(e, EPROTO, "a part of the node gave a wrong answer");
    return r;
}

void mux_post(struct mux *m, const struct msg_head *head)
{
    struct err e;

    // That the peer is gone is told by the thread that reads.
    ipc_send(m->fd, head, NULL, 0, &e);
}
