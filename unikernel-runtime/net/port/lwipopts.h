// SPDX-License-Identifier: ISC
/*
 * lwIP's configuration: its core only. It has no thread, no sockets and no
 * timers of its own; net/net.c gives it a lock, net/timer.c the time, and the
 * rest of net/ makes sockets of it.
 */
#ifndef LWIP_LWIPOPTS_H
#define LWIP_LWIPOPTS_H

#include <stdint.h>

#define NO_SYS                1
#define SYS_LIGHTWEIGHT_PROT  0 // net_lock() guards all of it
#define LWIP_NETCONN          0
#define LWIP_SOCKET           0
#define LWIP_TIMERS           0 // net/timer.c: ticks only while there is need
#define LWIP_STATS            0
#define LWIP_NOASSERT_UNUSED  1

// Memory: the heap, bounded by net_memory_alloc().
void *net_memory_alloc(unsigned long len);
void *net_memory_zalloc(unsigned long n, unsigned long len);
void net_memory_free(void *memory);
#define MEM_LIBC_MALLOC       1
#define mem_clib_malloc       net_memory_alloc
#define mem_clib_calloc       net_memory_zalloc
#define mem_clib_free         net_memory_free
#define MEMP_MEM_MALLOC       1
#define MEM_ALIGNMENT         16
#define MEM_SIZE              0x7fffffff
#define MEMP_OVERFLOW_CHECK   0
#define LWIP_SUPPORT_CUSTOM_PBUF 1
#define PBUF_POOL_SIZE        0
// Room in front of what is sent for the Ethernet header, aligned after it.
#define ETH_PAD_SIZE          0
#define PBUF_LINK_HLEN        16

#define LWIP_IPV4             1
#define LWIP_IPV6             1
#define LWIP_ARP              1
#define LWIP_ETHERNET         1
#define LWIP_ICMP             1
#define LWIP_RAW              1
#define LWIP_UDP              1
#define LWIP_TCP              1
#define LWIP_DNS              1
#define LWIP_DHCP             1
#define LWIP_IGMP             1
#define LWIP_IPV6_MLD         1
#define LWIP_MULTICAST_TX_OPTIONS 1
#define LWIP_MULTICAST_PING   0
#define LWIP_BROADCAST_PING   0
#define IP_FORWARD            0 // a domain is no router
#define LWIP_IPV6_FORWARD     0

// Every interface of a domain and the loopback.
#define LWIP_HAVE_LOOPIF      1
#define LWIP_NETIF_LOOPBACK   1
#define LWIP_LOOPBACK_MAX_PBUFS 1024
#define LWIP_NETIF_HOSTNAME   1
#define LWIP_NETIF_STATUS_CALLBACK 0
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1 // see net/netif.c

// Neighbours.
#define ARP_TABLE_SIZE        64
#define ARP_QUEUEING          1
#define ARP_QUEUE_LEN         8
#define ETHARP_SUPPORT_STATIC_ENTRIES 0
#define ETHARP_TRUST_IP_MAC   0
#define LWIP_ND6_NUM_NEIGHBORS     64
#define LWIP_ND6_NUM_DESTINATIONS  64
#define LWIP_ND6_QUEUEING     1
#define LWIP_ND6_RDNSS_MAX_DNS_SERVERS 3
#define LWIP_ND6_ALLOW_RA_UPDATES  1
#define LWIP_IPV6_AUTOCONFIG  1
#define LWIP_IPV6_NUM_ADDRESSES 4
#define IPV6_FRAG_COPYHEADER  1 // pointers do not fit in the fragment header

// Reassembly holds at most this many pieces, and half as many bytes of 3 KiB.
#define IP_REASSEMBLY         1
#define IP_REASS_MAX_PBUFS    128
#define IP_FRAG               1
#define LWIP_IPV6_REASS       1
#define LWIP_IPV6_FRAG        1
#define MEMP_NUM_REASSDATA    16

// DHCP: a router's word is enough, no ARP probe before the first packet.
#define DHCP_DOES_ARP_CHECK   0
#define LWIP_DHCP_CHECK_LINK_UP 1
#define LWIP_DHCP_GET_NTP_SRV 0
#define LWIP_DHCP_MAX_DNS_SERVERS 3
#define DNS_MAX_SERVERS       3
#define DNS_TABLE_SIZE        16
#define DNS_MAX_REQUESTS      8
#define DNS_MAX_RETRIES       3
#define DNS_LOCAL_HOSTLIST    0
#define LWIP_DNS_SECURE                                                        \
    (LWIP_DNS_SECURE_RAND_XID | LWIP_DNS_SECURE_RAND_SRC_PORT |                \
     LWIP_DNS_SECURE_NO_MULTIPLE_OUTSTANDING)

#define LWIP_RANDOMIZE_INITIAL_LOCAL_PORTS 1
#define SO_REUSE              1
#define SO_REUSE_RXTOALL      1
#define LWIP_TCP_KEEPALIVE    1
#define TCP_LISTEN_BACKLOG    1
#define TCP_DEFAULT_LISTEN_BACKLOG 255

/*
 * TCP. A frame of 64 KiB comes in and goes out in one piece (net/netif.c), so
 * the windows hold a good number of those; what they cost is what is in them.
 */
#define TCP_MSS               1460
#define TCP_CALCULATE_EFF_SEND_MSS 1
#define LWIP_WND_SCALE        1
#define TCP_RCV_SCALE         5
#define TCP_WND               (1024 * 1024)
#define TCP_WND_UPDATE_THRESHOLD (128 * 1024)
#define TCP_SND_BUF           (1024 * 1024)
#define TCP_SND_QUEUELEN      8192
#define TCP_SNDLOWAT          32768 // its sockets' only, but it checks
#define TCP_OVERSIZE          0 // data is written by reference
#define TCP_QUEUE_OOSEQ       1
#define TCP_OOSEQ_MAX_BYTES   TCP_WND
#define LWIP_TCP_SACK_OUT     1
#define LWIP_TCP_MAX_SACK_NUM 4
#define LWIP_TCP_TIMESTAMPS   0
#define TCP_TMR_INTERVAL      50 // delays an ACK by that; least timeout: 300 ms
#define TCP_MSL               15000ul // half of the time in TIME_WAIT, in ms
#define MEMP_NUM_TCP_SEG      TCP_SND_QUEUELEN
#define LWIP_TCP_CLOSE_TIMEOUT_MS_DEFAULT 20000

struct ip_addr;
uint32_t net_tcp_isn(const void *local_ip, uint16_t local_port,
                     const void *remote_ip, uint16_t remote_port);
#define LWIP_HOOK_TCP_ISN(a, b, c, d) net_tcp_isn(a, b, c, d)
struct tcp_pcb;
signed char net_tcp_packet(struct tcp_pcb *pcb, const void *header,
                           unsigned short len, unsigned short first_len,
                           const unsigned char *rest);
#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, hdr, optlen, opt1len, opt2, p)         \
    net_tcp_packet(pcb, hdr, optlen, opt1len, opt2)
#define LWIP_TCP_PCB_NUM_EXT_ARGS 1 // net/sack.c's
struct netif;
struct ip6_addr;
const struct ip6_addr *net_gateway6(struct netif *netif,
                                    const struct ip6_addr *to);
#define LWIP_HOOK_ND6_GET_GW(netif, to) net_gateway6(netif, to)

#endif
