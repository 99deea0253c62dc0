// SPDX-License-Identifier: ISC
// Making one large frame of TCP segments that follow each other.
#include "unikernel-runtime/net/merge.h"
#include "unikernel-runtime/net/port/arch/cc.h"

#include <string.h>

enum { ETHERNET = 14, IPV6_HEADER = 40 };
enum { TCP = 6, CHECKSUM = 16 };
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };

static uint16_t get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static void put16(uint8_t *p, uint16_t v)
{
    p[0] = v >> 8;
    p[1] = v;
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static int is_v6(const uint8_t *frame)
{
    return get16(frame + 12) == 0x86dd;
}

static size_t whole_len(const struct net_slot *s)
{
    size_t len = s->len;
    for (unsigned i = 0; i < s->n; i++)
        len += s->piece[i].len;
    return len;
}

// Where TCP begins; 0: it does not, or in a fragment.
static size_t tcp_at(const struct net_slot *s)
{
    const uint8_t *f = s->data;
    if (s->len < ETHERNET + 20)
        return 0;
    size_t at;
    uint8_t protocol;
    if (get16(f + 12) == 0x0800) {
        at = ETHERNET + (f[ETHERNET] & 15) * 4u;
        protocol = f[ETHERNET + 9];
        if (get16(f + ETHERNET + 6) & 0x3fff)
            return 0;
    } else if (is_v6(f)) {
        at = ETHERNET + IPV6_HEADER;
        protocol = f[ETHERNET + 6];
    } else {
        return 0;
    }
    return protocol == TCP && s->len >= at + 20 ? at : 0;
}

// The part of the checksum that the device does not make: of addresses,
// protocol and length.
static void pseudo_checksum(struct net_slot *s, size_t at)
{
    uint8_t *f = s->data, *ip = f + ETHERNET;
    uint32_t len = whole_len(s) - at;
    uint32_t sum =
        is_v6(f) ? net_checksum(ip + 8, 32) : net_checksum(ip + 12, 8);
    sum += __builtin_bswap16(TCP);
    sum += __builtin_bswap16(len & 0xffff) + __builtin_bswap16(len >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    uint16_t half = sum;
    memcpy(f + at + CHECKSUM, &half, sizeof half);
    s->header->flags = VIRTIO_NET_NEEDS_CSUM;
    s->header->csum_start = at;
    s->header->csum_offset = CHECKSUM;
}

// Whether others can be added to it, and what fits behind it.
static void measure(struct merge *m, size_t at)
{
    const struct net_slot *s = m->slot;
    const uint8_t *tcp = s->data + at;
    size_t headers = at + (tcp[12] >> 4) * 4u;
    uint32_t data = whole_len(s) - headers;
    m->headers = 0;
    if ((tcp[13] & ~PSH) != ACK || s->len != headers || !data)
        return;
    m->tcp = at;
    m->headers = headers;
    m->last = 0;
    m->data_len = m->size = data;
    m->next_seq = get32(tcp + 4) + data;
}

void merge_begin(struct merge *m, struct net_slot *s)
{
    size_t at = tcp_at(s);
    m->slot = s;
    m->headers = 0;
    if (at)
        measure(m, at);
}

// All but lengths, IPv4's number and checksum, sequence number, PSH, checksum.
static int headers_agree(const struct merge *m, const uint8_t *b)
{
    const uint8_t *a = m->slot->data;
    const uint8_t *ta = a + m->tcp, *tb = b + m->tcp;
    if (memcmp(a, b, ETHERNET))
        return 0;
    a += ETHERNET, b += ETHERNET;
    if (a[0] >> 4 == 6) {
        if (memcmp(a, b, 4) || memcmp(a + 6, b + 6, 34))
            return 0;
    } else if (memcmp(a, b, 2) || memcmp(a + 6, b + 6, 4) ||
               memcmp(a + 12, b + 12, m->tcp - ETHERNET - 12u)) {
        return 0;
    }
    return !memcmp(ta, tb, 4) && !memcmp(ta + 8, tb + 8, 5) &&
           !((ta[13] ^ tb[13]) & ~PSH) && !memcmp(ta + 14, tb + 14, 2) &&
           !memcmp(ta + 18, tb + 18, m->headers - m->tcp - 18u);
}

int merge_add(struct merge *m, const struct net_slot *s)
{
    struct net_slot *to = m->slot;
    if (!to || !m->headers || m->last || s->len != m->headers || !s->n)
        return 0;
    const uint8_t *tcp = s->data + m->tcp;
    size_t data = whole_len(s) - s->len;
    if (get32(tcp + 4) != m->next_seq || data > m->size ||
        m->headers - ETHERNET + m->data_len + data > 0xffff - ETHERNET ||
        !headers_agree(m, s->data))
        return 0;
    // Pieces that touch become one.
    unsigned n = to->n;
    uint32_t len = n ? to->piece[n - 1].len : 0;
    for (unsigned i = 0; i < s->n; i++) {
        struct virtq_piece *last = n ? &to->piece[n - 1] : NULL;
        if (last && (char *)last->data + last->len == s->piece[i].data) {
            last->len += s->piece[i].len;
        } else if (n < NET_PIECES_MAX) {
            to->piece[n++] = s->piece[i];
        } else {
            if (to->n)
                to->piece[to->n - 1].len = len; // as it was
            return 0;
        }
    }
    to->n = n;
    to->data[m->tcp + 13] |= tcp[13] & PSH;
    m->last = data < m->size;
    m->next_seq += data;
    m->data_len += data;
    return 1;
}

int merge_grows(const struct merge *m)
{
    return m->slot && m->headers && !m->last && m->data_len > m->size &&
           m->data_len < 0x8000 && m->slot->n < NET_PIECES_MAX / 2;
}

static void lengths_set(struct merge *m)
{
    struct net_slot *s = m->slot;
    uint8_t *ip = s->data + ETHERNET;
    size_t len = whole_len(s) - ETHERNET;
    if (is_v6(s->data)) {
        put16(ip + 4, len - IPV6_HEADER);
        s->header->gso_type = VIRTIO_NET_GSO_TCPV6;
    } else {
        put16(ip + 2, len);
        memset(ip + 10, 0, 2);
        uint16_t sum = ~net_checksum(ip, m->tcp - ETHERNET);
        memcpy(ip + 10, &sum, sizeof sum);
        s->header->gso_type = VIRTIO_NET_GSO_TCPV4;
    }
    s->header->gso_size = m->size;
    s->header->hdr_len = m->headers;
}

struct net_slot *merge_finish(struct merge *m)
{
    struct net_slot *s = m->slot;
    if (!s)
        return NULL;
    if (m->headers && m->data_len > m->size)
        lengths_set(m);
    m->slot = NULL;
    size_t at = tcp_at(s);
    if (at)
        pseudo_checksum(s, at);
    return s;
}
