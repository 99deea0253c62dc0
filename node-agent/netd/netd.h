// SPDX-License-Identifier: ISC
/*
 * The role net: makes the interfaces of customers' domains, and the rules that
 * hold them. It keeps one capability, CAP_NET_ADMIN, and hears numbers only:
 * which leases are in use (agent/network.h), who may talk to whom, what is
 * published. Names, addresses and rules follow from the configuration.
 */
#ifndef NETD_NETD_H
#define NETD_NETD_H

#include "lib/err.h"
#include "node-agent/agent/role.h"

/* For `hosteld -n` and the supervisor: could this machine do it? */
int net_check(const struct network_config *n, struct err *e);

/*
 * For the supervisor, at a node's end: takes back all that the role has made.
 * While domains go on their rules stay: without them they would be free.
 */
void net_tidy(const struct node_config *cfg);

#endif
