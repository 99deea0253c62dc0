// SPDX-License-Identifier: ISC
// What is kept of a CPU budget for a domain's end, and how that is learned.

#include "node-agent/spawner/end_cost.h"

#include "tests/unit/lib_check.h"

#define MS 1000000u

/* Never more than a quarter, whatever was learned and however much memory. */
static void a_quarter(void)
{
    struct end_cost c = END_COST_INIT;

    CHECK(end_cost_of(&c, 0, 1) == 0);
    CHECK(end_cost_of(&c, 0, MS) == MS / 4);
    CHECK(end_cost_of(&c, UINT64_MAX, 50 * MS) == 50 * MS / 4);
    CHECK(end_cost_of(&c, 0, UINT64_MAX) == c.ns);
}

/* More memory takes longer to give back. */
static void memory(void)
{
    struct end_cost c = END_COST_INIT;
    uint64_t small = end_cost_of(&c, 1024, 1000 * MS);
    uint64_t large = end_cost_of(&c, 65536, 1000 * MS);

    CHECK(small > c.ns && large > small + MS);
    /* ... and that is not learned as the cost of ending. */
    end_cost_learn(&c, 65536, large);
    CHECK(c.ns == 500000);
}

/* It comes to be enough for nearly all, and not much more. */
static void learned(uint64_t least_ns, uint64_t most_ns)
{
    struct end_cost c = END_COST_INIT;
    unsigned dear = 0;

    for (unsigned i = 0; i < 4000; i++) {
        uint64_t ns =
            least_ns + (i * 7919 % 1000) * (most_ns - least_ns) / 1000;

        if (i >= 1000)
            dear += ns > end_cost_of(&c, 0, 1000 * MS);
        end_cost_learn(&c, 0, ns);
        CHECK(i < 1000 || c.ns <= most_ns);
    }
    CHECK(dear < 3000 / 4);
}

/* One that was held up changes little for the others. */
static void held_up(void)
{
    struct end_cost c = END_COST_INIT;

    for (unsigned i = 0; i < 1000; i++)
        end_cost_learn(&c, 0, 1);
    CHECK(c.ns >= 100000 && c.ns < 110000);
    end_cost_learn(&c, 0, UINT64_MAX);
    CHECK(c.ns < 400000);
    for (unsigned i = 0; i < 1000; i++)
        end_cost_learn(&c, 0, UINT64_MAX);
    CHECK(c.ns <= MS);
}

int main(void)
{
    a_quarter();
    memory();
    learned(100000, 250000);
    learned(300000, 700000);
    held_up();
    return 0;
}
