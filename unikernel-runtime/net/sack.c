// SPDX-License-Identifier: ISC
/*
 * What a peer says it has received beyond a gap (selective acknowledgements,
 * RFC 2018), which lwIP's sender does not look at: it sends the first lost
 * segment again and waits a timeout for each other one of the same window.
 *
 * Before lwIP sees an acknowledgement, segments that it names are marked in
 * lwIP's own list of those that are under way. Where enough lies beyond one
 * that is not marked (RFC 6675's IsLost) it is moved to those to be sent, once
 * in a recovery; lwIP sends it when it has dealt with the packet. A recovery
 * ends when all is acknowledged that was under way when it began; so long the
 * window is halved once only. A timeout begins everything anew, marks and all.
 */
#include "unikernel-runtime/net/sack.h"

#include <lwip/priv/tcp_priv.h>

#include <string.h>

// In the segments' flags, of which lwIP uses the lower five.
#define MARK_RECEIVED 0x80
#define MARK_RESENT   0x40
_Static_assert(((TF_SEG_OPTS_MSS | TF_SEG_OPTS_TS | TF_SEG_DATA_CHECKSUMMED |
                 TF_SEG_OPTS_WND_SCALE | TF_SEG_OPTS_SACK_PERM) &
                (MARK_RECEIVED | MARK_RESENT)) == 0,
               "the marks are ours");

#define LOST_SEGMENTS  3 // so many beyond it mean that one is lost
#define RESENT_AT_ONCE 2
#define OPTIONS_MAX    40
#define BLOCKS_MAX     4
#define OPTION_SACK    5

struct block {
    uint32_t begin, end;
};

// ----------------------------------------------------------------- recovery

// Up to where it goes, in the connection's word of ours; bit 32: there is one.
#define RECOVERING (1ull << 32)
_Static_assert(sizeof(void *) == 8, "a sequence number and a bit");

static uint64_t recovery_of(const struct tcp_pcb *pcb)
{
    return (uintptr_t)pcb->ext_args[0].data;
}

static void recovery_set(struct tcp_pcb *pcb, uint64_t recovery)
{
    pcb->ext_args[0].data = (void *)recovery;
}

static void recovery_begin(struct tcp_pcb *pcb)
{
    uint32_t window = LWIP_MIN(pcb->cwnd, pcb->snd_wnd) / 2;
    pcb->ssthresh = window < 2u * pcb->mss ? 2u * pcb->mss : window;
    pcb->cwnd = pcb->ssthresh + LOST_SEGMENTS * pcb->mss;
    pcb->rtime = 0;
    recovery_set(pcb, RECOVERING | pcb->snd_nxt);
}

static void marks_forget(struct tcp_pcb *pcb)
{
    struct tcp_seg *const lists[] = {pcb->unacked, pcb->unsent};
    for (int i = 0; i < 2; i++)
        for (struct tcp_seg *seg = lists[i]; seg; seg = seg->next)
            seg->flags &= ~(MARK_RECEIVED | MARK_RESENT);
    recovery_set(pcb, 0);
}

// ------------------------------------------------------------------- blocks

static uint32_t word_at(const uint8_t *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return lwip_ntohl(word);
}

// Those that speak of what is under way; others are old, or lies.
static unsigned blocks_read(const struct tcp_pcb *pcb, uint32_t ack,
                            const uint8_t *option, size_t len,
                            struct block *blocks)
{
    unsigned n = 0;
    for (size_t at = 2; at + 8 <= len && n < BLOCKS_MAX; at += 8) {
        struct block b = {word_at(option + at), word_at(option + at + 4)};
        if (TCP_SEQ_GT(b.begin, ack) && TCP_SEQ_LT(b.begin, b.end) &&
            TCP_SEQ_LEQ(b.end, pcb->snd_nxt))
            blocks[n++] = b;
    }
    return n;
}

static unsigned blocks_find(const struct tcp_pcb *pcb, uint32_t ack,
                            const uint8_t *options, size_t len,
                            struct block *blocks)
{
    for (size_t at = 0; at < len;) {
        if (options[at] == LWIP_TCP_OPT_EOL)
            break;
        if (options[at] == LWIP_TCP_OPT_NOP) {
            at++;
            continue;
        }
        if (at + 2 > len || options[at + 1] < 2 || at + options[at + 1] > len)
            break;
        if (options[at] == OPTION_SACK)
            return blocks_read(pcb, ack, options + at, options[at + 1], blocks);
        at += options[at + 1];
    }
    return 0;
}

// ----------------------------------------------------------------- segments

static uint32_t begin_of(const struct tcp_seg *seg)
{
    return lwip_ntohl(seg->tcphdr->seqno);
}

// Marks what the blocks name. The end of the highest that is marked, or `ack`.
static uint32_t segments_mark(struct tcp_pcb *pcb, uint32_t ack,
                              const struct block *blocks, unsigned n)
{
    uint32_t highest = ack;
    for (struct tcp_seg *seg = pcb->unacked; seg; seg = seg->next) {
        uint32_t begin = begin_of(seg), end = begin + TCP_TCPLEN(seg);
        for (unsigned i = 0; i < n; i++)
            if (TCP_SEQ_GEQ(begin, blocks[i].begin) &&
                TCP_SEQ_LEQ(end, blocks[i].end))
                seg->flags |= MARK_RECEIVED;
        if (seg->flags & MARK_RECEIVED && TCP_SEQ_GT(end, highest))
            highest = end;
    }
    return highest;
}

// From those under way to those to be sent, which are in order.
static void segment_resend(struct tcp_pcb *pcb, struct tcp_seg **link)
{
    struct tcp_seg *seg = *link, **to = &pcb->unsent;
    *link = seg->next;
    while (*to && TCP_SEQ_LT(begin_of(*to), begin_of(seg)))
        to = &(*to)->next;
    seg->next = *to;
    *to = seg;
    seg->flags |= MARK_RESENT;
    pcb->rttest = 0; // one cannot know which of the two is acknowledged
}

static int is_lost(const struct tcp_pcb *pcb, const struct tcp_seg *seg,
                   uint32_t highest)
{
    uint32_t end = begin_of(seg) + TCP_TCPLEN(seg);
    return !(seg->flags & (MARK_RECEIVED | MARK_RESENT)) &&
           TCP_SEQ_GEQ(highest, end + LOST_SEGMENTS * pcb->mss);
}

void sack_packet(struct tcp_pcb *pcb, const struct tcp_hdr *header, size_t len,
                 size_t first_len, const uint8_t *rest)
{
    uint32_t ack = header->ackno;
    if (!(pcb->flags & TF_SACK) || !(TCPH_FLAGS(header) & TCP_ACK) ||
        pcb->state < ESTABLISHED || !pcb->unacked ||
        TCP_SEQ_LT(ack, pcb->lastack) || TCP_SEQ_GT(ack, pcb->snd_nxt))
        return;
    uint64_t recovery = recovery_of(pcb);
    if (pcb->flags & TF_RTO) {
        if (recovery)
            marks_forget(pcb);
        return;
    }
    if (recovery && TCP_SEQ_GEQ(ack, (uint32_t)recovery)) {
        recovery_set(pcb, 0);
        recovery = 0;
    }

    uint8_t options[OPTIONS_MAX];
    struct block blocks[BLOCKS_MAX];
    if (len > sizeof options || first_len > len)
        return;
    memcpy(options, header + 1, first_len);
    if (first_len < len)
        memcpy(options + first_len, rest, len - first_len);
    unsigned n = blocks_find(pcb, ack, options, len, blocks);
    if (!n && !recovery)
        return;

    uint32_t highest = segments_mark(pcb, ack, blocks, n);
    unsigned resent = 0;
    struct tcp_seg **link = &pcb->unacked;
    while (*link && resent < RESENT_AT_ONCE) {
        struct tcp_seg *seg = *link;
        uint32_t end = begin_of(seg) + TCP_TCPLEN(seg);
        if (TCP_SEQ_LEQ(end, ack)) { // lwIP is about to free it
            link = &seg->next;
            continue;
        }
        if (TCP_SEQ_GEQ(end, highest))
            break;
        // A device that still has it would send it twice.
        if (!is_lost(pcb, seg, highest) || seg->p->ref != 1) {
            link = &seg->next;
            continue;
        }
        if (!recovery) {
            recovery_begin(pcb);
            recovery = RECOVERING;
        }
        segment_resend(pcb, link);
        resent++;
    }
    // lwIP's own recovery is over with the first new acknowledgement, and
    // would halve the window once more at the next gap.
    if (recovery)
        tcp_set_flags(pcb, TF_INFR);
}
