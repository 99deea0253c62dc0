// SPDX-License-Identifier: ISC
// What network a submission asks for. Self-contained (only stdint), because
// messages between the agent's processes and the keeper's journal hold it as
// it is here.

#ifndef BUNDLE_NET_TERMS_H
#define BUNDLE_NET_TERMS_H

#include <stdint.h>

enum net_mode {
    NET_NONE = 0,
    NET_NAT,    // reaches out in the node's name
    NET_ROUTED, // has an address that others reach
    NET_BRIDGE, // is on a network of the operator's
    NET_ANY,    // whatever the node has; in a manifest only
};

static inline const char *net_mode_name(uint32_t mode)
{
    static const char *const names[] = {"none", "nat", "routed", "bridge",
                                        "any"};

    return names[mode <= NET_ANY ? mode : NET_NONE];
}

enum { NET_TCP = 6, NET_UDP = 17 }; // protocol numbers

// More than this is a network, not a program.
#define NET_PUBLISH_MAX 8
#define NET_LINK_MAX    32

struct net_publish {
    uint16_t protocol;        // NET_TCP or NET_UDP
    uint16_t host_port, port; // of the node's addresses; of the domain's
    uint16_t pad;
};

struct net_terms {
    uint32_t mode; // enum net_mode
    uint32_t npublish;
    uint64_t in_bytes, out_bytes; // budgets; frames beyond them are dropped
    struct net_publish publish[NET_PUBLISH_MAX];
    char link[NET_LINK_MAX]; // "": none; NUL-padded
};
_Static_assert(sizeof(struct net_terms) ==
                   24 + 8 * NET_PUBLISH_MAX + NET_LINK_MAX,
               "no padding");

// The shortest frame that a domain can send or gets: Ethernet and an IPv4
// header. So budgets of bytes bound packets, too.
#define NET_FRAME_MIN 34u
static inline uint64_t net_packets_max(uint64_t in_bytes, uint64_t out_bytes)
{
    return in_bytes / NET_FRAME_MIN + out_bytes / NET_FRAME_MIN;
}

#endif
