// SPDX-License-Identifier: ISC
// Many threads' requests over one channel to another role.
//
// A thread sends its message with a tag of its own and sleeps; one thread a
// channel reads the replies and wakes whose tag they carry. A reply that
// nobody waits for any more is dropped with its descriptors.

#ifndef API_MUX_H
#define API_MUX_H

#include <stdint.h>

#include "node-agent/agent/ipc.h"

struct mux;

// Starts the reading thread. `closed` runs on it, once, when the peer has
// closed or broken the rules; calls under way and later ones then fail. The
// descriptor stays the caller's and must outlive the process's use of the mux.
// NULL: no memory, or no thread.
struct mux *mux_new(int fd, void (*closed)(const char *why));

// What the peer says unasked (messages with the tag 0; none has descriptors)
// goes to `told`, on the reading thread. Without one it is dropped.
void mux_listen(struct mux *m,
                void (*told)(void *arg, const union ipc_any *any), void *arg);

// What the keeper and the ledger reply, and the descriptors that came with it,
// which mux_reply_free closes.
union mux_any {
    struct msg_head head;
    struct msg_reply reply;
    struct msg_info_reply info;
    struct msg_submit_reply submit_reply;
    struct msg_count_reply count;
    struct msg_input_reply input;
    struct msg_capacity_reply capacity;
    struct msg_call_reply call;
    struct msg_quota_reply quota_now;
    struct msg_key_reply key;
    struct msg_account_reply account_reply;
    struct msg_quote_reply quote_reply;
    struct dom_reply dom_reply;
    struct msg_volume_reply volume_reply;
};
struct mux_reply {
    union mux_any any;
    int fds[IPC_FDS_MAX];
};
#define MUX_REPLY_INIT                                                         \
    {                                                                          \
        .fds = { [0 ... IPC_FDS_MAX - 1] = -1 }                                \
    }
#define cleanup_mux_reply __attribute__((cleanup(mux_reply_free)))
void mux_reply_free(struct mux_reply *reply);

// Sends one that has no reply.
void mux_post(struct mux *m, const struct msg_head *head);

// Sends the message (its tag is filled in here; its head has type and size)
// with nfds descriptors, which stay the caller's, and waits for the reply.
// 0; -ETIMEDOUT; -EPIPE: the peer is gone; -EPROTO: a reply of another type.
int mux_call(struct mux *m, struct msg_head *head, const int *fds, int nfds,
             uint64_t timeout_ns, struct mux_reply *reply, struct err *e);

#endif
