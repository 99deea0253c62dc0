// SPDX-License-Identifier: ISC
// The network's interfaces, as POSIX shows them.
#include "unikernel-runtime/net/interface.h"
#include "unikernel-runtime/net/address.h"
#include "unikernel-runtime/net/net.h"

#include <lwip/netif.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static void identify(struct netif *n, struct interface_address *a)
{
    *a = (struct interface_address){.index = netif_get_index(n)};
    int loop = n->name[0] == 'l' && n->name[1] == 'o';
    if (loop)
        strcpy(a->interface, "lo");
    else
        snprintf(a->interface, sizeof a->interface, "eth%u", n->num - 1);
    a->flags = (netif_is_up(n) ? IFF_UP : 0) |
               (netif_is_link_up(n) ? IFF_RUNNING : 0) |
               (loop ? IFF_LOOPBACK : IFF_BROADCAST | IFF_MULTICAST);
    a->address.any.sa_family = AF_UNSPEC;
}

static void v4(struct netif *n, struct interface_address *a)
{
    ip_addr_t broadcast = n->ip_addr;
    ip_2_ip4(&broadcast)->addr |= ~netif_ip4_netmask(n)->addr;
    address_name(&n->ip_addr, 0, &a->address);
    address_name(&n->netmask, 0, &a->netmask);
    if (a->flags & IFF_BROADCAST)
        address_name(&broadcast, 0, &a->broadcast);
}

static void v6(struct netif *n, int i, struct interface_address *a)
{
    address_name(netif_ip_addr6(n, i), 0, &a->address);
    struct sockaddr_in6 mask = {.sin6_family = AF_INET6};
    int loop = ip6_addr_isloopback(netif_ip6_addr(n, i));
    memset(&mask.sin6_addr, 0xff, loop ? 16 : 8);
    memcpy(&a->netmask.storage, &mask, sizeof mask);
    a->netmask.len = sizeof mask;
}

static int get_locked(unsigned at, struct interface_address *out)
{
    // lwIP's list has the latest first.
    for (unsigned index = 1; index < 255; index++) {
        struct netif *n = netif_get_by_index(index);
        if (!n)
            continue;
        int none = 1;
        if (!ip4_addr_isany_val(*netif_ip4_addr(n))) {
            none = 0;
            if (!at--)
                return identify(n, out), v4(n, out), 1;
        }
        for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
            if (!ip6_addr_isvalid(netif_ip6_addr_state(n, i)))
                continue;
            none = 0;
            if (!at--)
                return identify(n, out), v6(n, i, out), 1;
        }
        if (none && !at--)
            return identify(n, out), 1;
    }
    return 0;
}

int interface_address_get(unsigned n, struct interface_address *out)
{
    if (net_start() < 0)
        return 0;
    net_lock();
    int r = get_locked(n, out);
    net_unlock();
    return r;
}
