// SPDX-License-Identifier: ISC
/*
 * Sending and receiving the messages of msg.h. A table in ipc.c holds, for
 * each type, its exact size and how many descriptors it may carry, so that a
 * received message is known to be whole before anyone looks at it.
 *
 * Some types end in an array that is mostly empty: msg_start (cmdline),
 * msg_input (data), msg_payment (body) and msg_domain (text). They may be sent
 * cut to the used length of that array, by ipc_head_cut; the receiver finds
 * zeros behind it.
 */
#ifndef AGENT_IPC_H
#define AGENT_IPC_H

#include <stddef.h>
#include <string.h>
#include "lib/err.h"
#include "node-agent/agent/device.h"
#include "node-agent/agent/dom.h"
#include "node-agent/agent/msg.h"

/* MSG_START with all that can come along: image, console, initrd, source,
 * the domain's files, devices, and volumes. */
#define IPC_FDS_MAX (6 + DEVICES_FDS_MAX + (int)START_VOLUMES_MAX)

/* Largest message, and a buffer that holds any. */
union ipc_any {
    struct msg_head head;
    struct msg_reply reply;
    struct msg_submit submit;
    struct msg_get get;
    struct msg_list list;
    struct msg_wait wait;
    struct msg_watch watch;
    struct msg_input input;
    struct msg_input_reply input_reply;
    struct msg_attach attach;
    struct msg_log log;
    struct msg_call call;
    struct msg_call_reply call_reply;
    struct msg_quota quota;
    struct msg_quota_reply quota_now;
    struct msg_drain drain;
    struct msg_audit audit;
    struct msg_audit_list audit_list;
    struct msg_invite invite;
    struct msg_join join;
    struct msg_enrol enrol;
    struct msg_key key;
    struct msg_key_reply key_reply;
    struct msg_info_reply info;
    struct msg_submit_reply submit_reply;
    struct msg_count_reply count;
    struct msg_capacity_reply capacity;
    struct msg_account account;
    struct msg_account_open account_open;
    struct msg_account_credit account_credit;
    struct msg_account_reply account_reply;
    struct msg_quote quote;
    struct msg_quote_reply quote_reply;
    struct msg_document document;
    struct msg_account_correct account_correct;
    struct msg_account_change account_change;
    struct msg_invoice_issue invoice_issue;
    struct msg_payment payment;
    struct msg_hold hold;
    struct msg_hold_reply hold_reply;
    struct msg_record record;
    struct msg_settle_reply settle;
    struct msg_start start;
    struct msg_stop stop;
    struct msg_renew renew;
    struct msg_control control;
    struct msg_given given;
    struct msg_failed failed;
    struct msg_domain domain;
    struct msg_build build;
    struct msg_built built;
    struct dom_create dom_create;
    struct dom_who dom_who;
    struct dom_act dom_act;
    struct dom_input dom_input;
    struct dom_reply dom_reply;
    struct msg_volume volume;
    struct msg_volume_reply volume_reply;
    struct msg_job job;
    struct msg_job_reply job_reply;
    struct msg_sub_act sub_act;
    struct msg_net net;
    struct msg_net_reply net_reply;
};

/*
 * Send the message at `head` (head->size bytes) with nfds descriptors, which
 * stay the caller's. Blocks when the channel is full and blocking; on a
 * non-blocking one returns -EAGAIN and nothing was sent. Returns 0 or -errno;
 * -EPROTO for a message that the table does not allow.
 */
int ipc_send(int fd, const struct msg_head *head, const int *fds, int nfds,
             struct err *e);

/*
 * Receive one message into *any and up to IPC_FDS_MAX descriptors (O_CLOEXEC,
 * the caller's from now on; unused places are -1). Returns 1, 0 when the peer
 * has closed, -EAGAIN on an empty non-blocking channel, or -errno; -EPROTO
 * for a message that does not fit the table (its descriptors are closed).
 *
 * Checked: known type, size, number of descriptors, lengths inside the
 * message, every text ends in NUL. Not checked: what the values mean.
 */
int ipc_recv(int fd, union ipc_any *any, int fds[IPC_FDS_MAX], struct err *e);

/* Close what ipc_recv gave and the receiver did not take. */
void ipc_close(int fds[IPC_FDS_MAX]);

/* A type's name, for logs: "start", "start reply". */
const char *ipc_name(uint32_t type);

/* Fill in a head: the first member of every message. */
#define ipc_head(msg, type_, tag_)                                             \
    (*(struct msg_head *)(msg) =                                               \
         (struct msg_head){(type_), sizeof(*(msg)), (tag_)})

/* The same for a message cut after `used` bytes of its last member. */
#define ipc_head_cut(msg, type_, tag_, last_, used_)                           \
    (*(struct msg_head *)(msg) = (struct msg_head){                            \
         (type_), offsetof(__typeof__(*(msg)), last_) + (used_), (tag_)})

/* A text member, cut to fit and NUL-terminated. */
#define ipc_text(dst, src) ipc_text_((dst), sizeof(dst), (src))
static inline void ipc_text_(char *dst, size_t room, const char *src)
{
    size_t n = strnlen(src, room - 1);

    memcpy(dst, src, n);
    memset(dst + n, 0, room - n);
}

#endif
