// SPDX-License-Identifier: ISC
// Frames out of a domain, with their virtio-net header in front. What passes
// must keep what net_filter.h promises.

#include "hypervisor/dev/net_filter.c"

#include <stdlib.h>

static const struct hvc_net self = {.mac = {0, 0x16, 0x3e, 1, 2, 3},
                                    .mtu = 1500,
                                    .ipv4 = {{10, 0, 0, 2}},
                                    .ipv6 = {{0xfd, 0x77, [15] = 2}}};

static void check(const uint8_t *f, size_t len)
{
    const uint8_t none[16] = {0}, *from = f + 26;
    uint16_t type = f[12] << 8 | f[13];

    if (memcmp(f + 6, self.mac, 6))
        abort();
    if (type == TYPE_ARP)
        from = f + 28;
    else if (type != TYPE_IPV4 && type != TYPE_IPV6)
        abort();
    if (type != TYPE_IPV6 && memcmp(from, self.ipv4[0], 4) &&
        memcmp(from, none, 4))
        abort();
    // No router's words, where they can be seen at once.
    if (type == TYPE_IPV6 && len > 54 && f[20] == NEXT_ICMPV6 &&
        (f[54] == ND_ROUTER_ADVERT || f[54] == ND_REDIRECT))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct virtio_net_hdr_v1 h;
    uint8_t *head;
    size_t n;

    if (len < sizeof(h))
        return 0;
    memcpy(&h, data, sizeof(h));
    data += sizeof(h);
    len -= sizeof(h);
    n = len < NET_HEAD ? len : NET_HEAD;
    head = malloc(n ? n : 1); // exactly as much as is promised to be there
    memcpy(head, data, n);
    if (!net_filter(&self, head, len)) {
        check(head, n);
        if (!net_header_check(&self, &h, head, len) &&
            h.gso_type == VIRTIO_NET_HDR_GSO_NONE &&
            len > self.mtu + NET_ETHERNET)
            abort();
    }
    free(head);
    return 0;
}
