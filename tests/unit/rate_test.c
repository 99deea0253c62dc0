// SPDX-License-Identifier: ISC
// How often somebody may ask, on a clock that the test moves.

#include "node-agent/api/rate.h"

#include <sodium.h>

#include "tests/unit/lib_check.h"

#define S 1000000000ull

static unsigned ask(struct rate *r, uint32_t who, uint64_t now_ns)
{
    return rate_take(r, &who, sizeof(who), 1, now_ns);
}

// A burst of two seconds' worth, then so many a second, for each on his own.
static void test_pace(void)
{
    struct rate *r = rate_new(1024, 10);
    uint64_t now = 5 * S;
    int got = 0;

    CHECK(r);
    while (!ask(r, 1, now))
        got++;
    CHECK(got == 20);
    CHECK(ask(r, 1, now) == 1);
    CHECK(ask(r, 2, now) == 0);
    // A tenth of a second is one request.
    CHECK(ask(r, 1, now + S / 10) == 0);
    CHECK(ask(r, 1, now + S / 10) > 0);
    // Waiting as long as was said is enough, and idling saves no more.
    CHECK(ask(r, 1, now + 2 * S) == 0);
    now += 1000 * S;
    for (got = 0; !ask(r, 1, now); got++)
        ;
    CHECK(got == 20);
    rate_free(r);
}

static void test_fine(void)
{
    struct rate *r = rate_new(1024, 10);
    uint32_t who = 7;
    int got = 0;

    rate_fine(r, &who, sizeof(who), 15, S);
    while (!ask(r, who, S))
        got++;
    CHECK(got == 5);
    // Never beyond the burst: the wait stays bounded.
    for (int i = 0; i < 100; i++)
        rate_fine(r, &who, sizeof(who), 1000, S);
    CHECK(ask(r, who, S) == 1);
    CHECK(ask(r, who, 3 * S) == 0);
    rate_free(r);
}

static void test_no_limit(void)
{
    struct rate *r = rate_new(64, 0);

    for (int i = 0; i < 100000; i++)
        CHECK(ask(r, 1, S) == 0);
    rate_free(r);
}

// Many more than there are places: nobody who keeps his pace is refused, and
// who was spending most is still remembered.
static void test_crowd(void)
{
    struct rate *r = rate_new(64, 10);
    int got = 0;

    while (!ask(r, 0, S))
        got++;
    CHECK(got == 20);
    for (uint32_t who = 1; who < 100000; who++)
        CHECK(ask(r, who, S + who) == 0);
    CHECK(ask(r, 0, S + 100000) > 0);
    rate_free(r);
}

int main(void)
{
    CHECK(sodium_init() >= 0);
    test_pace();
    test_fine();
    test_no_limit();
    test_crowd();
    return 0;
}
