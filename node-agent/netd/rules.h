// SPDX-License-Identifier: ISC
/*
 * The node's rules in nftables: one table of family inet, and with a bridge
 * one of family bridge, both named after the node. They say who may send what
 * (a second opinion: the monitor has filtered before), who may talk to whom,
 * what is published, and whose name packets leave in. Rules speak of all
 * interfaces whose names begin with the node's prefix, so they are made once;
 * what domains come and go with is elements of sets.
 *
 * rules_make builds text; rules_apply hands it to libnftables, all of it or
 * nothing.
 */
#ifndef NETD_RULES_H
#define NETD_RULES_H

#include "lib/buf.h"
#include "lib/err.h"
#include "node-agent/agent/msg.h"

/* A line for an element is about 100 bytes, and a lease has at most
 * 5 + NET_PUBLISH_MAX + 2 * LINK_MEMBERS_MAX of them. */
#define RULES_TEXT_MAX (256u << 20)

/* Both tables new and empty but for the rules. */
int rules_base(const struct network_config *n, struct buf *out);

/* The elements of one lease, to be added or deleted. */
int rules_lease(const struct network_config *n, const struct msg_net *m,
                bool add, struct buf *out);

/* Two leases that may talk to each other. */
int rules_pair(const struct network_config *n, uint32_t a, uint32_t b, bool add,
               struct buf *out);

/* No tables any more. */
int rules_none(const struct network_config *n, struct buf *out);

/* The mark that connections of a lease carry in conntrack. */
uint32_t rules_mark(const struct network_config *n, uint32_t lease);

int rules_apply(const struct buf *text, struct err *e);

#endif
