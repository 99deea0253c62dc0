// SPDX-License-Identifier: ISC
// What domains are owed; see fair.h.

#include "node-agent/spawner/fair.h"

/* A debt is to be paid within so many turns like the last one. */
#define PAY_TURNS 6
/* ... and forgotten in about so many: those who are gone do not pay. */
#define FORGET_TURNS 64
/* Not more than so many turns' time is owed to anybody. */
#define OWED_TURNS 4

/* What each is entitled to of all that was used: by weight, but nobody is given
 * more than it wanted. Who wants no more leaves the rest to the others, so that
 * it takes as many rounds as there are such, at most. */
static double level_of(const struct fair *f, size_t n)
{
    double left = 0, level = 0;

    for (size_t i = 0; i < n; i++)
        left += f[i].used_ns;
    /* The level is CPU time for each unit of weight. It rises from who is
     * satisfied first to who is last. */
    for (;;) {
        double weights = 0, next = -1;

        for (size_t i = 0; i < n; i++) {
            double full = (double)f[i].wanted_ns / f[i].weight;

            if (full <= level)
                continue;
            weights += f[i].weight;
            if (next < 0 || full < next)
                next = full;
        }
        if (next < 0 || left <= 0)
            return level;
        if ((next - level) * weights >= left)
            return level + left / weights;
        left -= (next - level) * weights;
        level = next;
    }
}

static double clamp(double x, double least, double most)
{
    return x < least ? least : x > most ? most : x;
}

void fair_turn(struct fair *f, size_t n, uint64_t while_ns)
{
    double level = level_of(f, n), most = (double)while_ns * OWED_TURNS;

    for (size_t i = 0; i < n; i++) {
        double share = level * f[i].weight, owed = f[i].owed_ns;

        if (share > f[i].wanted_ns)
            share = f[i].wanted_ns;
        owed -= owed / FORGET_TURNS;
        owed += share - f[i].used_ns;
        f[i].owed_ns = clamp(owed, -most, most);
        f[i].permille = FAIR_USUAL;
        if (share > 0)
            f[i].permille =
                clamp(FAIR_USUAL * (1 + f[i].owed_ns / (share * PAY_TURNS)),
                      FAIR_LEAST, FAIR_MOST);
    }
}
