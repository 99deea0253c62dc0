// SPDX-License-Identifier: ISC
/*
 * Network devices as lwIP's interfaces.
 *
 * In: a frame's buffers are lent to lwIP as they lie, unless they would be
 * short of soon or the frame is small. Out: headers and what lies elsewhere
 * are copied into a slot, what lies in the window is sent from there; and
 * segments of one connection that follow each other become one frame, which
 * the other side of the device takes apart again, or need not.
 */
#include "unikernel-runtime/net/device.h"
#include "unikernel-runtime/front/net.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/net/buffer.h"
#include "unikernel-runtime/net/merge.h"
#include "unikernel-runtime/net/net.h"
#include "unikernel-runtime/net/timer.h"

#include <lwip/dhcp.h>
#include <lwip/dns.h>
#include <lwip/etharp.h>
#include <lwip/ethip6.h>
#include <lwip/igmp.h>
#include <lwip/mld6.h>
#include <lwip/nd6.h>
#include <lwip/netif.h>
#include <lwip/priv/tcp_priv.h>
#include <netif/ethernet.h>
#include <stdlib.h>
#include <string.h>

struct device {
    struct device *next;
    struct net_front front; // events are found by it: see kicked
    struct netif netif;
    struct merge merge; // the frame that is being made
    int starved;        // a frame found no slot
    ip6_addr_t gateway6; // any: none was named
};

static struct device *devices;

#define HEADER sizeof(struct virtio_net_header)

// -------------------------------------------------------------------- in

// A frame no larger is copied, so that its buffer goes back at once.
#define COPY_MAX 512

// With fewer buffers left for the device every frame is copied.
#define LENT_MAX (NET_BUFFERS * 3 / 4)

// lwIP's view of a buffer that is lent to it.
struct lent {
    struct pbuf_custom pbuf;
    struct net_buffer *buffer;
};
_Static_assert(sizeof(struct lent) <= sizeof(((struct net_buffer *)0)->user),
               "fits");

static void lent_free(struct pbuf *p)
{
    net_buffer_give(((struct lent *)p)->buffer);
}

static void buffers_give(struct net_buffer *b)
{
    for (struct net_buffer *next; b; b = next) {
        next = b->next;
        net_buffer_give(b);
    }
}

// Without the header, and without as much of the frame's start as `skip`.
static struct pbuf *lend(struct net_buffer *b, size_t skip)
{
    struct pbuf *all = NULL;
    size_t at = HEADER + skip;
    for (struct net_buffer *next; b; b = next, at = 0) {
        next = b->next;
        struct lent *l = (struct lent *)b->user;
        *l = (struct lent){.pbuf = {.custom_free_function = lent_free},
                           .buffer = b};
        size_t len = b->len - at;
        struct pbuf *p = pbuf_alloced_custom(PBUF_RAW, len, PBUF_REF, &l->pbuf,
                                             b->data + at, len);
        if (all)
            pbuf_cat(all, p);
        else
            all = p;
    }
    return all;
}

static struct pbuf *copy(struct net_buffer *b, size_t skip, size_t len)
{
    struct pbuf *p = pbuf_alloc(PBUF_RAW, len, PBUF_RAM);
    char *to = p ? p->payload : NULL;
    size_t at = HEADER + skip;
    for (struct net_buffer *i = b; p && i; i = i->next, at = 0) {
        memcpy(to, i->data + at, i->len - at);
        to += i->len - at;
    }
    buffers_give(b);
    return p;
}

// Does somebody vouch for the checksum? Then lwIP need not look at it.
static int is_checked(const struct virtio_net_header *h)
{
    return h->flags & (VIRTIO_NET_NEEDS_CSUM | VIRTIO_NET_DATA_VALID);
}

#define CHECKS_NONE                                                            \
    (NETIF_CHECKSUM_GEN_IP | NETIF_CHECKSUM_GEN_UDP |                          \
     NETIF_CHECKSUM_GEN_ICMP | NETIF_CHECKSUM_GEN_ICMP6 |                      \
     NETIF_CHECKSUM_CHECK_IP | NETIF_CHECKSUM_CHECK_ICMP |                     \
     NETIF_CHECKSUM_CHECK_ICMP6)
#define CHECKS_ALL                                                             \
    (CHECKS_NONE | NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP)

static void deliver(struct device *d, struct net_buffer *b,
                    const struct virtio_net_header *h)
{
    size_t len = 0;
    for (struct net_buffer *i = b; i; i = i->next)
        len += i->len;
    if (b->len < HEADER + SIZEOF_ETH_HDR || len - HEADER > 0xffff) {
        buffers_give(b);
        return;
    }
    len -= HEADER;
    struct pbuf *p = len <= COPY_MAX || d->front.lent > LENT_MAX
                         ? copy(b, 0, len)
                         : lend(b, 0);
    if (!p)
        return;
    NETIF_SET_CHECKSUM_CTRL(&d->netif,
                            is_checked(h) ? CHECKS_NONE : CHECKS_ALL);
    if (d->netif.input(p, &d->netif) != ERR_OK)
        pbuf_free(p);
}

static void poll_in(struct device *d)
{
    struct virtio_net_header h;
    struct net_buffer *b;
    int any = 0;
    do {
        while ((b = net_receive(&d->front, &h))) {
            if (!any)
                timer_traffic();
            any = 1;
            deliver(d, b, &h);
        }
    } while (net_arm(&d->front));
}

// ------------------------------------------------------------------- out

static void sent(struct net_slot *s)
{
    for (unsigned i = 0; i < s->n; i++)
        buffer_drop(s->piece[i].data, s->piece[i].len);
}

// Sends what was put together.
static void flush_out(struct device *d)
{
    struct net_slot *s = merge_finish(&d->merge);
    if (!s)
        return;
    timer_traffic();
    for (unsigned i = 0; i < s->n; i++)
        buffer_hold(s->piece[i].data, s->piece[i].len);
    if (net_send(&d->front, s) == 0)
        return;
    net_reap(&d->front, 0);
    if (net_send(&d->front, s) == 0)
        return;
    sent(s); // it is lost, as on any link
    net_slot_put(&d->front, s);
}

// Headers and all that does not lie in the window into the slot, the rest by
// reference. 0 if it does not fit.
static int fill(struct net_slot *s, const struct pbuf *p)
{
    for (; p; p = p->next) {
        if (!p->len)
            continue;
        if (s->len && buffer_is_shared(p->payload, p->len)) {
            if (s->n == NET_PIECES_MAX)
                return 0;
            s->piece[s->n++] = (struct virtq_piece){p->payload, p->len};
            continue;
        }
        // Behind a piece there is no way back into the slot.
        if (s->n || s->len + p->len > NET_SLOT_ROOM)
            return 0;
        memcpy(s->data + s->len, p->payload, p->len);
        s->len += p->len;
    }
    return 1;
}

// The same for what is too scattered: all of it into the slot.
static int fill_copied(struct net_slot *s, const struct pbuf *p)
{
    if (p->tot_len > NET_SLOT_ROOM)
        return 0;
    s->n = 0;
    s->len = pbuf_copy_partial(p, s->data, p->tot_len, 0);
    return 1;
}

static err_t output(struct netif *n, struct pbuf *p)
{
    struct device *d = n->state;
    struct net_slot *s = net_slot_get(&d->front);
    if (!s) {
        net_reap(&d->front, 0);
        s = net_slot_get(&d->front);
    }
    if (!s) {
        d->starved = 1;
        return ERR_MEM;
    }
    if (!fill(s, p) && !fill_copied(s, p)) {
        net_slot_put(&d->front, s);
        return ERR_BUF;
    }
    if (merge_add(&d->merge, s)) {
        net_slot_put(&d->front, s);
        return ERR_OK;
    }
    flush_out(d);
    merge_begin(&d->merge, s);
    return ERR_OK;
}

// ------------------------------------------------------------ for net.c

__attribute__((target("general-regs-only"))) static void kicked(struct front *f)
{
    (void)f;
    net_kick();
}

// There are slots again: connections whose segments found none go on.
static void feed(struct device *d)
{
    if (!d->starved || !net_has_room(&d->front))
        return;
    d->starved = 0;
    struct tcp_pcb *next;
    for (struct tcp_pcb *p = tcp_active_pcbs; p && !d->starved; p = next) {
        next = p->next;
        if (p->flags & TF_NAGLEMEMERR)
            tcp_output(p);
    }
}

static void poll_all(void)
{
    for (struct device *d = devices; d; d = d->next) {
        net_reap(&d->front, 0);
        poll_in(d);
        feed(d);
    }
}

static void flush_all(int all)
{
    for (struct device *d = devices; d; d = d->next) {
        // While the device is at work on others, a large frame may grow.
        if (all || !merge_grows(&d->merge) || !net_busy(&d->front))
            flush_out(d);
        // Slots come back when they are needed; only with few of them left
        // the device has to say so.
        if (!net_has_room(&d->front) || d->starved)
            net_reap(&d->front, d->starved);
        net_flush(&d->front);
        if (d->starved && net_has_room(&d->front)) {
            sched_lock();
            net_kick(); // to feed it
            sched_unlock();
        }
    }
}

static int any_busy(void)
{
    for (struct device *d = devices; d; d = d->next)
        if (net_busy(&d->front))
            return 1;
    return 0;
}

static const struct net_device_ops ops = {
    .poll = poll_all, .flush = flush_all, .busy = any_busy};

// ---------------------------------------------------------- configuration

static err_t init(struct netif *n)
{
    struct device *d = n->state;
    n->name[0] = 'e';
    n->name[1] = 'n';
    n->mtu = d->front.mtu;
    n->hwaddr_len = sizeof d->front.mac;
    memcpy(n->hwaddr, d->front.mac, sizeof d->front.mac);
    n->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET |
               NETIF_FLAG_IGMP | NETIF_FLAG_MLD6 | NETIF_FLAG_LINK_UP;
    n->output = etharp_output;
    n->output_ip6 = ethip6_output;
    n->linkoutput = output;
    n->hostname = start_info->domain_name;
    NETIF_SET_CHECKSUM_CTRL(n, CHECKS_ALL);
    return ERR_OK;
}

static int is_set(const uint8_t *ip, size_t len)
{
    while (len--)
        if (*ip++)
            return 1;
    return 0;
}

static void server_add(const uint8_t *ip, size_t len)
{
    if (!is_set(ip, len))
        return;
    ip_addr_t server;
    if (len == 4) {
        ip_addr_set_zero_ip4(&server);
        memcpy(&ip_2_ip4(&server)->addr, ip, 4);
    } else {
        ip_addr_set_zero_ip6(&server);
        memcpy(ip_2_ip6(&server)->addr, ip, 16);
    }
    for (int i = 0; i < DNS_MAX_SERVERS; i++)
        if (ip_addr_isany(dns_getserver(i))) {
            dns_setserver(i, &server);
            return;
        }
}

static void configure_v4(struct netif *n, const struct hv_net_config *c)
{
    ip4_addr_t ip, mask, gateway;
    if (!is_set(c->ipv4, 4)) {
        dhcp_start(n);
        return;
    }
    memcpy(&ip.addr, c->ipv4, 4);
    memcpy(&gateway.addr, c->gateway4, 4);
    unsigned bits = c->prefix4 <= 32 ? c->prefix4 : 32;
    mask.addr = bits ? lwip_htonl(0xffffffffu << (32 - bits)) : 0;
    netif_set_addr(n, &ip, &mask, &gateway);
}

static void configure_v6(struct netif *n, const struct hv_net_config *c)
{
    struct device *d = n->state;
    netif_create_ip6_linklocal_address(n, 1);
    memcpy(d->gateway6.addr, c->gateway6, 16);
    ip6_addr_assign_zone(&d->gateway6, IP6_UNICAST, n);
    netif_set_ip6_autoconfig_enabled(n, 1);
    if (!is_set(c->ipv6, 16))
        return;
    ip6_addr_t ip = {.zone = 0};
    s8_t at;
    memcpy(ip.addr, c->ipv6, 16);
    // The host has seen to it that nobody else has it.
    if (netif_add_ip6_address(n, &ip, &at) != ERR_OK)
        return;
    // lwIP takes who shares 64 bits with a static address to be on the link.
    if (c->prefix6 > 64)
        netif_ip6_addr_set_valid_life(n, at, IP6_ADDR_LIFE_INFINITE);
    netif_ip6_addr_set_state(n, at, IP6_ADDR_PREFERRED);
}

// The router that the host has named; without one, who advertises itself is.
const struct ip6_addr *net_gateway6(struct netif *n, const struct ip6_addr *to)
{
    const struct device *d = devices;

    (void)to;
    while (d && &d->netif != n)
        d = d->next;
    return d && !ip6_addr_isany(&d->gateway6) ? &d->gateway6 : NULL;
}

static void start(unsigned index)
{
    struct device *d = calloc(1, sizeof *d);
    if (!d || net_open(&d->front, index, kicked, sent) < 0)
        return; // the program finds an interface missing
    ip4_addr_t none = {0};
    if (!netif_add(&d->netif, &none, &none, &none, d, init, ethernet_input))
        return;
    d->next = devices;
    devices = d;
    net_devices = &ops;
    buffer_use_window();
    timer_traffic();
    if (!netif_default)
        netif_set_default(&d->netif);
    netif_set_up(&d->netif);
    configure_v4(&d->netif, &d->front.config);
    configure_v6(&d->netif, &d->front.config);
    server_add(d->front.config.dns4, 4);
    server_add(d->front.config.dns6, 16);
}

void net_devices_start(void)
{
    unsigned n = net_count();
    for (unsigned i = 0; i < n; i++)
        start(i);
}
