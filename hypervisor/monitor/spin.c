// SPDX-License-Identifier: ISC
// When to wait without sleeping; see spin.h.

#include "hypervisor/monitor/spin.h"

#define CREDIT_MAX 8
#define SKIPS_MAX  16

void spin_learn(struct spin *s, uint64_t waited_ns)
{
    if (waited_ns > s->most_ns)
        s->credit = s->credit > 0 ? s->credit - 4 : -CREDIT_MAX;
    else if (s->credit < CREDIT_MAX)
        s->credit++;
}

bool spin_wanted(const struct spin *s)
{
    return s->credit >= 0;
}

bool spin_may_skip(struct spin *s)
{
    s->skipped = (s->skipped + 1) % SKIPS_MAX;
    return s->skipped != 0;
}
