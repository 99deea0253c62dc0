// SPDX-License-Identifier: ISC
// Turns among customers.

#include <string.h>
#include "node-agent/keeper/lane.h"
#include "tests/unit/lib_check.h"

#define CUSTOMERS 5
#define EACH      20

static struct sub subs[CUSTOMERS][EACH];

static void make(void)
{
    memset(subs, 0, sizeof(subs));
    for (int c = 0; c < CUSTOMERS; c++)
        for (int i = 0; i < EACH; i++) {
            memset(&subs[c][i].info.customer, 1 + c, sizeof(key_id_t));
            subs[c][i].info.exit_status = i; // its number, for the test
        }
}

// The first has brought all of his before anybody else came.
static void test_fair(void)
{
    struct lane l = {0};
    int taken[CUSTOMERS] = {0};

    make();
    for (int c = 0; c < CUSTOMERS; c++)
        for (int i = 0; i < (c ? EACH / 2 : EACH); i++)
            CHECK(lane_push(&l, &subs[c][i]) == 0);
    CHECK(l.waiting == EACH + (CUSTOMERS - 1) * EACH / 2);
    for (int n = 0; n < CUSTOMERS * EACH / 2; n++) {
        const struct sub *s = lane_first(&l);
        int c = s->info.customer.b[0] - 1;

        CHECK(s->info.exit_status == taken[c]); // each in his own order
        taken[c]++;
        lane_pop(&l);
        for (int other = 0; other < CUSTOMERS; other++)
            CHECK(taken[other] >= taken[0] - 1);
    }
    CHECK(taken[0] == EACH / 2 && l.waiting == EACH / 2);
    while (lane_first(&l))
        lane_pop(&l);
    CHECK(l.waiting == 0);
}

static void test_remove(void)
{
    struct lane l = {0};

    make();
    for (int i = 0; i < 3; i++) {
        CHECK(lane_push(&l, &subs[0][i]) == 0);
        CHECK(lane_push(&l, &subs[1][i]) == 0);
    }
    lane_remove(&l, &subs[0][1]); // the middle
    lane_remove(&l, &subs[0][2]); // the last, so that appending must go on
    CHECK(lane_push(&l, &subs[0][3]) == 0);
    CHECK(lane_waiting_of(&l, &subs[0][0].info.customer) == 2);
    CHECK(lane_first(&l) == &subs[0][0]);
    lane_pop(&l);
    lane_pop(&l);
    CHECK(lane_first(&l) == &subs[0][3]);
    lane_remove(&l, &subs[0][3]); // that customer is gone
    CHECK(lane_waiting_of(&l, &subs[0][0].info.customer) == 0);
    CHECK(lane_first(&l) == &subs[1][1] && l.waiting == 2);
    lane_fini(&l);
}

static void test_back_to_front(void)
{
    struct lane l = {0};

    make();
    CHECK(lane_push(&l, &subs[0][0]) == 0);
    CHECK(lane_push(&l, &subs[1][0]) == 0);
    lane_pop(&l);
    CHECK(lane_push_front(&l, &subs[0][0]) == 0);
    CHECK(lane_first(&l) == &subs[0][0] && l.waiting == 2);
    lane_pop(&l);
    CHECK(lane_first(&l) == &subs[1][0]);
    lane_pop(&l);
    CHECK(lane_push_front(&l, &subs[0][0]) == 0);
    CHECK(lane_push(&l, &subs[0][1]) == 0);
    lane_pop(&l);
    CHECK(lane_first(&l) == &subs[0][1]);
    lane_fini(&l);
}

// One who asks for more than is free waits alone.
static void test_within(void)
{
    struct lane l = {0};

    make();
    subs[0][0].info.limits.memory_kib = 1000;
    for (int c = 0; c < 3; c++) {
        subs[c][1].info.limits.memory_kib = 10;
        CHECK(lane_push(&l, &subs[c][c ? 1 : 0]) == 0);
    }
    CHECK(lane_push(&l, &subs[0][1]) == 0); // behind his own
    for (int c = 1; c < 3; c++) {
        CHECK(lane_first_within(&l, 100, NULL, NULL) == &subs[c][1]);
        lane_pop(&l);
    }
    CHECK(!lane_first_within(&l, 100, NULL, NULL) && l.waiting == 2);
    CHECK(lane_first_within(&l, 1000, NULL, NULL) == &subs[0][0]);
    lane_pop(&l);
    CHECK(lane_first_within(&l, 100, NULL, NULL) == &subs[0][1]);
    lane_pop(&l);
    CHECK(!lane_first_within(&l, 100, NULL, NULL));
    lane_fini(&l);
}

int main(void)
{
    test_within();
    test_fair();
    test_remove();
    test_back_to_front();
    return 0;
}
