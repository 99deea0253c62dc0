// SPDX-License-Identifier: ISC
// What follows from a lease's number; see network.h.

#include "node-agent/agent/network.h"

#include <stdio.h>
#include <string.h>

void network_prefix(const struct network_config *n,
                    char out[NETWORK_PREFIX_MAX])
{
    snprintf(out, NETWORK_PREFIX_MAX, "hn%06x-", n->id & 0xffffff);
}

/* `first` and so many more, as one large number. */
static void address_add(uint8_t *out, const uint8_t *first, int len,
                        uint32_t more)
{
    uint64_t carry = more;

    for (int i = len - 1; i >= 0; i--) {
        carry += first[i];
        out[i] = carry;
        carry >>= 8;
    }
}

void network_place(const struct network_config *n, uint32_t lease,
                   struct net_place *out)
{
    memset(out, 0, sizeof(*out));
    snprintf(out->name, sizeof(out->name), "hn%06x-%u", n->id & 0xffffff,
             (uint16_t)lease);
    /* Locally administered; nodes on one bridge differ in `id`. */
    out->mac[0] = 0x02;
    out->mac[1] = n->id >> 16;
    out->mac[2] = n->id >> 8;
    out->mac[3] = n->id;
    out->mac[4] = lease >> 8;
    out->mac[5] = lease;
    if (n->bits4)
        address_add(out->ipv4, n->first4, 4, lease - 1);
    if (n->bits6)
        address_add(out->ipv6, n->first6, 16, lease - 1);
}
