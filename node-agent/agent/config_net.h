// SPDX-License-Identifier: ISC
// The keys of hosteld.conf(5) that begin with network_, and `network` itself.
#ifndef AGENT_CONFIG_NET_H
#define AGENT_CONFIG_NET_H

#include <stdio.h>
#include "lib/cfg.h"
#include "lib/err.h"
#include "node-agent/agent/network.h"

/* As written in the file. */
struct conf_net {
    char *mode, *bridge, *uplink, *ipv4, *ipv6, *publish;
    struct cfg_list gateway, dns, shut;
    int64_t publish_max, quota, kib_per_s, packets_per_s;
};

/* Lines of a table of keys; `type` is a struct with a member `net`. */
#define CONF_NET_KEYS(type)                                                    \
    CFG_STR_KEY("network", type, net.mode, 16, 0),                             \
        CFG_STR_KEY("network_bridge", type, net.bridge, 15, 0),                \
        CFG_STR_KEY("network_uplink", type, net.uplink, 15, 0),                \
        CFG_STR_KEY("network_ipv4", type, net.ipv4, 48, 0),                    \
        CFG_STR_KEY("network_ipv6", type, net.ipv6, 96, 0),                    \
        CFG_LIST_KEY("network_gateway", type, net.gateway, 2, 0),              \
        CFG_LIST_KEY("network_dns", type, net.dns, 2, 0),                      \
        CFG_LIST_KEY("network_shut", type, net.shut, NETWORK_SHUT_MAX, 0),     \
        CFG_STR_KEY("network_publish", type, net.publish, 11, 0),              \
        CFG_INT_KEY("network_publish_max", type, net.publish_max, 0,           \
                    NET_PUBLISH_MAX, 0),                                       \
        CFG_INT_KEY("network_quota", type, net.quota, 0, LEASES_MAX, 0),       \
        CFG_INT_KEY("network_kib_per_s", type, net.kib_per_s, 0, 1ll << 30,    \
                    0),                                                        \
        CFG_INT_KEY("network_packets_per_s", type, net.packets_per_s, 0,       \
                    1000000000, 0)

/* What a node is that says nothing: no network, and private ranges shut. */
void config_net_defaults(struct network_config *n);
/* Numbers as they are, for keys that the file leaves alone. */
void config_net_from(struct conf_net *c, const struct network_config *n);
int config_net_apply(struct network_config *n, const struct conf_net *c,
                     struct err *e);
/* Do they fit each other? */
int config_net_agree(const struct network_config *n, struct err *e);
void config_net_print(const struct network_config *n, FILE *out);

#endif
