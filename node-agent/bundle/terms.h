// SPDX-License-Identifier: ISC
// How a submission is run, beside its budgets: once, as a service, or as a
// function. Self-contained (only stdint), because messages between the
// agent's processes and the keeper's journal hold it as it is here.

#ifndef BUNDLE_TERMS_H
#define BUNDLE_TERMS_H

#include <stdint.h>

enum run_mode {
    RUN_ONCE = 0, // one domain, whose end is the submission's
    RUN_SERVICE,  // domains one after the other, by `restart`
    RUN_FUNCTION, // a domain for each request
};

enum run_restart {
    RESTART_ON_FAILURE = 1, // unless it exited with status 0
    RESTART_ALWAYS,
};

struct run_terms {
    uint32_t mode;            // enum run_mode
    uint32_t restart;         // service: enum run_restart; else 0
    uint32_t restarts_max;    // service: 0 = as long as budgets last
    uint32_t backoff_ms;      // service: before the first restart; doubles
    uint32_t concurrency;     // function: domains at once; else 0
    uint32_t cpu_weight;      // share when CPUs are short; 0 = the usual 100
    uint32_t cpu_cap_percent; // of one CPU, even when idle; 0 = none
    uint32_t output_bytes;    // kept of files under /out; 0 = none are
    uint32_t request_ms;      // function: one request, at most; else 0
    uint32_t pad;
};
_Static_assert(sizeof(struct run_terms) == 10 * 4, "no padding");

// How often its domains may be started at most, for quotes: a million where
// nothing else bounds it.
#define RUN_STARTS_MAX 1000000u
static inline uint32_t run_starts(const struct run_terms *t)
{
    if (t->mode == RUN_ONCE)
        return 1;
    if (t->mode == RUN_SERVICE && t->restarts_max)
        return t->restarts_max + 1;
    return RUN_STARTS_MAX;
}

#endif
