// SPDX-License-Identifier: ISC
// TCP's socket options, and its header.
#ifndef _NETINET_TCP_H
#define _NETINET_TCP_H

#include <stdint.h>

#define TCP_NODELAY      1
#define TCP_MAXSEG       2
#define TCP_CORK         3
#define TCP_KEEPIDLE     4
#define TCP_KEEPINTVL    5
#define TCP_KEEPCNT      6
#define TCP_SYNCNT       7
#define TCP_LINGER2      8
#define TCP_DEFER_ACCEPT 9
#define TCP_WINDOW_CLAMP 10
#define TCP_INFO         11
#define TCP_QUICKACK     12
#define TCP_CONGESTION   13
#define TCP_USER_TIMEOUT 18
#define TCP_FASTOPEN     23

#define SOL_TCP 6

struct tcphdr {
    uint16_t th_sport, th_dport;
    uint32_t th_seq, th_ack;
    uint8_t th_x2 : 4, th_off : 4;
    uint8_t th_flags;
    uint16_t th_win, th_sum, th_urp;
};
#define TH_FIN  0x01
#define TH_SYN  0x02
#define TH_RST  0x04
#define TH_PUSH 0x08
#define TH_ACK  0x10
#define TH_URG  0x20

#endif
