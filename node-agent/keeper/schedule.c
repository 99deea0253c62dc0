// SPDX-License-Identifier: ISC
// Whose turn it is: the lanes of those who wait, as far as there is room.

#include "node-agent/keeper/machine.h"

#include "lib/clock.h"
#include "node-agent/keeper/function.h"
#include "node-agent/keeper/net.h"
#include "node-agent/keeper/quota.h"

static bool fits(void *arg, const struct sub *s)
{
    return s->info.run.mode == RUN_FUNCTION ||
           (quota_fits(arg, s) && net_fits(arg, s));
}

void machine_schedule(struct keeper *k)
{
    struct sub *s;

    uint64_t now_ns = clock_mono_ns();

    while (k->builds_running < k->cfg.build_slots &&
           now_ns >= k->builds_after_ns && (s = lane_first(&k->builds))) {
        lane_pop(&k->builds);
        machine_event(k, s, .kind = EV_TURN);
    }
    if (k->adopting || now_ns < k->starts_after_ns)
        return;
    function_schedule(k);
    while (k->slots_used < k->domains_max && now_ns >= k->starts_after_ns &&
           k->memory_used_kib <= k->memory_kib &&
           (s = lane_first_within(
                &k->starts, k->memory_kib - k->memory_used_kib, fits, k))) {
        lane_pop(&k->starts);
        machine_event(k, s, .kind = EV_TURN);
    }
}
