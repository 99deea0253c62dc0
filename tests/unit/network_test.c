// SPDX-License-Identifier: ISC
// What follows from a lease's number: addresses that carry over from byte to
// byte, and names that are apart.

#include <string.h>
#include "node-agent/agent/network.h"
#include "tests/unit/lib_check.h"

static const struct network_config net = {
    .mode = NET_NAT,
    .count = LEASES_MAX,
    .id = 0xabcdef,
    .bits4 = 8,
    .bits6 = 64,
    .first4 = {10, 77, 0, 250},
    .first6 = {0xfd, 0, 0x77, [13] = 0xff, [14] = 0xff, [15] = 0xfe},
};

static void test_addresses(void)
{
    static const struct {
        uint32_t lease;
        uint8_t four[4], six[3]; // the last bytes of that
    } want[] = {
        {1, {10, 77, 0, 250}, {0xff, 0xff, 0xfe}},
        {6, {10, 77, 0, 255}, {0, 0, 3}},
        {7, {10, 77, 1, 0}, {0, 0, 4}},
        {65000, {10, 77, 254, 225}, {0, 0xfd, 0xe5}},
    };
    struct net_place p;

    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        network_place(&net, want[i].lease, &p);
        CHECK(!memcmp(p.ipv4, want[i].four, 4));
        CHECK(!memcmp(p.ipv6 + 13, want[i].six, 3));
        CHECK(p.ipv6[12] == (want[i].lease > 2));
    }
}

static void test_names(void)
{
    char prefix[NETWORK_PREFIX_MAX];
    struct net_place a, b;

    network_prefix(&net, prefix);
    CHECK(!strcmp(prefix, "hnabcdef-"));
    network_place(&net, LEASES_MAX, &a);
    CHECK(!strcmp(a.name, "hnabcdef-65000"));
    CHECK(a.mac[0] == 2 && a.mac[1] == 0xab && a.mac[4] == 0xfd);
    for (uint32_t i = 1; i < LEASES_MAX; i++) {
        network_place(&net, i, &b);
        CHECK(strcmp(a.name, b.name) && memcmp(a.mac, b.mac, 6));
        CHECK(memcmp(a.ipv4, b.ipv4, 4) && memcmp(a.ipv6, b.ipv6, 16));
    }
}

static void test_families(void)
{
    static const uint8_t none[16];
    struct network_config six = net;
    struct net_place p;

    six.bits4 = 0;
    network_place(&six, 5, &p);
    CHECK(!memcmp(p.ipv4, none, 4) && memcmp(p.ipv6, none, 16));
}

int main(void)
{
    test_addresses();
    test_names();
    test_families();
    return 0;
}
