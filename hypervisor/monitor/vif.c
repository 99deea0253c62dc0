// SPDX-License-Identifier: ISC
// Network interfaces of a domain's description; see vif.h.

#include "hypervisor/monitor/vif.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_bridge.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"

#define WORD_MAX    512
#define MTU_DEFAULT 1500

// ------------------------------------------------------------------ syntax

static int set_mac(struct vif *v, const char *text, struct err *e)
{
    unsigned m[6];
    int end = 0;

    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", m, m + 1, m + 2, m + 3, m + 4,
               m + 5, &end) != 6 ||
        text[end])
        return err_set(e, EINVAL,
                       "vif: mac \"%s\" is not six numbers like "
                       "00:16:3e:01:02:03",
                       text);
    if (m[0] & 1)
        return err_set(e, EINVAL, "vif: mac \"%s\" is a group's", text);
    for (unsigned i = 0; i < 6; i++)
        v->net.mac[i] = m[i];
    return 0;
}

static int set_name(char *to, const char *key, const char *text, struct err *e)
{
    if (!*text || strlen(text) >= IFNAMSIZ || strpbrk(text, "/% \t"))
        return err_set(e, EINVAL, "vif: %s \"%s\" is no name of an interface",
                       key, text);
    strcpy(to, text);
    return 0;
}

static bool is_set(const uint8_t *p, size_t n)
{
    while (n--)
        if (*p++)
            return true;
    return false;
}

// Where the next of several goes; NULL: too many.
static uint8_t *address_slot(uint8_t *list, size_t len)
{
    for (unsigned i = 0; i < HVC_NET_ADDRESSES; i++, list += len)
        if (!is_set(list, len))
            return list;
    return NULL;
}

static int set_ip(struct vif *v, char *text, struct err *e)
{
    struct hv_net_config *c = &v->net.config;
    char *slash = strchr(text, '/'), *end;
    uint8_t ip[16], *slot;
    bool four;
    unsigned long bits;

    if (slash)
        *slash = 0;
    four = inet_pton(AF_INET, text, ip) == 1;
    if (!four && inet_pton(AF_INET6, text, ip) != 1)
        return err_set(e, EINVAL, "vif: ip \"%s\" is not an address", text);
    bits = four ? 24 : 64;
    if (slash) {
        bits = strtoul(slash + 1, &end, 10);
        if (!slash[1] || *end || bits == 0 || bits > (four ? 32 : 128))
            return err_set(e, EINVAL,
                           "vif: ip: \"%s\" is no length of a "
                           "prefix",
                           slash + 1);
    }
    slot = four ? address_slot(v->net.ipv4[0], 4)
                : address_slot(v->net.ipv6[0], 16);
    if (!slot)
        return err_set(e, EINVAL, "vif: ip: more than %d addresses of a kind",
                       HVC_NET_ADDRESSES);
    memcpy(slot, ip, four ? 4 : 16);
    if (four && !c->prefix4) {
        memcpy(c->ipv4, ip, 4);
        c->prefix4 = bits;
    } else if (!four && !c->prefix6) {
        memcpy(c->ipv6, ip, 16);
        c->prefix6 = bits;
    }
    v->net.flags &= ~HVC_NET_ANY_IP;
    return 0;
}

static int set_server(uint8_t *four, uint8_t *six, const char *key,
                      const char *text, struct err *e)
{
    if (inet_pton(AF_INET, text, four) == 1 ||
        inet_pton(AF_INET6, text, six) == 1)
        return 0;
    return err_set(e, EINVAL, "vif: %s \"%s\" is not an address", key, text);
}

// xl's: 10Mb/s, 250KB/s, 1GB/s@20ms. The interval is what a burst may be.
static int set_rate(struct vif *v, const char *text, struct err *e)
{
    static const struct unit {
        const char *name;
        double bytes;
    } units[] = {{"B/s", 1},      {"KB/s", 1e3},  {"MB/s", 1e6},
                 {"GB/s", 1e9},   {"b/s", 0.125}, {"Kb/s", 125},
                 {"Mb/s", 125e3}, {"Gb/s", 125e6}};
    char *end;
    double n = strtod(text, &end);
    double interval_us = 100e3;

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t len = strlen(units[i].name);

        if (strncmp(end, units[i].name, len))
            continue;
        if (end[len] == '@') {
            char *unit;

            interval_us = strtod(end + len + 1, &unit);
            if (strcmp(unit, "ms") == 0)
                interval_us *= 1e3;
            else if (strcmp(unit, "s") == 0)
                interval_us *= 1e6;
            else if (strcmp(unit, "us"))
                break;
        } else if (end[len]) {
            break;
        }
        n *= units[i].bytes;
        if (!(n >= 1) || n > 1e12 || !(interval_us >= 1) || interval_us > 60e6)
            break;
        v->rate.bytes_per_s = n;
        v->rate.bytes_burst = n * interval_us / 1e6 + 1;
        return 0;
    }
    return err_set(e, EINVAL,
                   "vif: rate \"%s\" is not like 10Mb/s or "
                   "1MB/s@20ms",
                   text);
}

static int set_number(uint64_t *to, const char *key, const char *text,
                      uint64_t min, uint64_t max, struct err *e)
{
    char *end;

    errno = 0;
    *to = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || *to < min || *to > max)
        return err_set(e, EINVAL, "vif: %s=%s is not a number from %lu to %lu",
                       key, text, min, max);
    return 0;
}

static int set_percent(uint16_t *to, const char *key, const char *text,
                       struct err *e)
{
    char *end;
    double n = strtod(text, &end);

    if (*end == '%')
        end++;
    if (end == text || *end || !(n >= 0 && n <= 100))
        return err_set(e, EINVAL, "vif: %s=%s is not percent", key, text);
    *to = n * 100;
    return 0;
}

static int set_key(struct vif *v, const char *key, char *value, struct err *e)
{
    struct hv_net_config *c = &v->net.config;
    uint64_t n = MTU_DEFAULT;
    int r = 0;

    if (strcmp(key, "mac") == 0)
        return set_mac(v, value, e);
    if (strcmp(key, "bridge") == 0)
        return set_name(v->bridge, key, value, e);
    if (strcmp(key, "vifname") == 0)
        return set_name(v->name, key, value, e);
    if (strcmp(key, "ip") == 0) {
        char *rest = value, *word;

        while (r == 0 && (word = strtok_r(rest, " \t", &rest)))
            r = set_ip(v, word, e);
        return r;
    }
    if (strcmp(key, "gateway") == 0)
        return set_server(c->gateway4, c->gateway6, key, value, e);
    if (strcmp(key, "dns") == 0)
        return set_server(c->dns4, c->dns6, key, value, e);
    if (strcmp(key, "rate") == 0)
        return set_rate(v, value, e);
    if (strcmp(key, "packets_per_s") == 0)
        return set_number(&v->rate.ops_per_s, key, value, 1, INT64_MAX, e);
    if (strcmp(key, "packets_burst") == 0)
        return set_number(&v->rate.ops_burst, key, value, 1, INT64_MAX, e);
    if (strcmp(key, "mtu") == 0) {
        r = set_number(&n, key, value, 576, 9000, e);
        v->net.mtu = n;
        return r;
    }
    if (strcmp(key, "loss") == 0)
        return set_percent(&v->net.loss, key, value, e);
    if (strcmp(key, "duplicate") == 0)
        return set_percent(&v->net.duplicate, key, value, e);
    if (strcmp(key, "reorder") == 0)
        return set_percent(&v->net.reorder, key, value, e);
    // What xl's other keys say by default is how it is here.
    if (strcmp(key, "type") == 0 && strcmp(value, "vif") == 0)
        return 0;
    return err_set(e, EINVAL, "vif: \"%s\" is not honoured", key);
}

static char *trim(char *word)
{
    char *end;

    while (*word == ' ' || *word == '\t')
        word++;
    end = word + strlen(word);
    while (end > word && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = 0;
    return word;
}

// Xen's own prefix, and chance.
static int choose_mac(struct vif *v, struct err *e)
{
    uint8_t *m = v->net.mac;

    if (is_set(m, 6))
        return 0;
    m[1] = 0x16;
    m[2] = 0x3e;
    if (getrandom(m + 3, 3, 0) != 3)
        return err_errno(e, "getrandom");
    m[3] &= 0x7f;
    return 0;
}

int vif_parse(struct vif *v, const char *text, struct err *e)
{
    *v = (struct vif){.net = {.mtu = MTU_DEFAULT, .flags = HVC_NET_ANY_IP}};
    while (*text) {
        char word[WORD_MAX], *key, *equals;
        size_t n = strcspn(text, ",");

        if (n >= sizeof(word))
            return err_set(e, ENAMETOOLONG, "vif: a word is too long");
        memcpy(word, text, n);
        word[n] = 0;
        text += n + (text[n] == ',');
        key = trim(word);
        equals = strchr(key, '=');
        if (!equals)
            return err_set(e, EINVAL, "vif: \"%s\" is not KEY=VALUE", key);
        *equals = 0;
        if (set_key(v, trim(key), trim(equals + 1), e) < 0)
            return -e->code;
    }
    return choose_mac(v, e);
}

// ----------------------------------------------------------------- opening

static int interface_set(int fd, unsigned long request, struct ifreq *r,
                         const char *what, struct err *e)
{
    if (ioctl(fd, request, r) < 0)
        return err_errno(e, "vif %s: %s", r->ifr_name, what);
    return 0;
}

// Makes the TAP a port of the bridge, and both its ends ready.
static int bring_up(const struct vif *v, const char *name, struct err *e)
{
    cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq r = {0};

    if (fd < 0)
        return err_errno(e, "socket");
    strcpy(r.ifr_name, name);
    if (v->net.mtu != MTU_DEFAULT) {
        r.ifr_mtu = v->net.mtu;
        if (interface_set(fd, SIOCSIFMTU, &r, "setting its MTU", e) < 0)
            return -e->code;
    }
    if (v->bridge[0]) {
        struct ifreq b = {.ifr_ifindex = if_nametoindex(name)};

        strcpy(b.ifr_name, v->bridge);
        if (ioctl(fd, SIOCBRADDIF, &b) < 0 && errno != EBUSY)
            return err_errno(e, "vif %s: joining bridge %s", name, v->bridge);
    }
    if (interface_set(fd, SIOCGIFFLAGS, &r, "its flags", e) < 0)
        return -e->code;
    r.ifr_flags |= IFF_UP;
    return interface_set(fd, SIOCSIFFLAGS, &r, "bringing it up", e);
}

int vif_open(const struct vif *v, struct hvc_device *m, struct err *e)
{
    cleanup_close int fd =
        open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    bool there = v->name[0] && if_nametoindex(v->name);
    int header = sizeof(struct virtio_net_hdr_v1);

    if (fd < 0)
        return err_errno(e, "/dev/net/tun");
    strcpy(r.ifr_name, v->name[0] ? v->name : "vif%d");
    if (ioctl(fd, TUNSETIFF, &r) < 0)
        return err_errno(e, "vif %s: %s", v->name,
                         there ? "it is in use, or no TAP of yours"
                               : "making it");
    if (ioctl(fd, TUNSETVNETHDRSZ, &header) < 0 ||
        ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0)
        return err_errno(e, "vif %s: its offloads", r.ifr_name);
    if ((!there || v->bridge[0]) && bring_up(v, r.ifr_name, e) < 0)
        return -e->code;
    *m = (struct hvc_device){.head = {HVC_DEVICE, sizeof(*m)},
                             .type = HV_DEV_NET,
                             .window_kib = HVC_NET_WINDOW_KIB,
                             .rate = {v->rate, v->rate},
                             .net = v->net};
    return steal_fd(&fd);
}
