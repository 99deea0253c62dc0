// SPDX-License-Identifier: ISC
// ICMP's header and types.
#ifndef _NETINET_IP_ICMP_H
#define _NETINET_IP_ICMP_H

#include <netinet/ip.h>
#include <stdint.h>

#define ICMP_ECHOREPLY     0
#define ICMP_DEST_UNREACH  3
#define ICMP_UNREACH       3
#define ICMP_ECHO          8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_MINLEN        8

struct icmphdr {
    uint8_t type, code;
    uint16_t checksum;
    union {
        struct {
            uint16_t id, sequence;
        } echo;
        uint32_t gateway;
    } un;
};

struct icmp {
    uint8_t icmp_type, icmp_code;
    uint16_t icmp_cksum;
    uint16_t icmp_id, icmp_seq;
    uint8_t icmp_data[1];
};

#endif
