// SPDX-License-Identifier: ISC
/*
 * Sending and receiving the messages of msg.h. A table in ipc.c holds, for
 * each type, its exact size and how many descriptors it may carry, so that a
 * received message is known to be whole before anyone looks at it.
 */
#ifndef AGENT_IPC_H
#define AGENT_IPC_H

#include <stddef.h>
#include "lib/err.h"
#include "node-agent/agent/msg.h"

#define IPC_FDS_MAX 3

/* Largest message, and a buffer that holds any. */
union ipc_any {
    struct msg_head head;
    struct msg_start start;
    struct msg_info_reply info;
    struct msg_quote_reply quote;
    struct msg_domain domain;
    struct msg_built built;
    char bytes[sizeof(struct msg_start) + 1024];
};

/*
 * Send the message at `head` (head->size bytes) with nfds descriptors, which
 * stay the caller's. Blocks when the channel is full and blocking. Returns 0
 * or -errno.
 */
int ipc_send(int fd, const struct msg_head *head, const int *fds, int nfds,
             struct err *e);

/*
 * Receive one message into *any and up to IPC_FDS_MAX descriptors (O_CLOEXEC,
 * the caller's from now on; unused places are -1). Returns 1, 0 when the peer
 * has closed, -EAGAIN on an empty non-blocking channel, or -errno; -EPROTO
 * for a message that does not fit the table (its descriptors are closed).
 */
int ipc_recv(int fd, union ipc_any *any, int fds[IPC_FDS_MAX], struct err *e);

/* Fill in a head. */
#define ipc_head(msg, type_, tag_)                                             \
    ((msg)->head = (struct msg_head){(type_), sizeof(*(msg)), (tag_)})

#endif
