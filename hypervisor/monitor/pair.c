// SPDX-License-Identifier: ISC
// When monitor and guest share a core; see pair.h.

#include "hypervisor/monitor/pair.h"

#include "lib/clock.h"

// A look is taken each so many wake-ups.
#define LOOK 32
// They take turns if so many wake-ups come within so long, with so few frames
// or requests each, and nearly all of them find the guest asleep.
#define LOOK_NS  (LOOK * 1000000ull)
#define WENT_MAX 4
#define MET_MAX  (LOOK / 4)
// After so many looks in a row the scheduler gets its say again.
#define BOUND_LOOKS 16
// It goes slower than when they were free: twice in a row is enough, and then
// they are left free for so many looks. Perhaps who they answer is on another
// core, or this one is not theirs.
#define WORSE_MAX 2
#define HOLD      32

void pair_init(struct pair *p)
{
    // Whoever may run on more cores than there is room for stays unbound.
    if (sched_getaffinity(0, sizeof(p->all), &p->all) < 0)
        CPU_ZERO(&p->all);
}

static void bind_both(struct pair *p, struct domain *d, bool bound)
{
    cpu_set_t set = p->all;
    int core = sched_getcpu();

    if (bound && (core < 0 || core >= CPU_SETSIZE || CPU_COUNT(&p->all) < 2))
        return;
    if (bound) {
        CPU_ZERO(&set);
        CPU_SET(core, &set);
    }
    p->rounds = 0;
    if (sched_setaffinity(0, sizeof(set), &set) < 0)
        return;
    p->bound = bound;
    d->engine->bind(d, &set);
}

// How long a frame or request took since the last look.
static void learn(struct pair *p, uint64_t each_ns)
{
    if (!p->bound) {
        p->free_ns = p->free_ns ? (p->free_ns * 3 + each_ns) / 4 : each_ns;
        p->hold -= p->hold > 0;
        p->worse = 0;
        return;
    }
    p->worse = each_ns > p->free_ns ? p->worse + 1 : 0;
    if (p->worse == WORSE_MAX)
        p->hold = HOLD;
}

void pair_turn(struct pair *p, struct domain *d, uint64_t went)
{
    uint32_t woken = d->woken - p->woken, met = d->met - p->met;
    uint64_t now_ns, lately = went - p->went;
    bool turns;

    if (woken < LOOK && !p->bound)
        return;
    now_ns = clock_mono_ns();
    if (woken < LOOK && now_ns - p->looked_ns < PAIR_MS * 1000000ull)
        return;
    learn(p, lately ? (now_ns - p->looked_ns) / lately : 0);
    turns = woken >= LOOK && now_ns - p->looked_ns < LOOK_NS &&
            met <= MET_MAX && lately >= LOOK / 2 &&
            lately <= woken * WENT_MAX && !p->hold;
    if (turns != p->bound || ++p->rounds == BOUND_LOOKS)
        bind_both(p, d, turns && !p->bound);
    p->looked_ns = now_ns;
    p->woken = d->woken;
    p->met = d->met;
    p->went = went;
}
