// SPDX-License-Identifier: ISC
// The node's rules in nftables; see rules.h.

#include "node-agent/netd/rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <string.h>

/* What a domain may still send to the node itself: questions for its gateway's
 * address, and pings, seldom. Everything else of the node, its API above all,
 * does not answer domains. */
#define TO_THE_NODE                                                            \
    "    ct state established accept\n"                                        \
    "    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n"     \
    "    icmp type echo-request limit rate 20/second accept\n"                 \
    "    icmpv6 type echo-request limit rate 20/second accept\n"               \
    "    jump refuse\n"

/* Whoever waits for a connection learns at once that there will be none. */
#define REFUSE                                                                 \
    "  chain refuse {\n"                                                       \
    "    meta l4proto tcp reject with tcp reset\n"                             \
    "    reject with icmpx type admin-prohibited\n"                            \
    "  }\n"

/* Of a domain's own making, from its link-local address or from nowhere: the
 * monitor has looked inside. What else IPv6 does on a link (questions for
 * routers, memberships) has nobody to hear it. */
#define NEIGHBOURS                                                             \
    "    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } "             \
    "ip6 saddr { ::, fe80::/10 } return\n"                                     \
    "    ip6 saddr { ::, fe80::/10 } ip6 daddr ff00::/8 drop\n"

static bool is_set(const uint8_t *p, size_t n)
{
    while (n--)
        if (*p++)
            return true;
    return false;
}

static const char *text4(char out[INET6_ADDRSTRLEN], const uint8_t *a)
{
    return inet_ntop(AF_INET, a, out, INET6_ADDRSTRLEN);
}

static const char *text6(char out[INET6_ADDRSTRLEN], const uint8_t *a)
{
    return inet_ntop(AF_INET6, a, out, INET6_ADDRSTRLEN);
}

uint32_t rules_mark(const struct network_config *n, uint32_t lease)
{
    return (n->id & 0x7fff) << 16 | 0x80000000u | (lease & 0xffff);
}

/* All marks of the node's begin so. */
static uint32_t mark_node(const struct network_config *n)
{
    return rules_mark(n, 0);
}

static int table_new(struct buf *out, const char *family, uint32_t id)
{
    /* To delete what may not be there, it is made first. */
    return buf_printf(out,
                      "add table %s hostel_%06x\ndelete table %s hostel_%06x\n",
                      family, id, family, id);
}

static int shut_sets(const struct network_config *n, struct buf *out)
{
    char a[INET6_ADDRSTRLEN];
    int r = 0;

    for (int six = 0; six < 2 && r == 0; six++) {
        const char *comma = "";

        r = buf_printf(out,
                       "  set shut%d { type ipv%d_addr; flags interval; "
                       "auto-merge; ",
                       six ? 6 : 4, six ? 6 : 4);
        for (uint32_t i = 0; i < n->nshut && r == 0; i++) {
            const struct network_range *s = &n->shut[i];

            if (s->is6 != six)
                continue;
            r = buf_printf(out, "%s%s/%u", *comma ? comma : "elements = { ",
                           six ? text6(a, s->address) : text4(a, s->address),
                           s->bits);
            comma = ", ";
        }
        if (r == 0)
            r = buf_printf(out, "%s}\n", *comma ? " } " : "");
    }
    return r;
}

/* A name server is reached even in a range that is shut. */
static int dns_rules(const struct network_config *n, const char *then,
                     struct buf *out)
{
    char a[INET6_ADDRSTRLEN];
    int r = 0;

    if (is_set(n->dns4, 4))
        r = buf_printf(
            out, "    ip daddr %s meta l4proto { tcp, udp } th dport 53 %s\n",
            text4(a, n->dns4), then);
    if (r == 0 && is_set(n->dns6, 16))
        r = buf_printf(
            out, "    ip6 daddr %s meta l4proto { tcp, udp } th dport 53 %s\n",
            text6(a, n->dns6), then);
    return r;
}

/* Where packets are routed through the node: nat and routed. */
static int through_chains(const struct network_config *n, const char *p,
                          struct buf *out)
{
    int r = buf_printf(out, "  chain out {\n"
                            "    ct state established,related accept\n");

    if (r == 0)
        r = dns_rules(n, "ct mark set iifname map @marks accept", out);
    if (r == 0)
        r = buf_printf(out,
                       "    ip daddr @shut4 jump refuse\n"
                       "    ip6 daddr @shut6 jump refuse\n"
                       "    ct mark set iifname map @marks accept\n"
                       "  }\n"
                       "  chain into {\n"
                       "    ct state established,related accept\n"
                       "    %sct mark set oifname map @marks accept\n"
                       "    drop\n"
                       "  }\n",
                       n->mode == NET_ROUTED ? "" : "ct status dnat ");
    /* Between domains nothing is let through for having been so before: the
     * one of an address may be another now. */
    if (r == 0)
        r = buf_printf(
            out,
            "  chain through {\n"
            "    type filter hook forward priority filter - 5; policy "
            "accept;\n"
            "    iifname \"%s*\" oifname \"%s*\" iifname . oifname @linked "
            "ct mark set iifname map @marks accept\n"
            "    iifname \"%s*\" oifname \"%s*\" jump refuse\n"
            "    iifname \"%s*\" jump out\n"
            "    oifname \"%s*\" jump into\n"
            "  }\n",
            p, p, p, p, p, p);
    return r;
}

static int publish_chains(const char *p, struct buf *out)
{
    static const char to_domain[] =
        "    fib daddr type local dnat ip to meta l4proto . th dport map "
        "@published4\n"
        "    fib daddr type local dnat ip6 to meta l4proto . th dport map "
        "@published6\n";

    return buf_printf(
        out,
        "  chain published {\n"
        "    type nat hook prerouting priority dstnat; policy accept;\n"
        "    iifname \"%s*\" return\n"
        "%s"
        "  }\n"
        "  chain published_here {\n"
        "    type nat hook output priority -100; policy accept;\n"
        "    ip daddr 127.0.0.0/8 return\n"
        "    ip6 daddr ::1 return\n"
        "%s"
        "  }\n",
        p, to_domain, to_domain);
}

static int names_chain(const struct network_config *n, const char *p,
                       struct buf *out)
{
    char a[INET6_ADDRSTRLEN];
    int r = buf_printf(out,
                       "  chain names {\n"
                       "    type nat hook postrouting priority srcnat; policy "
                       "accept;\n"
                       "    oifname \"%s*\" return\n",
                       p);

    if (r == 0 && n->bits4)
        r = buf_printf(out, "    ip saddr %s/%u masquerade\n",
                       text4(a, n->first4), n->bits4);
    if (r == 0 && n->bits6)
        r = buf_printf(out, "    ip6 saddr %s/%u masquerade\n",
                       text6(a, n->first6), n->bits6);
    return r < 0 ? r : buf_printf(out, "  }\n");
}

static int routed_table(const struct network_config *n, const char *p,
                        struct buf *out)
{
    int r = buf_printf(
        out,
        "table inet hostel_%06x {\n"
        "  set own4 { type ifname . ether_addr . ipv4_addr; }\n"
        "  set own6 { type ifname . ether_addr . ipv6_addr; }\n"
        "  set linked { type ifname . ifname; }\n"
        "  map marks { type ifname : mark; }\n"
        "  map published4 { type inet_proto . inet_service : ipv4_addr "
        ". inet_service; }\n"
        "  map published6 { type inet_proto . inet_service : ipv6_addr "
        ". inet_service; }\n"
        "  counter spoofed { }\n",
        n->id);

    if (r == 0)
        r = shut_sets(n, out);
    if (r == 0)
        r = buf_printf(
            out,
            "  chain own {\n"
            "    type filter hook prerouting priority raw; policy accept;\n"
            "    iifname != \"%s*\" return\n"
            "    iifname . ether saddr . ip saddr @own4 return\n"
            "    iifname . ether saddr . ip6 saddr @own6 return\n" NEIGHBOURS
            "    counter name spoofed drop\n"
            "  }\n" REFUSE "  chain in {\n"
            "    type filter hook input priority filter - 5; policy "
            "accept;\n"
            "    iifname != \"%s*\" return\n" TO_THE_NODE "  }\n",
            p, p);
    if (r == 0)
        r = through_chains(n, p, out);
    if (r == 0)
        r = publish_chains(p, out);
    if (r == 0 && n->mode == NET_NAT)
        r = names_chain(n, p, out);
    return r < 0 ? r : buf_printf(out, "}\n");
}

/*
 * On the operator's bridge: what goes from port to port, and by a mark what
 * goes to the node itself. Not every kernel tracks connections on bridges or
 * can refuse on them, so what is shut is closed to whoever begins, packet by
 * packet, and what is not let through is dropped.
 */
static int bridge_tables(const struct network_config *n, const char *p,
                         struct buf *out)
{
    int r = buf_printf(out,
                       "table bridge hostel_%06x {\n"
                       "  set own4 { type ifname . ether_addr . ipv4_addr; }\n"
                       "  set own6 { type ifname . ether_addr . ipv6_addr; }\n"
                       "  set linked { type ifname . ifname; }\n"
                       "  counter spoofed { }\n",
                       n->id);

    if (r == 0)
        r = shut_sets(n, out);
    if (r == 0)
        r = buf_printf(
            out,
            "  chain own {\n"
            "    type filter hook prerouting priority -300; policy "
            "accept;\n"
            "    iifname != \"%s*\" return\n"
            "    meta mark set 0x%08x\n"
            "    iifname . ether saddr . ip saddr @own4 return\n"
            "    ether type arp iifname . arp saddr ether . arp saddr ip "
            "@own4 return\n"
            "    iifname . ether saddr . ip6 saddr @own6 return\n" NEIGHBOURS
            "    counter name spoofed drop\n"
            "  }\n"
            "  chain through {\n"
            "    type filter hook forward priority 0; policy accept;\n"
            "    iifname \"%s*\" oifname \"%s*\" iifname . oifname @linked "
            "accept\n"
            "    iifname \"%s*\" oifname \"%s*\" drop\n"
            "    iifname != \"%s*\" return\n"
            "    tcp flags & (syn | ack) != syn accept\n"
            "    icmp type echo-reply accept\n"
            "    icmpv6 type echo-reply accept\n",
            p, mark_node(n), p, p, p, p, p);
    if (r == 0)
        r = dns_rules(n, "accept", out);
    if (r == 0)
        r = buf_printf(
            out,
            "    ip daddr @shut4 drop\n"
            "    ip6 daddr ff02::/16 accept\n" /* neighbour discovery */
            "    ip6 daddr @shut6 drop\n"
            "  }\n"
            "}\n"
            "table inet hostel_%06x {\n" REFUSE "  chain in {\n"
            "    type filter hook input priority filter - 5; policy "
            "accept;\n"
            "    meta mark != 0x%08x return\n" TO_THE_NODE "  }\n"
            "}\n",
            n->id, mark_node(n));
    return r;
}

int rules_none(const struct network_config *n, struct buf *out)
{
    int r = table_new(out, "inet", n->id);

    return r < 0 ? r : table_new(out, "bridge", n->id);
}

int rules_base(const struct network_config *n, struct buf *out)
{
    char p[NETWORK_PREFIX_MAX];
    int r = rules_none(n, out);

    network_prefix(n, p);
    if (r == 0 && n->mode == NET_BRIDGE)
        r = bridge_tables(n, p, out);
    else if (r == 0 && n->mode != NET_NONE)
        r = routed_table(n, p, out);
    return r;
}

/* ---------------------------------------------------------------- elements */

static const char *verb(bool add)
{
    return add ? "add" : "delete";
}

static const char *family(const struct network_config *n)
{
    return n->mode == NET_BRIDGE ? "bridge" : "inet";
}

static int published(const struct network_config *n, const struct net_place *p,
                     const struct net_publish *u, bool add, struct buf *out)
{
    const char *protocol = u->protocol == NET_UDP ? "udp" : "tcp";
    char a[INET6_ADDRSTRLEN];
    int r = 0;

    for (int six = 0; six < 2 && r == 0; six++) {
        if (!(six ? n->bits6 : n->bits4))
            continue;
        r = buf_printf(out, "%s element inet hostel_%06x published%d { %s . %u",
                       verb(add), n->id, six ? 6 : 4, protocol, u->host_port);
        if (r == 0 && add)
            r = buf_printf(out, " : %s . %u",
                           six ? text6(a, p->ipv6) : text4(a, p->ipv4),
                           u->port);
        if (r == 0)
            r = buf_printf(out, " }\n");
    }
    return r;
}

int rules_lease(const struct network_config *n, const struct msg_net *m,
                bool add, struct buf *out)
{
    char a[INET6_ADDRSTRLEN], mac[18];
    struct net_place p;
    int r = 0;

    network_place(n, m->number, &p);
    snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", p.mac[0],
             p.mac[1], p.mac[2], p.mac[3], p.mac[4], p.mac[5]);
    if (n->bits4)
        r = buf_printf(
            out, "%s element %s hostel_%06x own4 { \"%s\" . %s . %s }\n",
            verb(add), family(n), n->id, p.name, mac, text4(a, p.ipv4));
    if (r == 0 && n->bits6)
        r = buf_printf(
            out, "%s element %s hostel_%06x own6 { \"%s\" . %s . %s }\n",
            verb(add), family(n), n->id, p.name, mac, text6(a, p.ipv6));
    if (n->mode == NET_BRIDGE)
        return r;
    if (r == 0)
        r = buf_printf(out, "%s element inet hostel_%06x marks { \"%s\"",
                       verb(add), n->id, p.name);
    if (r == 0 && add)
        r = buf_printf(out, " : 0x%08x", rules_mark(n, m->number));
    if (r == 0)
        r = buf_printf(out, " }\n");
    for (uint32_t i = 0; i < m->npublish && r == 0; i++)
        r = published(n, &p, &m->publish[i], add, out);
    return r;
}

int rules_pair(const struct network_config *n, uint32_t a, uint32_t b, bool add,
               struct buf *out)
{
    struct net_place one, other;

    network_place(n, a, &one);
    network_place(n, b, &other);
    return buf_printf(
        out,
        "%s element %s hostel_%06x linked { \"%s\" . \"%s\", \"%s\" . "
        "\"%s\" }\n",
        verb(add), family(n), n->id, one.name, other.name, other.name,
        one.name);
}

/* --------------------------------------------------------------- the kernel */

int rules_apply(const struct buf *text, struct err *e)
{
    static struct nft_ctx *nft;
    const char *why;
    int r;

    if (!nft) {
        nft = nft_ctx_new(NFT_CTX_DEFAULT);
        if (!nft)
            return err_set(e, ENOMEM, "no memory for nftables");
        nft_ctx_buffer_error(nft);
        nft_ctx_buffer_output(nft);
    }
    r = nft_run_cmd_from_buffer(nft, buf_str(text));
    if (r == 0)
        return 0;
    why = nft_ctx_get_error_buffer(nft);
    return err_set(e, EIO, "nftables: %.*s",
                   (int)strcspn(why ? why : "refused", "\n"),
                   why && *why ? why : "refused");
}
