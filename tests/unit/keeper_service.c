// SPDX-License-Identifier: ISC
// Services: one submission, many domains. Their budgets and figures are sums,
// each incarnation is billed once whoever dies when, and they end when they
// should.

#include <string.h>
#include <unistd.h>
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

int main(void)
{
    world_open(&w);
    test_restarts();
    test_ends();
    test_destroyed();
    test_killed();
    world_close(&w);
    return 0;
}
