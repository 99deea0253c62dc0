// SPDX-License-Identifier: ISC
// Messages between keeper and net, and what a submission's network is. Part of
// msg.h.
#ifndef AGENT_MSG_NET_H
#define AGENT_MSG_NET_H

#include "node-agent/agent/device.h"
#include "node-agent/bundle/net_terms.h"

/*
 * MSG_NET_KEEP: this lease is in use. MSG_NET_OPEN: likewise, and an interface
 * is wanted. MSG_NET_CLOSE: it is not in use any more (all but number and tag
 * unused). MSG_NET_READY: those in use were all named (all but tag unused).
 */
struct msg_net {
    struct msg_head head;
    uint32_t number;
    uint32_t group; /* domains of one may talk to each other; 0: with none */
    uint64_t in_bytes, out_bytes; /* MSG_NET_OPEN: of its budgets, left */
    uint32_t npublish, pad;
    struct net_publish publish[NET_PUBLISH_MAX];
};
/* 200, with a descriptor, the TAP; 503: its last one is not gone yet; 500. */
struct msg_net_reply {
    struct msg_reply reply;
    struct dom_device device;
};

#endif
