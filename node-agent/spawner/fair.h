// SPDX-License-Identifier: ISC
/*
 * Do domains that compete for CPU time get what their weights say?
 *
 * The kernel shares each processor by weight, but it moves processes between
 * processors only when the weights on them differ by a tenth or sixth. So it
 * can be worth as much on which one a domain has come to be; and one whose
 * monitor and guest both work has two places to take its share from. Whoever
 * got less than its share is owed the rest, and until it has it its weight is a
 * little larger than it was set; of who got too much, a little smaller.
 *
 * What each may be given is what it wanted at most; that is given out by
 * weight.
 */
#ifndef SPAWNER_FAIR_H
#define SPAWNER_FAIR_H

#include <stddef.h>
#include <stdint.h>

/* Of the weight that was set, in thousandths. */
#define FAIR_USUAL 1000u
#define FAIR_LEAST 500u
#define FAIR_MOST  2000u

struct fair {
    uint32_t weight;    /* 1 .. 10000, as it was set */
    uint64_t used_ns;   /* of CPU time, in the last while */
    uint64_t wanted_ns; /* how much it would have used; not less than that */
    int64_t owed_ns;    /* less than 0: it got too much; fair_turn's own */
    uint32_t permille;  /* out: of its weight, what it shall have now */
};

/* After a while in which they used and wanted so much; n of any number. */
void fair_turn(struct fair *f, size_t n, uint64_t while_ns);

#endif
