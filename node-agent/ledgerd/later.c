// SPDX-License-Identifier: ISC
// Receipts that are asked for a moment before they are signed: who waits for
// one asks once, and is answered with the seal. Asking again and again would
// cost more than the receipt.

#include "node-agent/ledgerd/ledgerd.h"

#include "lib/clock.h"

bool later_add(struct ledgerd *d, struct chan *from,
               const struct msg_document *m)
{
    if (d->nlater == LATER_MAX)
        return false;
    d->later[d->nlater++] = (struct later){
        .from = from, .m = *m, .until_ns = clock_mono_ns() + LATER_NS};
    return true;
}

uint64_t later_due_ns(const struct ledgerd *d)
{
    uint64_t due_ns = UINT64_MAX;

    for (unsigned i = 0; i < d->nlater; i++)
        if (d->later[i].until_ns < due_ns)
            due_ns = d->later[i].until_ns;
    return due_ns;
}

// One that must wait on (later_add puts it in again) keeps its time.
int later_serve(struct ledgerd *d, uint64_t now_ns, struct err *e)
{
    unsigned n = d->nlater, kept = 0;
    int r = 0;

    for (unsigned i = 0; i < n && r == 0; i++) {
        struct later one = d->later[i];

        d->nlater = kept;
        if (now_ns >= one.until_ns)
            one.m.flags &= ~DOC_WAIT;
        r = document_serve(d, one.from, &one.m, e);
        if (d->nlater > kept)
            d->later[kept++].until_ns = one.until_ns;
    }
    d->nlater = kept;
    return r;
}
