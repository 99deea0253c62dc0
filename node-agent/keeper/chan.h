// SPDX-License-Identifier: ISC
// A channel to another role, as an event loop uses it: what is posted waits
// in a queue until chan_flush, which the loop calls only after everything it
// did is durable. So no message can tell of a thing that a crash would undo,
// and two roles that both have much to say never block on each other.
#ifndef KEEPER_CHAN_H
#define KEEPER_CHAN_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/err.h"
#include "node-agent/agent/ipc.h"

// With this many answers unread, no more requests are taken from a peer.
#define CHAN_WAITING_MAX 1024

struct chan_item;

#define CHAN_TAG_OTHER (1ull << 63)

struct chan {
    int fd;
    const char *peer; // for messages
    struct chan_item *first, **last;
    size_t waiting;
    bool failed; // no memory for a message that was posted

    // Requests from another channel that are served like this one's carry
    // CHAN_TAG_OTHER in their tag, and so do the answers: these leave there.
    struct chan *other;
};

// Takes the descriptor and makes it non-blocking. `peer` is kept by reference.
int chan_open(struct chan *c, int fd, const char *peer, struct err *e);

// Closes it and drops what still waits.
void chan_close(struct chan *c);

// Queues a copy of the message; the descriptors are the channel's from now on.
void chan_post(struct chan *c, const void *msg, const int *fds, int nfds);

// Sends what the peer has room for. 0 or -errno: the peer is gone.
int chan_flush(struct chan *c, struct err *e);

// One message: 1, 0 when none is there now, or -errno: the peer is gone
// (-EPIPE) or broke the rules (-EPROTO). Descriptors are the caller's, see
// ipc_recv.
int chan_take(struct chan *c, union ipc_any *any, int fds[IPC_FDS_MAX],
              struct err *e);

// What to poll its descriptor for.
short chan_events(const struct chan *c);

// Post a reply that is nothing but a status, to the request with this head:
// 200, or a refusal with its sentence.
void chan_reply_ok(struct chan *c, const struct msg_head *to);
void chan_reply(struct chan *c, const struct msg_head *to, unsigned status,
                unsigned retry_after_s, const char *text, ...)
    __attribute__((format(printf, 5, 6)));

// The same to MSG_INPUT or MSG_FEED about this submission.
void chan_input_reply(struct chan *c, const struct msg_head *to,
                      const sub_id_t *id, unsigned status, const char *text);

// Fills in the reply part of a larger message; `why` may be NULL.
#define chan_reply_init(msg, to, status_, why)                                 \
    chan_reply_fill(&(msg)->reply, sizeof(*(msg)), (to), (status_), (why))
void chan_reply_fill(struct msg_reply *r, size_t size,
                     const struct msg_head *to, unsigned status,
                     const char *why);

#endif
