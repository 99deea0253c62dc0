// SPDX-License-Identifier: ISC
// From the kernel's running totals to usage records, each of which says what
// was used since the one before. The sum of all records is the total, whatever
// was lost or repeated on the way: a record's contents are fixed in the
// journal, with its number, before it is sent; what a lost one would have held
// is part of the next.
#ifndef KEEPER_METER_H
#define KEEPER_METER_H

#include "node-agent/keeper/sub.h"

// The submission's total so far: the domain's totals by the spawner, with what
// only the keeper knows (the build, reserved memory). Of -ERANGE: some figure
// is smaller than what was recorded before, *total is unchanged.
int meter_domain(const struct sub *s, const struct usage *domain,
                 struct usage *total);

// The same, but a figure that went back counts as unchanged: when the last
// word about a domain is all there will ever be.
void meter_domain_last(const struct sub *s, const struct usage *domain,
                       struct usage *total);

// Its domain is over, another will follow: what is known is kept beside.
void meter_incarnation_end(struct sub *s);

// A call of a function is over.
void meter_call(struct sub *s, const struct usage *domain);

// Adds what a build used.
void meter_build(struct sub *s, const struct usage *build);

// The next record: everything in s->info.usage that is not in s->recorded, up
// to this instant. Counts it as recorded. False: there is nothing to record.
bool meter_record(struct sub *s, uint64_t now_real_ns, struct msg_record *m);

// The last one, for settling; its number is 0 when there is nothing left. It
// depends on nothing but *s, so it is the same again after a restart.
void meter_last(const struct sub *s, struct msg_record *m);

// Console output and files that are kept of it, and billed as one, at most.
static inline uint64_t meter_kept_max(const struct sub_info *i)
{
    return i->limits.console_bytes + i->run.output_bytes;
}

#endif
