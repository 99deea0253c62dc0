// SPDX-License-Identifier: ISC
// What a domain may send; see net_filter.h.

#include "hypervisor/dev/net_filter.h"

#include <stdbool.h>
#include <string.h>

enum { TYPE_IPV4 = 0x0800, TYPE_ARP = 0x0806, TYPE_IPV6 = 0x86dd };
enum {
    NEXT_HOP_BY_HOP = 0,
    NEXT_TCP = 6,
    NEXT_UDP = 17,
    NEXT_ROUTING = 43,
    NEXT_FRAGMENT = 44,
    NEXT_ICMPV6 = 58,
    NEXT_OPTIONS = 60
};
enum {
    ND_ROUTER_SOLICIT = 133,
    ND_ROUTER_ADVERT = 134,
    ND_SOLICIT = 135,
    ND_ADVERT = 136,
    ND_REDIRECT = 137
};

static uint16_t get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static bool is_zero(const uint8_t *p, size_t n)
{
    while (n--)
        if (*p++)
            return false;
    return true;
}

static bool owns4(const struct hvc_net *n, const uint8_t *ip)
{
    if (n->flags & HVC_NET_ANY_IP)
        return true;
    for (unsigned i = 0; i < HVC_NET_ADDRESSES; i++)
        if (memcmp(n->ipv4[i], ip, 4) == 0 && !is_zero(ip, 4))
            return true;
    return false;
}

// One of its own, or any that is made from its MAC address: the link-local
// one, and what routers hand out prefixes for.
static bool owns6(const struct hvc_net *n, const uint8_t *ip)
{
    const uint8_t *m = n->mac;
    const uint8_t made[8] = {m[0] ^ 2, m[1], m[2], 0xff,
                             0xfe,     m[3], m[4], m[5]};

    if (n->flags & HVC_NET_ANY_IP)
        return true;
    if (memcmp(ip + 8, made, 8) == 0 && ip[0] != 0xff)
        return true;
    for (unsigned i = 0; i < HVC_NET_ADDRESSES; i++)
        if (memcmp(n->ipv6[i], ip, 16) == 0 && !is_zero(ip, 16))
            return true;
    return false;
}

static const char *check_arp(const struct hvc_net *n, const uint8_t *p,
                             size_t len)
{
    static const uint8_t ethernet_ipv4[] = {0, 1, 8, 0, 6, 4};

    if (len < 28 || memcmp(p, ethernet_ipv4, sizeof(ethernet_ipv4)))
        return "a malformed ARP packet";
    if (memcmp(p + 8, n->mac, 6))
        return "ARP with another's MAC address";
    // A probe asks without a name of its own.
    if (is_zero(p + 14, 4) && get16(p + 6) == 1)
        return NULL;
    return owns4(n, p + 14) ? NULL : "ARP with another's IPv4 address";
}

// From nowhere one may only ask for an address.
static bool is_dhcp_question(const uint8_t *p, size_t len)
{
    size_t ihl = (p[0] & 15) * 4u;

    return p[9] == NEXT_UDP && ihl >= 20 && len >= ihl + 8 &&
           !(get16(p + 6) & 0x3fff) && get16(p + ihl) == 68 &&
           get16(p + ihl + 2) == 67;
}

static const char *check_ipv4(const struct hvc_net *n, const uint8_t *p,
                              size_t len)
{
    if (len < 20 || p[0] >> 4 != 4)
        return "a malformed IPv4 packet";
    if (is_zero(p + 12, 4) && is_dhcp_question(p, len))
        return NULL;
    return owns4(n, p + 12) ? NULL : "another's IPv4 address";
}

// The options of neighbour discovery that name a link-layer address.
static const char *check_nd_options(const struct hvc_net *n, const uint8_t *p,
                                    size_t len)
{
    while (len >= 8) {
        size_t size = p[1] * 8u;

        if (size == 0 || size > len)
            return "malformed neighbour discovery";
        if ((p[0] == 1 || p[0] == 2) && memcmp(p + 2, n->mac, 6))
            return "neighbour discovery with another's MAC address";
        p += size;
        len -= size;
    }
    return NULL;
}

static const char *check_icmpv6(const struct hvc_net *n, const uint8_t *p,
                                size_t len)
{
    if (len < 4)
        return "a malformed ICMPv6 packet";
    switch (p[0]) {
    case ND_ROUTER_ADVERT:
    case ND_REDIRECT:
        return "a router's ICMPv6 message";
    case ND_ROUTER_SOLICIT:
        return len < 8 ? "malformed neighbour discovery"
                       : check_nd_options(n, p + 8, len - 8);
    case ND_SOLICIT:
        return len < 24 ? "malformed neighbour discovery"
                        : check_nd_options(n, p + 24, len - 24);
    case ND_ADVERT:
        if (len < 24)
            return "malformed neighbour discovery";
        if (!owns6(n, p + 8))
            return "an advertisement of another's IPv6 address";
        return check_nd_options(n, p + 24, len - 24);
    default:
        return NULL;
    }
}

static const char *check_ipv6(const struct hvc_net *n, const uint8_t *p,
                              size_t len)
{
    bool anonymous, fragment = false;
    size_t at = 40;
    uint8_t next;

    if (len < 40 || p[0] >> 4 != 6)
        return "a malformed IPv6 packet";
    anonymous = is_zero(p + 8, 16);
    if (!anonymous && !owns6(n, p + 8))
        return "another's IPv6 address";
    // To what is carried, past the extension headers.
    for (next = p[6]; next == NEXT_HOP_BY_HOP || next == NEXT_ROUTING ||
                      next == NEXT_OPTIONS || next == NEXT_FRAGMENT;) {
        if (at + 8 > len)
            return "IPv6 extension headers without an end";
        fragment |= next == NEXT_FRAGMENT;
        next = p[at];
        at += fragment ? 8 : p[at + 1] * 8u + 8;
        if (fragment)
            break;
    }
    if (fragment && next == NEXT_ICMPV6 && anonymous)
        return "ICMPv6 in fragments from nowhere";
    if (next == NEXT_ICMPV6 && !fragment) {
        if (at > len)
            return "IPv6 extension headers without an end";
        return check_icmpv6(n, p + at, len - at);
    }
    return anonymous ? "IPv6 from nowhere" : NULL;
}

const char *net_filter(const struct hvc_net *n, const uint8_t *head, size_t len)
{
    const uint8_t *p = head + NET_ETHERNET;

    if (len < NET_ETHERNET || len > NET_FRAME_MAX)
        return "a frame too short or too long";
    if (memcmp(head + 6, n->mac, 6))
        return "another's MAC address";
    if (len > NET_HEAD)
        len = NET_HEAD;
    switch (get16(head + 12)) {
    case TYPE_ARP:
        return check_arp(n, p, len - NET_ETHERNET);
    case TYPE_IPV4:
        return check_ipv4(n, p, len - NET_ETHERNET);
    case TYPE_IPV6:
        return check_ipv6(n, p, len - NET_ETHERNET);
    default:
        return "neither ARP nor IP";
    }
}

// Where TCP's header begins in a frame to be segmented; 0: it is none.
static size_t tcp_at(const uint8_t *head, size_t len, uint8_t gso)
{
    const uint8_t *p = head + NET_ETHERNET;

    if (gso == VIRTIO_NET_HDR_GSO_TCPV4) {
        size_t ihl = (p[0] & 15) * 4u;

        if (len < NET_ETHERNET + 40 || get16(head + 12) != TYPE_IPV4 ||
            p[0] >> 4 != 4 || ihl < 20 || p[9] != NEXT_TCP ||
            get16(p + 6) & 0x3fff)
            return 0;
        return NET_ETHERNET + ihl;
    }
    if (len < NET_ETHERNET + 60 || get16(head + 12) != TYPE_IPV6 ||
        p[0] >> 4 != 6 || p[6] != NEXT_TCP)
        return 0;
    return NET_ETHERNET + 40;
}

static const char *check_gso(const struct hvc_net *n,
                             const struct virtio_net_hdr_v1 *h,
                             const uint8_t *head, size_t len)
{
    size_t tcp, headers;

    if (!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
        return "segmentation without a checksum";
    tcp = tcp_at(head, len, h->gso_type);
    if (!tcp || tcp + 20 > len || tcp + 20 > NET_HEAD)
        return "segmentation of what is not TCP";
    headers = tcp + (head[tcp + 12] >> 4) * 4u;
    if (headers < tcp + 20 || headers >= len || h->csum_start != tcp ||
        h->csum_offset != 16)
        return "segmentation of a malformed TCP segment";
    if (h->gso_size < 8 || h->gso_size + headers > n->mtu + NET_ETHERNET)
        return "segments of a size that does not fit the link";
    return NULL;
}

const char *net_header_check(const struct hvc_net *n,
                             const struct virtio_net_hdr_v1 *h,
                             const uint8_t *head, size_t len)
{
    if (h->flags & ~VIRTIO_NET_HDR_F_NEEDS_CSUM)
        return "unknown flags in its header";
    if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
        (h->csum_start < NET_ETHERNET || h->csum_offset > 16 ||
         h->csum_start + h->csum_offset + 2u > len))
        return "a checksum outside the frame";
    if (h->gso_type == VIRTIO_NET_HDR_GSO_NONE)
        return len > n->mtu + NET_ETHERNET ? "a frame too long for the link"
                                           : NULL;
    if (h->gso_type != VIRTIO_NET_HDR_GSO_TCPV4 &&
        h->gso_type != VIRTIO_NET_HDR_GSO_TCPV6)
        return "a kind of segmentation that was not offered";
    return check_gso(n, h, head, len);
}
