// SPDX-License-Identifier: ISC
// When monitor and guest share a core; see pair.h.

#include "hypervisor/monitor/pair.h"

#include "lib/clock.h"

// A look is taken each so many wake-ups.
#define LOOK 32
// They take turns if so many wake-ups come within so long, with so few frames
// each, and nearly all of them find the guest asleep.
#define LOOK_NS    (LOOK * 1000000ull)
#define FRAMES_MAX 4
#define MET_MAX    (LOOK / 4)
// After so many looks in a row the scheduler gets its say again.
#define BOUND_LOOKS 16

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

void pair_turn(struct pair *p, struct domain *d, uint64_t frames)
{
    uint32_t woken = d->woken - p->woken, met = d->met - p->met;
    uint64_t now_ns, went = frames - p->frames;
    bool turns;

    if (woken < LOOK && !p->bound)
        return;
    now_ns = clock_mono_ns();
    if (woken < LOOK && now_ns - p->looked_ns < PAIR_MS * 1000000ull)
        return;
    turns = woken >= LOOK && now_ns - p->looked_ns < LOOK_NS &&
            met <= MET_MAX && went >= LOOK / 2 && went <= woken * FRAMES_MAX;
    if (turns != p->bound || ++p->rounds == BOUND_LOOKS)
        bind_both(p, d, turns && !p->bound);
    p->looked_ns = now_ns;
    p->woken = d->woken;
    p->met = d->met;
    p->frames = frames;
}
