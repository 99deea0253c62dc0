// SPDX-License-Identifier: ISC
// ICMPv6's header and types.
#ifndef _NETINET_ICMP6_H
#define _NETINET_ICMP6_H

#include <netinet/in.h>

#define ICMP6_DST_UNREACH  1
#define ICMP6_ECHO_REQUEST 128
#define ICMP6_ECHO_REPLY   129

struct icmp6_hdr {
    uint8_t icmp6_type, icmp6_code;
    uint16_t icmp6_cksum;
    uint16_t icmp6_id, icmp6_seq;
};

#endif
