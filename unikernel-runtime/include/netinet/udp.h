// SPDX-License-Identifier: ISC
#ifndef _NETINET_UDP_H
#define _NETINET_UDP_H

#include <stdint.h>

#define SOL_UDP 17

struct udphdr {
    uint16_t uh_sport, uh_dport, uh_ulen, uh_sum;
};

#endif
