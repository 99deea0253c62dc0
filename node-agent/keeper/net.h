// SPDX-License-Identifier: ISC
// Networks of submissions: leases of addresses, published ports, who may talk
// to whom. The role net does what is decided here.
//
// A lease (agent/network.h) is taken before a submission's first start, is in
// its row, and is given back when it is over; a service keeps it between its
// domains. Published ports are a submission's from the moment it is taken. An
// interface is made for each start anew, and is gone with the domain.
#ifndef KEEPER_NET_H
#define KEEPER_NET_H

#include "node-agent/keeper/keeper.h"

struct nets {
    bool *used; // by number, 1 to n
    uint32_t n, nfree;
    uint32_t next; // where to look first: an address rests before it returns
    uint32_t group;
    bool ready; // the role net holds the rules
};

int nets_open(struct keeper *k, struct err *e);
void nets_close(struct keeper *k);

// May this be taken? 0, or the status to refuse with.
unsigned net_refuses(struct keeper *k, const key_id_t *account,
                     const struct net_terms *t, struct err *why);

// Is there an address for it, if it needs one?
bool net_fits(struct keeper *k, const struct sub *s);

// Asks for its interface; EV_LINKED, EV_BUSY or EV_UNSTARTED follows.
void net_ask(struct keeper *k, struct sub *s);

// Of its budgets: what its next domain may use.
void net_left(const struct sub *s, uint64_t *in_bytes, uint64_t *out_bytes);

// It is over.
void net_give(struct keeper *k, struct sub *s);

// After a restart, when the journal was read: tells the role net.
void net_recover(struct keeper *k);

int news_of_net(struct keeper *k, const union ipc_any *any,
                int fds[IPC_FDS_MAX], struct err *e);

#endif
