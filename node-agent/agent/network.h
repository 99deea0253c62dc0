// SPDX-License-Identifier: ISC
/*
 * The network that a node gives to customers' domains, as its configuration
 * describes it, and what follows from that and a number: each domain with an
 * interface has a *lease*, a number from 1 to `count`, and the lease alone
 * decides about name, MAC and IP addresses. Pure; no role is asked.
 */
#ifndef AGENT_NETWORK_H
#define AGENT_NETWORK_H

#include <stdbool.h>
#include <stdint.h>
#include "node-agent/bundle/net_terms.h"

/* Numbers are 16 bits of a conntrack mark and of a MAC address. */
#define LEASES_MAX 65000u
/* Ranges that domains may not reach: a screenful. */
#define NETWORK_SHUT_MAX 32
#define NETWORK_NAME_MAX 16 /* IFNAMSIZ */

struct network_range {
    uint8_t address[16]; /* IPv4: the first four bytes */
    uint8_t is6, bits, pad[6];
};

/* Part of struct node_config; all zero: no network. */
struct network_config {
    uint32_t mode;                  /* enum net_mode, NET_NONE to NET_BRIDGE */
    uint32_t count;                 /* leases there are */
    uint32_t id;                    /* of the node on this machine: 24 bits */
    uint32_t bits4, bits6;          /* of the subnets; 0: none */
    uint8_t first4[4], gateway4[4]; /* of domains: the first one's */
    uint8_t first6[16], gateway6[16];
    uint8_t dns4[4], dns6[16];     /* zero: none */
    char bridge[NETWORK_NAME_MAX]; /* NET_BRIDGE; else "" */
    char uplink[NETWORK_NAME_MAX]; /* NET_ROUTED: answers for them there */
    uint32_t publish_first, publish_last; /* 0: nothing is published */
    uint32_t publish_max;                 /* ports of a submission */
    uint32_t quota;                       /* leases of a customer; 0: any */
    uint64_t bytes_per_s, packets_per_s;  /* each way; 0: no limit */
    uint32_t nshut, pad;
    struct network_range shut[NETWORK_SHUT_MAX];
};

/* What a submission has of the network, while it has: kept in the journal. */
struct net_lease {
    uint32_t number; /* 1 to count; 0: none */
    uint8_t mac[6], pad[2];
    uint8_t ipv4[4], ipv6[16];
};

/* What a lease is. */
struct net_place {
    char name[NETWORK_NAME_MAX];       /* of the TAP */
    uint8_t mac[6], ipv4[4], ipv6[16]; /* zero: none of the family */
};

/* lease: 1 to n->count. */
void network_place(const struct network_config *n, uint32_t lease,
                   struct net_place *out);

/* What the names of all its interfaces begin with: "hn1a2b3c-". */
#define NETWORK_PREFIX_MAX 12
void network_prefix(const struct network_config *n,
                    char out[NETWORK_PREFIX_MAX]);

#endif
