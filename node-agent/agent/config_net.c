// SPDX-License-Identifier: ISC
// The network's part of the configuration; see config_net.h.

#include "node-agent/agent/config_net.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What only an operator who wants that lets strangers' code reach. */
static const char *const shut_default[] = {
    "0.0.0.0/8",      /* this network */
    "10.0.0.0/8",     /* private, RFC 1918 */
    "100.64.0.0/10",  /* carriers' */
    "127.0.0.0/8",    /* loopback */
    "169.254.0.0/16", /* link-local, clouds' metadata */
    "172.16.0.0/12",  /* private */
    "192.168.0.0/16", /* private */
    "224.0.0.0/3",    /* multicast, reserved, broadcast */
    "::/8",           /* loopback, mapped IPv4 */
    "fc00::/7",       /* private, RFC 4193 */
    "fe80::/10",      /* link-local */
    "ff00::/8",       /* multicast */
};

static bool is_set(const uint8_t *p, size_t n)
{
    while (n--)
        if (*p++)
            return true;
    return false;
}

/* An address: 4 or 16 bytes; 0: it is none. */
static int address_parse(const char *text, uint8_t out[16])
{
    memset(out, 0, 16);
    if (inet_pton(AF_INET, text, out) == 1)
        return 4;
    return inet_pton(AF_INET6, text, out) == 1 ? 16 : 0;
}

static const char *address_text(char out[INET6_ADDRSTRLEN], const uint8_t *a,
                                int len)
{
    return inet_ntop(len == 4 ? AF_INET : AF_INET6, a, out, INET6_ADDRSTRLEN);
}

static int bits_parse(const char *text, int len)
{
    char *end;
    long bits = strtol(text, &end, 10);

    return *text >= '0' && *text <= '9' && !*end && bits <= len * 8 ? (int)bits
                                                                    : -1;
}

/* All bits behind the first `bits` become `one`. */
static void host_bits(uint8_t *a, int len, unsigned bits, bool one)
{
    for (unsigned i = bits; i < (unsigned)len * 8; i++)
        if (one)
            a[i / 8] |= 0x80 >> i % 8;
        else
            a[i / 8] &= ~(0x80 >> i % 8);
}

/* The distance of two addresses, at most LEASES_MAX; -1: b is before a. */
static int64_t distance(const uint8_t *a, const uint8_t *b, int len)
{
    uint64_t high = 0, d = 0;
    int borrow = 0;

    if (memcmp(b, a, len) < 0)
        return -1;
    for (int i = len - 1; i >= 0; i--) {
        int x = b[i] - a[i] - borrow;

        borrow = x < 0;
        if (len - 1 - i < 4)
            d |= (uint64_t)(uint8_t)x << 8 * (len - 1 - i);
        else
            high |= (uint8_t)x;
    }
    return high || d > LEASES_MAX ? LEASES_MAX : (int64_t)d;
}

static void step(uint8_t *a, int len, int by)
{
    for (int i = len - 1; i >= 0; i--) {
        int x = a[i] + by;

        a[i] = x;
        by = x > 255 ? 1 : x < 0 ? -1 : 0;
        if (!by)
            return;
    }
}

/* A family's subnet, and which of its addresses are domains'. */
struct pool {
    const char *key;
    int len; /* of an address */
    uint8_t *first, *gateway;
    uint32_t *bits;
    uint32_t count;
};

/* "10.77.0.0/16", or "192.168.1.100-192.168.1.199/24" for some of it. */
static int pool_set(struct pool *p, const char *text, bool own, struct err *e)
{
    uint8_t first[16], last[16], base[16];
    char copy[96], *slash, *dash;
    int bits;

    snprintf(copy, sizeof(copy), "%s", text);
    slash = strchr(copy, '/');
    if (slash)
        *slash = 0;
    bits = slash ? bits_parse(slash + 1, p->len) : -1;
    dash = strchr(copy, '-');
    if (dash)
        *dash = 0;
    if (bits < 1 || address_parse(copy, first) != p->len ||
        (dash && address_parse(dash + 1, last) != p->len))
        return err_set(e, EINVAL,
                       "%s must be a subnet like %s, or some of its addresses "
                       "like %s, not \"%s\"",
                       p->key, p->len == 4 ? "10.77.0.0/16" : "fd00:77::/64",
                       p->len == 4 ? "10.77.0.10-10.77.0.99/16"
                                   : "fd00:77::10-fd00:77::99/64",
                       text);
    memcpy(base, first, p->len);
    host_bits(base, p->len, bits, false);
    if (!dash) {
        /* All but the network's own, the gateway's and the broadcast's. */
        if (bits > p->len * 8 - 3)
            return err_set(e, EINVAL, "%s: \"%s\" is too small a subnet",
                           p->key, text);
        if (memcmp(base, first, p->len))
            return err_set(e, EINVAL,
                           "%s: \"%s\" has bits set behind its first %d",
                           p->key, text, bits);
        memcpy(last, base, p->len);
        host_bits(last, p->len, bits, true);
        step(last, p->len, -1);
        step(first, p->len, 2);
    }
    memcpy(p->first, first, p->len);
    host_bits(first, p->len, bits, false);
    host_bits(last, p->len, bits, false);
    if (memcmp(first, last, p->len))
        return err_set(e, EINVAL, "%s: \"%s\" leaves its subnet", p->key, text);
    *p->bits = bits;
    if (own) {
        memcpy(p->gateway, base, p->len);
        step(p->gateway, p->len, 1);
    }
    return 0;
}

/* How many leases the text allows; it was good before. */
static uint32_t pool_count(const char *text, int len)
{
    uint8_t first[16], last[16];
    char copy[96], *slash, *dash;
    int64_t d;

    snprintf(copy, sizeof(copy), "%s", text);
    slash = strchr(copy, '/');
    *slash = 0;
    dash = strchr(copy, '-');
    if (dash)
        *dash = 0;
    address_parse(copy, first);
    if (dash) {
        address_parse(dash + 1, last);
    } else {
        memcpy(last, first, sizeof(last));
        host_bits(last, len, bits_parse(slash + 1, len), true);
        step(last, len, -1);
        step(first, len, 2);
    }
    d = distance(first, last, len) + 1;
    return d > LEASES_MAX ? LEASES_MAX : d < 0 ? 0 : (uint32_t)d;
}

static int mode_set(struct network_config *n, const char *text, struct err *e)
{
    if (!text)
        return 0;
    for (uint32_t m = NET_NONE; m <= NET_BRIDGE; m++)
        if (strcmp(text, net_mode_name(m)) == 0) {
            n->mode = m;
            return 0;
        }
    return err_set(e, EINVAL,
                   "network is \"none\", \"nat\", \"routed\" or \"bridge\", "
                   "not \"%s\"",
                   text);
}

static int name_set(char *out, const char *key, const char *text, struct err *e)
{
    if (!text)
        return 0;
    if (strpbrk(text, "/% \t\""))
        return err_set(e, EINVAL, "%s \"%s\" is no name of an interface", key,
                       text);
    strcpy(out, text);
    return 0;
}

static int servers_set(uint8_t four[4], uint8_t six[16], const char *key,
                       const struct cfg_list *list, struct err *e)
{
    uint8_t a[16];

    if (!list->item)
        return 0;
    memset(four, 0, 4);
    memset(six, 0, 16);
    for (size_t i = 0; i < list->n; i++) {
        int len = address_parse(list->item[i], a);

        if (!len)
            return err_set(e, EINVAL, "%s has \"%s\", which is no address", key,
                           list->item[i]);
        if (is_set(len == 4 ? four : six, len))
            return err_set(e, EINVAL, "%s takes one address of a kind", key);
        memcpy(len == 4 ? four : six, a, len);
    }
    return 0;
}

static int range_add(struct network_config *n, const char *text, struct err *e)
{
    struct network_range *r = &n->shut[n->nshut];
    char copy[64], *slash;
    int len, bits;

    snprintf(copy, sizeof(copy), "%s", text);
    slash = strchr(copy, '/');
    if (slash)
        *slash = 0;
    memset(r, 0, sizeof(*r));
    len = address_parse(copy, r->address);
    bits = slash ? bits_parse(slash + 1, len) : len * 8;
    if (!len || bits < 0)
        return err_set(e, EINVAL,
                       "network_shut has \"%s\": it takes addresses and "
                       "subnets like 192.168.0.0/16",
                       text);
    r->is6 = len == 16;
    r->bits = bits;
    host_bits(r->address, len, bits, false);
    n->nshut++;
    return 0;
}

static int shut_set(struct network_config *n, const struct cfg_list *list,
                    struct err *e)
{
    int r = 0;

    if (!list->item)
        return 0;
    n->nshut = 0;
    memset(n->shut, 0, sizeof(n->shut));
    for (size_t i = 0; i < list->n && r == 0; i++)
        r = range_add(n, list->item[i], e);
    return r;
}

static int publish_set(struct network_config *n, const char *text,
                       struct err *e)
{
    unsigned first, last;
    char rest;

    if (!text)
        return 0;
    if (!*text) {
        n->publish_first = n->publish_last = 0;
        return 0;
    }
    if (sscanf(text, "%5u-%5u%c", &first, &last, &rest) != 2 || first < 1 ||
        last > 65535 || last < first)
        return err_set(e, EINVAL,
                       "network_publish must be ports like \"30000-32767\", "
                       "not \"%s\"",
                       text);
    n->publish_first = first;
    n->publish_last = last;
    return 0;
}

void config_net_defaults(struct network_config *n)
{
    struct err e;

    *n = (struct network_config){.publish_max = 4, .quota = 64};
    for (size_t i = 0; i < sizeof(shut_default) / sizeof(shut_default[0]); i++)
        range_add(n, shut_default[i], &e);
}

void config_net_from(struct conf_net *c, const struct network_config *n)
{
    *c = (struct conf_net){.publish_max = n->publish_max,
                           .quota = n->quota,
                           .kib_per_s = n->bytes_per_s >> 10,
                           .packets_per_s = n->packets_per_s};
}

static int pools_set(struct network_config *n, const struct conf_net *c,
                     struct err *e)
{
    struct pool four = {"network_ipv4", 4,         n->first4,
                        n->gateway4,    &n->bits4, 0};
    struct pool six = {"network_ipv6", 16,        n->first6,
                       n->gateway6,    &n->bits6, 0};
    const bool own = n->mode != NET_BRIDGE;
    uint32_t most = 0;
    int r = 0;

    if (c->ipv4 && !*c->ipv4)
        n->bits4 = 0;
    else if (c->ipv4)
        r = pool_set(&four, c->ipv4, own, e);
    if (r == 0 && c->ipv6 && !*c->ipv6)
        n->bits6 = 0;
    else if (r == 0 && c->ipv6)
        r = pool_set(&six, c->ipv6, own, e);
    if (r < 0)
        return r;
    if (c->ipv4 && *c->ipv4)
        most = pool_count(c->ipv4, 4);
    if (c->ipv6 && *c->ipv6) {
        uint32_t six_most = pool_count(c->ipv6, 16);

        if (!most || six_most < most)
            most = six_most;
    }
    /* Set apart, on a command line: the smaller one counts. */
    if (most && (!n->count || most < n->count || (c->ipv4 && c->ipv6)))
        n->count = most;
    return 0;
}

int config_net_apply(struct network_config *n, const struct conf_net *c,
                     struct err *e)
{
    if (mode_set(n, c->mode, e) < 0 ||
        name_set(n->bridge, "network_bridge", c->bridge, e) < 0 ||
        name_set(n->uplink, "network_uplink", c->uplink, e) < 0 ||
        pools_set(n, c, e) < 0 ||
        servers_set(n->gateway4, n->gateway6, "network_gateway", &c->gateway,
                    e) < 0 ||
        servers_set(n->dns4, n->dns6, "network_dns", &c->dns, e) < 0 ||
        shut_set(n, &c->shut, e) < 0 || publish_set(n, c->publish, e) < 0)
        return -e->code;
    n->publish_max = c->publish_max;
    n->quota = c->quota;
    n->bytes_per_s = (uint64_t)c->kib_per_s << 10;
    n->packets_per_s = c->packets_per_s;
    return 0;
}

/* The gateway is in the family's subnet, and no domain's. */
static int gateway_check(const struct network_config *n, int len, struct err *e)
{
    const uint8_t *first = len == 4 ? n->first4 : n->first6;
    const uint8_t *gateway = len == 4 ? n->gateway4 : n->gateway6;
    char text[INET6_ADDRSTRLEN];
    int64_t at = distance(first, gateway, len);

    if (!(len == 4 ? n->bits4 : n->bits6))
        return 0;
    if (!is_set(gateway, len))
        return err_set(e, EINVAL, "network_gateway must name the router of %s",
                       len == 4 ? "network_ipv4" : "network_ipv6");
    if (at >= 0 && at < n->count)
        return err_set(e, EINVAL,
                       "network_gateway %s is among the addresses of %s that "
                       "domains get",
                       address_text(text, gateway, len),
                       len == 4 ? "network_ipv4" : "network_ipv6");
    return 0;
}

int config_net_agree(const struct network_config *n, struct err *e)
{
    if (n->mode == NET_NONE)
        return 0;
    if (!n->bits4 && !n->bits6)
        return err_set(e, EINVAL,
                       "network = \"%s\" needs network_ipv4, network_ipv6 or "
                       "both: where domains' addresses come from",
                       net_mode_name(n->mode));
    if (n->mode == NET_BRIDGE && !n->bridge[0])
        return err_set(e, EINVAL,
                       "network = \"bridge\" needs network_bridge, its name");
    if (n->mode != NET_BRIDGE && n->bridge[0])
        return err_set(e, EINVAL,
                       "network_bridge goes with network = \"bridge\"");
    if (n->uplink[0] && n->mode != NET_ROUTED)
        return err_set(e, EINVAL,
                       "network_uplink goes with network = \"routed\"");
    if (n->mode == NET_BRIDGE && n->publish_first)
        return err_set(e, EINVAL,
                       "network_publish does not go with network = "
                       "\"bridge\": there domains have addresses that others "
                       "reach");
    if (gateway_check(n, 4, e) < 0 || gateway_check(n, 16, e) < 0)
        return -e->code;
    return 0;
}

/* ---------------------------------------------------------------- printing */

static void pool_print(FILE *out, const char *key, const uint8_t *first,
                       int len, uint32_t bits, uint32_t count)
{
    uint8_t last[16];
    char a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN];
    uint32_t more = count - 1;

    if (!bits)
        return;
    memcpy(last, first, len);
    for (int i = len - 1; i >= 0; i--, more >>= 8) {
        more += last[i];
        last[i] = more;
    }
    fprintf(out, "%s = \"%s-%s/%u\"\n", key, address_text(a, first, len),
            address_text(b, last, len), bits);
}

static void servers_print(FILE *out, const char *key, const uint8_t four[4],
                          const uint8_t six[16])
{
    char a[INET6_ADDRSTRLEN];
    const char *comma = "";

    if (!is_set(four, 4) && !is_set(six, 16))
        return;
    fprintf(out, "%s = [ ", key);
    if (is_set(four, 4)) {
        fprintf(out, "\"%s\"", address_text(a, four, 4));
        comma = ", ";
    }
    if (is_set(six, 16))
        fprintf(out, "%s\"%s\"", comma, address_text(a, six, 16));
    fprintf(out, " ]\n");
}

static void shut_print(const struct network_config *n, FILE *out)
{
    char a[INET6_ADDRSTRLEN];

    fprintf(out, "network_shut = [");
    for (uint32_t i = 0; i < n->nshut; i++)
        fprintf(out, "%s\"%s/%u\"", i ? ", " : " ",
                address_text(a, n->shut[i].address, n->shut[i].is6 ? 16 : 4),
                n->shut[i].bits);
    fprintf(out, " ]\n");
}

void config_net_print(const struct network_config *n, FILE *out)
{
    fprintf(out, "network = \"%s\"\n", net_mode_name(n->mode));
    if (n->mode == NET_NONE)
        return;
    if (n->bridge[0])
        fprintf(out, "network_bridge = \"%s\"\n", n->bridge);
    if (n->uplink[0])
        fprintf(out, "network_uplink = \"%s\"\n", n->uplink);
    pool_print(out, "network_ipv4", n->first4, 4, n->bits4, n->count);
    pool_print(out, "network_ipv6", n->first6, 16, n->bits6, n->count);
    servers_print(out, "network_gateway",
                  n->bits4 ? n->gateway4 : (uint8_t[4]){0},
                  n->bits6 ? n->gateway6 : (uint8_t[16]){0});
    servers_print(out, "network_dns", n->dns4, n->dns6);
    shut_print(n, out);
    if (n->publish_first)
        fprintf(out, "network_publish = \"%u-%u\"\n", n->publish_first,
                n->publish_last);
    fprintf(out, "network_publish_max = %u\n", n->publish_max);
    fprintf(out, "network_quota = %u\n", n->quota);
    fprintf(out, "network_kib_per_s = %llu\n",
            (unsigned long long)n->bytes_per_s >> 10);
    fprintf(out, "network_packets_per_s = %llu\n",
            (unsigned long long)n->packets_per_s);
}
