// SPDX-License-Identifier: ISC
// Requests of the API that are answered later: a bundle whose hold the ledger
// is asked for, and long polls.
#ifndef KEEPER_WAITER_H
#define KEEPER_WAITER_H

#include "node-agent/keeper/sub.h"

enum waiter_kind { WAITS_SUBMIT = 1, WAITS_CHANGE, WAITS_INPUT };

struct waiter {
    enum waiter_kind kind;
    struct msg_head to; // the request's
    struct sub *sub;
    uint64_t version;     // WAITS_CHANGE: the last one it has seen;
                          // WAITS_INPUT: the tag its domain was asked with
    uint64_t until_ns;    // CLOCK_MONOTONIC; UINT64_MAX: no limit
    unsigned good_status; // WAITS_SUBMIT: 201, or 200 for a repeated one
};

struct waiters {
    struct waiter at[WAITERS_MAX];
    unsigned n;
};

// False: there are too many.
bool waiter_add(struct waiters *w, const struct waiter *one);

// When the next one must be answered at the latest.
uint64_t waiters_due_ns(const struct waiters *w);

// Takes out one that waits for this submission (NULL: for any) and is of this
// kind and either has seen an older version, or waits for a domain that no
// longer runs, or was to be answered by now_ns.
// False: there is none.
bool waiter_take(struct waiters *w, enum waiter_kind kind, const struct sub *s,
                 uint64_t now_ns, struct waiter *out);

// Takes out the one of WAITS_INPUT whose domain was asked with this tag.
bool waiter_take_input(struct waiters *w, const struct sub *s, uint64_t tag,
                       struct waiter *out);

// How many of this kind wait for this submission.
unsigned waiters_of(const struct waiters *w, enum waiter_kind kind,
                    const struct sub *s);

#endif
