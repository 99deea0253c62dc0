// SPDX-License-Identifier: ISC
// Services: one submission, many domains. Their budgets and figures are sums,
// each incarnation is billed once whoever dies when, and they end when they
// should.

#include <string.h>
#include <unistd.h>
#include "node-agent/agent/period.h"
#include "node-agent/keeper/service.h"
#include "tests/unit/keeper_world.h"

static struct world w;

static void service(struct bundle_of *b, uint8_t nonce, uint32_t restart,
                    uint32_t restarts_max)
{
    bundle_image(&w, b, nonce);
    b->m.run = (struct run_terms){.mode = RUN_SERVICE,
                                  .restart = restart,
                                  .restarts_max = restarts_max,
                                  .backoff_ms = 1};
    world_accept(&w, b, 201);
}

// Until it runs again; pauses are milliseconds here.
static void rest(void)
{
    while (w.k->resting) {
        usleep(1000);
        world_run(&w);
    }
    world_run(&w);
}

static void test_restarts(void)
{
    struct bundle_of b;
    struct sub_info i;

    service(&b, 1, RESTART_ON_FAILURE, 3);
    for (unsigned n = 1; n <= 3; n++) {
        i = world_get(&w, &b.id);
        CHECK(i.state == SUB_RUNNING && i.incarnation == n);
        world_tick(&w);
        world_run(&w);
        world_end(&w, &b.id, HVC_CRASH, 0);
        world_turn(&w);
        i = world_get(&w, &b.id);
        CHECK(i.state == SUB_BUILT && i.next_start_real_ns);
        CHECK(i.outcome == OUTCOME_CRASHED && !i.ended_real_ns);
        CHECK(i.usage.starts == n && i.usage.cpu_ns == 2000 * n);
        rest();
        // What is left of the budget, not all of it again.
        CHECK(world_domain(&w, &b.id)->cpu_ns == b.m.cpu_ns - 2000 * n);
    }
    world_end(&w, &b.id, HVC_CRASH, 0); // one too many
    world_run(&w);
    i = world_get(&w, &b.id);
    CHECK(i.state == SUB_DONE && i.outcome == OUTCOME_CRASHED);
    CHECK(i.usage.starts == 4 && i.usage.cpu_ns == 7000);
    CHECK(world_held(&w, &b.id)->usage.cpu_ns == 7000);
    CHECK(world_held(&w, &b.id)->usage.starts == 4);
    CHECK(w.k->slots_used == 0 && w.k->memory_used_kib == 0);
}

static void test_ends(void)
{
    struct bundle_of b;

    service(&b, 2, RESTART_ON_FAILURE, 0); // it did what it should
    world_end(&w, &b.id, HVC_POWEROFF, 0);
    world_run(&w);
    CHECK(world_get(&w, &b.id).outcome == OUTCOME_EXITED);

    service(&b, 3, RESTART_ALWAYS, 0);
    world_end(&w, &b.id, HVC_POWEROFF, 0);
    world_run(&w);
    rest();
    CHECK(world_get(&w, &b.id).incarnation == 2);
    world_end(&w, &b.id, HVC_REBOOT, 0);
    world_run(&w);
    CHECK(world_get(&w, &b.id).incarnation == 3); // at once
    world_end(&w, &b.id, HVC_CPU_BUDGET, 0);
    world_run(&w);
    CHECK(world_get(&w, &b.id).outcome == OUTCOME_CPU_BUDGET);
    CHECK(world_get(&w, &b.id).state == SUB_DONE);
}

static void destroy(struct bundle_of *b)
{
    struct msg_get m = {.id = b->id};

    union ipc_any any;
    int fds[IPC_FDS_MAX];

    world_send(&w, &m, MSG_DESTROY, sizeof(m));
    world_run(&w);
    world_reply(&w, MSG_DESTROY, &any, fds);
    CHECK(world_get(&w, &b->id).state == SUB_DONE);
    CHECK(world_get(&w, &b->id).outcome == OUTCOME_DESTROYED);
}

static void test_destroyed(void)
{
    struct bundle_of b;

    service(&b, 4, RESTART_ALWAYS, 0);
    destroy(&b);
    service(&b, 5, RESTART_ALWAYS, 0);
    sub_find(&w.k->subs, &b.id)->info.run.backoff_ms = 3600000;
    world_end(&w, &b.id, HVC_CRASH, 0);
    world_run(&w);
    CHECK(w.k->resting);
    destroy(&b); // while it rests
    CHECK(!w.k->resting);
}

// The agent dies at every step of two incarnations.
static void test_killed(void)
{
    for (unsigned at = 0; at < 12; at++) {
        unsigned steps = 0;
        struct bundle_of b;

        service(&b, 10 + at, RESTART_ON_FAILURE, 0);
        for (unsigned life = 0; life < 2; life++) {
            if (world_domain(&w, &b.id) &&
                !world_domain(&w, &b.id)->state.cause)
                world_end(&w, &b.id, life ? HVC_POWEROFF : HVC_TRAP, 0);
            for (unsigned turn = 0; turn < 6; turn++, steps++) {
                if (steps == at) {
                    world_kill(&w);
                    world_open_again(&w);
                }
                usleep(1000);
                world_turn(&w);
                world_peers(&w);
            }
            world_run(&w);
            rest();
        }
        CHECK(world_get(&w, &b.id).state == SUB_DONE);
        CHECK(world_get(&w, &b.id).incarnation == 2);
        CHECK(world_held(&w, &b.id)->usage.starts == 2);
        CHECK(world_held(&w, &b.id)->usage.cpu_ns == 2000);
    }
}

// ------------------------------------------------------ holds that are renewed

static struct held *period(const struct bundle_of *b, uint32_t number)
{
    sub_id_t id = period_id(&b->id, number);

    return world_held(&w, &id);
}

// An interval, after which the ledger says this.
static void interval(unsigned status)
{
    w.record_status = status;
    world_tick(&w);
    world_run(&w);
    w.record_status = 200;
}

// Every period is settled once or given back, and together they have what the
// submission used.
static void periods_check(const struct bundle_of *b, uint32_t settled)
{
    struct sub_info i = world_get(&w, &b->id);
    struct usage sum = {0};

    CHECK(i.state == SUB_DONE && i.period + 1 == settled);
    for (uint32_t n = 0; n < settled; n++) {
        CHECK(period(b, n) && period(b, n)->settled && !period(b, n)->voided);
        CHECK(usage_add(&sum, &period(b, n)->usage) == 0);
    }
    if (period(b, settled))
        CHECK(period(b, settled)->voided && !period(b, settled)->settled);
    CHECK(sum.cpu_ns == i.usage.cpu_ns && sum.starts == i.usage.starts);
    CHECK(i.charged_nano == (int64_t)i.usage.cpu_ns); // as it is played
}

static void test_renewed(void)
{
    struct bundle_of b;
    struct sub_info i;

    service(&b, 30, RESTART_ON_FAILURE, 0);
    interval(200);
    CHECK(!period(&b, 1));
    interval(202);
    i = world_get(&w, &b.id);
    CHECK(i.state == SUB_RUNNING && i.period == 1 && i.hold_nano == 1000);
    CHECK(period(&b, 0)->settled == 1 && i.charged_nano == 2000);
    interval(200);
    CHECK(period(&b, 1)->records == 1 && !period(&b, 1)->settled);
    // An incarnation's end is no end of a period.
    world_end(&w, &b.id, HVC_CRASH, 0);
    world_run(&w);
    rest();
    CHECK(world_get(&w, &b.id).period == 1);
    interval(202);
    world_end(&w, &b.id, HVC_POWEROFF, 0);
    world_run(&w);
    periods_check(&b, 3);
}

static void test_unpaid(void)
{
    struct bundle_of b;
    struct sub_info i;

    service(&b, 31, RESTART_ALWAYS, 0);
    w.hold_status = 402;
    interval(202);
    i = world_get(&w, &b.id);
    CHECK(i.state == SUB_RUNNING && i.period == 0); // what is held is its own
    interval(402);                                  // it is stopped
    periods_check(&b, 1);
    i = world_get(&w, &b.id);
    CHECK(i.outcome == OUTCOME_CPU_BUDGET);
    CHECK_TEXT(strstr(i.report, "balance is used up"), i.report);

    // Somebody paid in, just in time.
    w.hold_status = 200;
    service(&b, 32, RESTART_ALWAYS, 0);
    w.hold_status = 402;
    interval(202);
    w.hold_status = 200;
    interval(402);
    CHECK(world_get(&w, &b.id).period == 1);
    destroy(&b);
    periods_check(&b, 2);
}

static void test_capped(void)
{
    struct bundle_of b;
    struct sub_info i;

    bundle_image(&w, &b, 33);
    b.m.run = (struct run_terms){
        .mode = RUN_SERVICE, .restart = RESTART_ALWAYS, .backoff_ms = 1};
    b.m.cost_cap_nano = 4500; // the first hold is 1000, and 1000 are charged
    b.m.currency = "EUR";
    world_accept(&w, &b, 201);
    interval(202);
    CHECK(world_get(&w, &b.id).period == 1);
    interval(202);
    CHECK(world_get(&w, &b.id).period == 2);
    interval(202);
    CHECK(world_get(&w, &b.id).period == 3);
    interval(202); // 3000 charged, 1000 held: 500 are left
    CHECK(world_get(&w, &b.id).period == 4);
    interval(202); // nothing is
    CHECK(world_get(&w, &b.id).period == 4);
    interval(402); // it is stopped
    periods_check(&b, 5);
    i = world_get(&w, &b.id);
    CHECK_TEXT(strstr(i.report, "cost cap"), i.report);
}

// Its end comes while the next hold is asked for: that one is given back.
static void test_end_while_asked(void)
{
    struct msg_get m = {0};
    struct bundle_of b;
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    service(&b, 34, RESTART_ALWAYS, 0);
    w.record_status = 202;
    world_tick(&w);
    while (sub_find(&w.k->subs, &b.id)->ahead.state != HOLD_ASKED) {
        world_peers(&w);
        world_turn(&w);
    }
    w.record_status = 200;
    m.id = b.id;
    world_send(&w, &m, MSG_DESTROY, sizeof(m));
    world_run(&w);
    world_reply(&w, MSG_DESTROY, &any, fds);
    CHECK(period(&b, 1));
    periods_check(&b, world_get(&w, &b.id).period + 1);
}

// The agent dies at every step of two renewals and the end.
static void test_renewed_killed(void)
{
    for (unsigned at = 0; at < 18; at++) {
        unsigned steps = 0;
        struct bundle_of b;

        service(&b, 40 + at, RESTART_ON_FAILURE, 0);
        for (unsigned life = 0; life < 3; life++) {
            w.record_status = 202;
            if (life < 2)
                world_tick(&w);
            else
                world_end(&w, &b.id, HVC_POWEROFF, 0);
            for (unsigned turn = 0; turn < 6; turn++, steps++) {
                if (steps == at) {
                    world_kill(&w);
                    world_open_again(&w);
                }
                world_turn(&w);
                world_peers(&w);
            }
            w.record_status = 200;
            world_run(&w);
        }
        CHECK(world_get(&w, &b.id).period >= 1);
        periods_check(&b, world_get(&w, &b.id).period + 1);
    }
}

int main(void)
{
    world_open(&w);
    test_restarts();
    test_ends();
    test_destroyed();
    test_killed();
    w.cfg.hold_ns = w.k->cfg.hold_ns = 3600ull * 1000000000u;
    test_renewed();
    test_unpaid();
    test_capped();
    test_end_while_asked();
    test_renewed_killed();
    world_close(&w);
    return 0;
}
