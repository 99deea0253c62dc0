// SPDX-License-Identifier: ISC
// When services start again; see service.h.

#include "node-agent/keeper/service.h"

#include "lib/clock.h"
#include "node-agent/keeper/machine.h"

#define NS_PER_MS 1000000ull

// The pause doubles up to this, unless the first one is longer already.
#define BACKOFF_NS_MAX (300ull * 1000000000u)

// One that ran for this long was a good one: pauses begin anew.
#define GOOD_NS (60ull * 1000000000u)

// What a new domain would not change, or must not.
static bool is_final(enum sub_outcome outcome)
{
    return outcome == OUTCOME_CPU_BUDGET || outcome == OUTCOME_WALL_BUDGET ||
           outcome == OUTCOME_REFUSED || outcome == OUTCOME_DESTROYED;
}

static uint64_t pause_ns(const struct sub *s)
{
    uint64_t ns = s->info.run.backoff_ms * NS_PER_MS;

    for (unsigned i = 1; i < s->failures && ns < BACKOFF_NS_MAX; i++)
        ns = 2 * ns < BACKOFF_NS_MAX ? 2 * ns : BACKOFF_NS_MAX;
    return ns;
}

bool service_goes_on(struct keeper *k, struct sub *s, enum sub_outcome outcome,
                     bool asked_to)
{
    const struct run_terms *t = &s->info.run;
    bool well = outcome == OUTCOME_EXITED && s->info.exit_status == 0;
    uint64_t now_ns = clock_mono_ns(), rest_ns = 0;

    (void)k;
    if (t->mode != RUN_SERVICE || s->destroyed || s->spent || is_final(outcome))
        return false;
    if (well && !asked_to && t->restart != RESTART_ALWAYS)
        return false;
    if (t->restarts_max && s->info.incarnation > t->restarts_max)
        return false;
    if (well || now_ns > s->began_ns + GOOD_NS)
        s->failures = 0;
    if (!well)
        s->failures++;
    if (!asked_to)
        rest_ns = pause_ns(s);
    s->start_after_ns = now_ns + rest_ns;
    s->info.next_start_real_ns = clock_real_ns() + rest_ns;
    return true;
}

void service_rest(struct keeper *k, struct sub *s)
{
    s->resting = true;
    s->rest_next = k->resting;
    k->resting = s;
    if (s->start_after_ns < k->rested_due_ns)
        k->rested_due_ns = s->start_after_ns;
}

void service_wake(struct keeper *k, struct sub *s)
{
    struct sub **p = &k->resting;

    while (*p != s)
        p = &(*p)->rest_next;
    *p = s->rest_next;
    s->resting = false;
}

void service_rested(struct keeper *k, uint64_t now_ns)
{
    struct sub *list = k->resting;

    if (now_ns < k->rested_due_ns)
        return;
    k->resting = NULL;
    k->rested_due_ns = UINT64_MAX;
    while (list) {
        struct sub *s = list;

        list = s->rest_next;
        s->resting = false;
        if (now_ns < s->start_after_ns)
            service_rest(k, s);
        else
            machine_wait(k, s);
    }
}
