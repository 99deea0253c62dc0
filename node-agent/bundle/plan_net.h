// SPDX-License-Identifier: ISC
// Part of plan.h: the network that a program asks for.

#ifndef BUNDLE_PLAN_NET_H
#define BUNDLE_PLAN_NET_H

#include "node-agent/bundle/plan.h"

// What the request says, else bundle.cfg, else none.
int plan_net_fill(const struct bundle_request *q, const struct recipe *c,
                  struct net_terms *out, struct err *e);

// "[tcp:|udp:]HOSTPORT:PORT"
int publish_parse(const char *text, struct net_publish *out, struct err *e);

#endif
