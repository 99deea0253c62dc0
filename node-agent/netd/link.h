// SPDX-License-Identifier: ISC
/*
 * Interfaces, addresses, routes and neighbours, by rtnetlink. Everything here
 * is of an interface and goes with it, but for what answers on an uplink
 * (link_proxy), which is taken back one by one.
 */
#ifndef NETD_LINK_H
#define NETD_LINK_H

#include "lib/err.h"
#include "node-agent/agent/network.h"

/* A rtnetlink socket, or -errno. */
int link_open(struct err *e);

/*
 * What the kernel's switches must be, for the node and for an uplink. What it
 * has changed stands in the note run_dir/network, which is there as long as
 * anything of the node's may be: link_restore undoes it and takes the note
 * away.
 */
int link_forward(const struct network_config *n, const char *run_dir,
                 struct err *e);
bool link_noted(const char *run_dir);
void link_restore(const char *run_dir);

/* The TAP of that place is up: it gets the gateway's addresses, and the kernel
 * is told where the domain is. */
int link_settle(int fd, const struct network_config *n,
                const struct net_place *p, struct err *e);

/* On the uplink the node answers questions for the domain's addresses. */
int link_proxy(int fd, const struct network_config *n,
               const struct net_place *p, bool add, struct err *e);

/* Takes back all such answers for addresses that domains may have. */
int link_proxy_clear(int fd, const struct network_config *n, struct err *e);

/* Forgets the connections that carry this mark. */
int link_forget(uint32_t mark, struct err *e);

#endif
