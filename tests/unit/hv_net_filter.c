// SPDX-License-Identifier: ISC
// What a domain may send: good frames pass, each lie in them is refused, and
// no truncation reads past the end.

#include "hypervisor/dev/net_filter.h"

#include <stdbool.h>

#include "tests/unit/lib_check.h"

static const struct hvc_net self = {
    .mac = {0, 0x16, 0x3e, 1, 2, 3},
    .mtu = 1500,
    .ipv4 = {{10, 0, 0, 2}, {10, 0, 0, 3}},
    .ipv6 = {{0xfd, 0x77, [15] = 2}},
};

#define OWN    0, 0x16, 0x3e, 1, 2, 3
#define OTHERS 0, 0x16, 0x3e, 9, 9, 9
#define ALL    255, 255, 255, 255, 255, 255

// Its link-local address, and somebody else's.
#define LOCAL   0xfe, 0x80, 0, 0, 0, 0, 0, 0, 2, 0x16, 0x3e, 0xff, 0xfe, 1, 2, 3
#define FOREIGN 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 2, 0x16, 0x3e, 0xff, 0xfe, 9, 9, 9
#define NOWHERE 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0

struct frame {
    size_t len;
    uint8_t b[256];
};

// The frame ends at a guard page.
static const char *judge(const struct hvc_net *n, struct frame f,
                         size_t len)
{
    static uint8_t *page;
    uint8_t *at;

    if (!page) {
        page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(page != MAP_FAILED);
        CHECK(mprotect(page + 4096, 4096, PROT_NONE) == 0);
    }
    at = page + 4096 - (len < NET_HEAD ? len : NET_HEAD);
    memcpy(at, f.b, len < NET_HEAD ? len : NET_HEAD);
    return net_filter(n, at, len);
}

static bool refused(struct frame f, const char *part)
{
    const char *why = judge(&self, f, f.len);

    if (why && strstr(why, part))
        return true;
    fprintf(stderr, "\"%s\" instead of \"%s\"\n", why ? why : "passed", part);
    return false;
}

static bool passes(struct frame f)
{
    const char *why = judge(&self, f, f.len);

    if (why)
        fprintf(stderr, "%s\n", why);
    for (size_t n = 0; n < f.len; n++)
        judge(&self, f, n);
    return !why;
}

#define FRAME(...)                                                             \
    (struct frame){sizeof((uint8_t[]){__VA_ARGS__}), {__VA_ARGS__}}

// The same with one byte of it changed.
static struct frame with(struct frame f, size_t at, uint8_t value)
{
    f.b[at] = value;
    return f;
}

static void arp(void)
{
    const struct frame ask = FRAME(ALL, OWN, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, OWN,
                                   10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1);

    CHECK(passes(ask));
    CHECK(passes(with(ask, 31, 3)));
    CHECK(refused(with(ask, 31, 4), "another's IPv4"));
    CHECK(refused(with(ask, 27, 9), "ARP with another's MAC"));
    CHECK(refused(with(ask, 11, 9), "another's MAC"));
    CHECK(refused(with(ask, 15, 6), "malformed ARP"));
    CHECK(refused(with(ask, 13, 0x35), "neither ARP nor IP"));
    // A probe has no sender; an answer must have one.
    struct frame probe = ask;
    memset(probe.b + 28, 0, 4);
    CHECK(passes(probe));
    CHECK(refused(with(probe, 21, 2), "another's IPv4"));
    // Vlan tags hide what is behind them.
    CHECK(refused(with(with(ask, 12, 0x81), 13, 0), "neither ARP nor IP"));
}

static void ipv4(void)
{
    const struct frame udp =
        FRAME(ALL, OWN, 8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0,
              0, 2, 10, 0, 0, 1, 0, 68, 0, 67, 0, 8, 0, 0);

    CHECK(passes(udp));
    CHECK(refused(with(udp, 29, 9), "another's IPv4"));
    CHECK(refused(with(udp, 14, 0x65), "malformed IPv4"));
    struct frame boot = udp;
    memset(boot.b + 26, 0, 4);
    CHECK(passes(boot));
    CHECK(refused(with(boot, 37, 68), "another's IPv4"));
    CHECK(refused(with(boot, 20, 0x20), "another's IPv4")); // a fragment
    struct hvc_net any = self;
    any.flags = HVC_NET_ANY_IP;
    CHECK(!judge(&any, with(udp, 29, 9), udp.len));
    CHECK(judge(&any, with(udp, 11, 9), udp.len));
}

static void ipv6(void)
{
    const struct frame udp =
        FRAME(ALL, OWN, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 8, 17, 64, 0xfd, 0x77, 0,
              0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, LOCAL, 0, 1, 0, 2, 0, 8, 0,
              0);
    // An advertisement of itself, with its MAC address.
    const struct frame advert =
        FRAME(ALL, OWN, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 32, 58, 255, LOCAL,
              FOREIGN, 136, 0, 0, 0, 0, 0, 0, 0, LOCAL, 2, 1, OWN);
    // The same behind a header of options.
    const struct frame hidden =
        FRAME(ALL, OWN, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 40, 0, 255, LOCAL,
              FOREIGN, 58, 0, 5, 2, 0, 0, 0, 0, 136, 0, 0, 0, 0, 0, 0, 0, LOCAL,
              2, 1, OWN);
    const struct frame solicit =
        FRAME(ALL, OWN, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 24, 58, 255, NOWHERE,
              FOREIGN, 135, 0, 0, 0, 0, 0, 0, 0, LOCAL);

    CHECK(passes(udp));
    CHECK(refused(with(udp, 37, 9), "another's IPv6"));
    CHECK(refused(with(udp, 14, 0x40), "malformed IPv6"));
    CHECK(passes(advert));
    CHECK(refused(with(advert, 77, 9), "advertisement of another's"));
    CHECK(refused(with(advert, 85, 9), "discovery with another's MAC"));
    CHECK(refused(with(advert, 79, 0), "malformed neighbour"));
    CHECK(refused(with(advert, 79, 9), "malformed neighbour"));
    CHECK(refused(with(advert, 54, 134), "router's"));
    CHECK(refused(with(advert, 54, 137), "router's"));
    CHECK(passes(hidden));
    CHECK(refused(with(hidden, 85, 9), "advertisement of another's"));
    CHECK(refused(with(hidden, 55, 40), "without an end"));
    CHECK(passes(solicit));
    CHECK(refused(with(solicit, 20, 17), "from nowhere"));
    // Fragments of neighbour discovery are ignored by whoever gets them, but
    // an anonymous one is nobody's.
    struct frame fragment = with(with(hidden, 20, 44), 54, 58);
    CHECK(passes(fragment));
    memset(fragment.b + 22, 0, 16);
    CHECK(refused(fragment, "in fragments from nowhere"));
}

static void lengths(void)
{
    struct frame f = FRAME(ALL, OWN, 8, 0, 0x45, [26] = 10, [29] = 2);

    CHECK(judge(&self, f, 13));
    CHECK(!judge(&self, f, NET_FRAME_MAX));
    CHECK(judge(&self, f, NET_FRAME_MAX + 1));
}

static void headers(void)
{
    struct frame f = FRAME(ALL, OWN, 8, 0, 0x45, [23] = 6, [26] = 10, [29] = 2,
                           [46] = 0x50);
    struct virtio_net_hdr_v1 none = {0}, sum = {.flags = 1, .csum_start = 34,
                                                .csum_offset = 16};
    struct virtio_net_hdr_v1 gso = sum, h;
    gso.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
    gso.gso_size = 1460;

#define CHECKED(h, len) net_header_check(&self, &(h), f.b, len)
    CHECK(!CHECKED(none, 60) && !CHECKED(none, 1514) && CHECKED(none, 1515));
    CHECK(!CHECKED(sum, 60) && !CHECKED(sum, 52) && CHECKED(sum, 51));
    CHECK(!CHECKED(gso, 60000));
    h = sum, h.flags = 2;
    CHECK(CHECKED(h, 60));
    h = sum, h.csum_start = 3;
    CHECK(CHECKED(h, 60));
    h = sum, h.csum_start = 0xffff;
    CHECK(CHECKED(h, 1514));
    h = sum, h.csum_offset = 0xfff0;
    CHECK(CHECKED(h, 1514));
    h = gso, h.flags = 0;
    CHECK(CHECKED(h, 60000));
    h = gso, h.gso_size = 0;
    CHECK(CHECKED(h, 60000));
    h = gso, h.gso_size = 1461;
    CHECK(CHECKED(h, 60000));
    h = gso, h.csum_start = 38;
    CHECK(CHECKED(h, 60000));
    h = gso, h.csum_offset = 6;
    CHECK(CHECKED(h, 60000));
    for (unsigned type = 2; type < 256; type++) {
        h = gso, h.gso_type = type;
        CHECK(CHECKED(h, 60000)); // UDP, ECN, TCPv6 of an IPv4 packet, others
    }
    CHECK(CHECKED(gso, 54)); // nothing to segment
    f.b[23] = 17;
    CHECK(CHECKED(gso, 60000));
    f.b[23] = 6;
    f.b[46] = 0x40;
    CHECK(CHECKED(gso, 60000));
    f.b[46] = 0x50;
    f.b[20] = 0x20; // a fragment
    CHECK(CHECKED(gso, 60000));
}

// Noise, behind a right MAC address so that it gets anywhere.
static void noise(void)
{
    srandom(1);
    for (int i = 0; i < 200000; i++) {
        struct frame f = {.len = random() % 256};
        struct virtio_net_hdr_v1 h;

        for (size_t j = 0; j < sizeof(f.b); j++)
            f.b[j] = random();
        memcpy(f.b + 6, self.mac, 6);
        f.b[12] = i & 1 ? 0x08 : 0x86;
        f.b[13] = i & 1 ? (i & 2 ? 0 : 6) : 0xdd;
        f.b[14] = i & 1 ? 0x45 : 0x60;
        if (i & 4)
            memcpy(f.b + 22, self.ipv6[0], 16);
        if (i & 8)
            f.b[20] = (uint8_t[]){0, 43, 44, 58, 60}[random() % 5];
        judge(&self, f, f.len);
        for (size_t j = 0; j < sizeof(h); j++)
            ((uint8_t *)&h)[j] = random() % (j < 2 ? 5 : 256);
        net_header_check(&self, &h, f.b, f.len);
    }
}

int main(void)
{
    arp();
    ipv4();
    ipv6();
    lengths();
    headers();
    noise();
    return 0;
}
