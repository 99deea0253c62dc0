// SPDX-License-Identifier: ISC
// Who is owed CPU time, and what is done about it.

#include "node-agent/spawner/fair.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/lib_check.h"

#define WHILE 200000000ull

static struct fair domain(uint32_t weight, uint64_t used, uint64_t wanted)
{
    return (struct fair){
        .weight = weight, .used_ns = used, .wanted_ns = wanted};
}

/* Three on one processor, five on the other, 17 to 19 of 36 shares: who is on
 * the fuller one is owed something, and gets a larger weight for it. */
static void two_processors(void)
{
    static const uint32_t side[2][6] = {{800, 600, 300},
                                        {100, 200, 400, 500, 700}};
    struct fair f[8];
    size_t n = 0, first = 0;

    for (int s = 0; s < 2; s++) {
        uint32_t sum = s ? 1900 : 1700;

        for (int i = 0; side[s][i]; i++) {
            uint64_t used = WHILE * side[s][i] / sum;

            f[n++] = domain(side[s][i], used, WHILE);
        }
        if (!s)
            first = n;
    }
    fair_turn(f, n, WHILE);
    for (size_t i = 0; i < n; i++) {
        CHECK(i < first ? f[i].owed_ns < 0 : f[i].owed_ns > 0);
        CHECK(i < first ? f[i].permille < FAIR_USUAL
                        : f[i].permille > FAIR_USUAL);
    }
}

/* Each has what its weight says: nothing is to be done. */
static void as_it_should_be(void)
{
    struct fair f[] = {domain(100, WHILE / 4, WHILE),
                       domain(300, WHILE / 4 * 3, WHILE)};

    for (int turn = 0; turn < 100; turn++)
        fair_turn(f, 2, WHILE);
    CHECK(f[0].permille == FAIR_USUAL && f[1].permille == FAIR_USUAL);
}

/* Who wants little is owed nothing, and what it leaves is the others'. */
static void modest(void)
{
    struct fair f[] = {domain(1000, WHILE / 10, WHILE / 10),
                       domain(100, WHILE * 9 / 20, WHILE),
                       domain(100, WHILE * 9 / 20, WHILE)};

    fair_turn(f, 3, WHILE);
    for (int i = 0; i < 3; i++)
        CHECK(f[i].permille == FAIR_USUAL);
}

/* It has one processor: what its weight says beyond that is the others'. */
static void one_processor(void)
{
    struct fair f[] = {domain(1000, WHILE, WHILE),
                       domain(100, WHILE / 2, WHILE),
                       domain(100, WHILE / 2, WHILE)};

    fair_turn(f, 3, WHILE);
    for (int i = 0; i < 3; i++)
        CHECK(f[i].permille == FAIR_USUAL);
}

/* However long it lasts: nobody is given more than double, or less than half;
 * and when it is over it is soon forgotten. */
static void bounds(void)
{
    struct fair f[] = {domain(100, WHILE / 100, WHILE),
                       domain(100, WHILE, WHILE)};

    for (int turn = 0; turn < 1000; turn++) {
        fair_turn(f, 2, WHILE);
        CHECK(f[0].permille <= FAIR_MOST && f[1].permille >= FAIR_LEAST);
    }
    CHECK(f[0].permille == FAIR_MOST && f[1].permille == FAIR_LEAST);
    f[0].used_ns = f[1].used_ns = WHILE / 2;
    for (int turn = 0; turn < 400; turn++)
        fair_turn(f, 2, WHILE);
    CHECK(f[0].permille < FAIR_USUAL + 10 && f[1].permille > FAIR_USUAL - 10);
}

static void nothing(void)
{
    struct fair f[] = {domain(100, 0, 0), domain(1, 0, WHILE)};

    fair_turn(f, 0, WHILE);
    fair_turn(f, 2, WHILE);
    CHECK(f[0].permille == FAIR_USUAL && f[1].permille == FAIR_USUAL);
    fair_turn(f, 2, 0);
    CHECK(f[0].permille == FAIR_USUAL && f[1].permille == FAIR_USUAL);
}

int main(void)
{
    two_processors();
    as_it_should_be();
    modest();
    one_processor();
    bounds();
    nothing();
    return 0;
}
