// SPDX-License-Identifier: ISC
// Token buckets; see bucket.h.

#include "hypervisor/dev/bucket.h"

#define NS_PER_S 1000000000u
#define NS_MAX   (UINT64_MAX / 4) // sums of two do not overflow

// How long it takes to gain so many tokens, rounded up.
static uint64_t gain_ns(const struct bucket *b, uint64_t tokens)
{
    unsigned __int128 ns =
        ((unsigned __int128)tokens * NS_PER_S + b->rate - 1) / b->rate;

    return ns > NS_MAX ? NS_MAX : ns;
}

void bucket_init(struct bucket *b, uint64_t rate, uint64_t burst)
{
    *b = (struct bucket){.rate = rate};
    if (rate)
        b->burst_ns = gain_ns(b, burst ? burst : (rate + 9) / 10);
}

bool bucket_open(const struct bucket *b, uint64_t now_ns)
{
    return b->full_ns < now_ns + b->burst_ns || b->rate == 0;
}

void bucket_take(struct bucket *b, uint64_t tokens, uint64_t now_ns)
{
    if (b->rate == 0)
        return;
    if (b->full_ns < now_ns)
        b->full_ns = now_ns;
    if (b->full_ns < NS_MAX)
        b->full_ns += gain_ns(b, tokens);
}

uint64_t bucket_opens_ns(const struct bucket *b)
{
    if (b->rate == 0 || b->full_ns < b->burst_ns)
        return 0;
    return b->full_ns - b->burst_ns + 1;
}
