// SPDX-License-Identifier: ISC
// Functions: requests take turns by concurrency, memory and what is left of
// the budget; each is billed once, and what was under way when the agent died
// is not.

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "node-agent/keeper/function.h"
#include "tests/unit/keeper_world.h"

static struct world w;

static void deploy(struct bundle_of *b, uint8_t nonce, uint32_t concurrency)
{
    bundle_image(&w, b, nonce);
    b->m.run = (struct run_terms){
        .mode = RUN_FUNCTION, .concurrency = concurrency, .request_ms = 100};
    world_accept(&w, b, 201);
    CHECK(world_get(&w, &b->id).state == SUB_RUNNING);
}

static void call(const struct bundle_of *b)
{
    struct msg_call m = {.id = b->id};
    int fds[2] = {memfd_create("body", 0), memfd_create("answer", 0)};

    memcpy(m.customer.b, b->m.customer, sizeof(m.customer.b));
    m.head = (struct msg_head){MSG_CALL, sizeof(m), ++w.tag};
    CHECK_WORKS(ipc_send(w.api, &m.head, fds, 2, e));
    close(fds[0]);
    close(fds[1]);
    world_run(&w);
}

static struct msg_call_reply answer(unsigned status)
{
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    world_reply(&w, MSG_CALL, &any, fds);
    CHECK_TEXT(any.reply.status == status, any.reply.text);
    return any.call_reply;
}

static unsigned running(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < w.ndomains; i++)
        n += !w.domain[i].released && !w.domain[i].state.cause;
    return n;
}

// The first that runs.
static struct played_domain *first(void)
{
    for (unsigned i = 0; i < w.ndomains; i++)
        if (!w.domain[i].released && !w.domain[i].state.cause)
            return &w.domain[i];
    return NULL;
}

static void end_first(enum hvc_cause cause, uint32_t status)
{
    world_end(&w, &first()->id, cause, status);
    world_run(&w);
}

// With `waits`, a request waits and is told first.
static void destroy(const struct bundle_of *b, bool waits)
{
    struct msg_get m = {.id = b->id};
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    world_send(&w, &m, MSG_DESTROY, sizeof(m));
    world_run(&w);
    if (waits)
        answer(409);
    world_reply(&w, MSG_DESTROY, &any, fds);
}

static void test_turns(void)
{
    struct bundle_of b;

    deploy(&b, 1, 2);
    for (int i = 0; i < 10; i++)
        call(&b);
    CHECK(running() == 2 && world_quiet(&w));
    call(&b); // two run, eight wait
    answer(429);
    for (int i = 0; i < 10; i++) {
        CHECK(running() == (i < 9 ? 2 : 1));
        end_first(HVC_POWEROFF, i);
        CHECK(answer(200).exit_status == i);
    }
    CHECK(w.k->slots_used == 0 && w.k->memory_used_kib == 0);
    CHECK(world_get(&w, &b.id).usage.starts == 10);
    CHECK(world_held(&w, &b.id)->usage.starts == 0); // not yet an interval

    call(&b);
    call(&b);
    call(&b); // waits, and is told that it is over
    w.k->functions->record_due_ns = 0;
    world_run(&w);
    CHECK(world_held(&w, &b.id)->usage.starts == 10);
    destroy(&b, true);
    answer(200);
    answer(200);
    CHECK(world_get(&w, &b.id).state == SUB_DONE);
    CHECK(world_get(&w, &b.id).outcome == OUTCOME_DESTROYED);
    CHECK(world_held(&w, &b.id)->usage.starts == 12);
    CHECK(world_held(&w, &b.id)->usage.cpu_ns == 12000);
    call(&b);
    answer(404);
    CHECK(w.k->functions->nfree == CALLS_MAX);
}

// What is promised to those that run is not left for others.
static void test_budget(void)
{
    struct bundle_of b;
    struct sub *s;

    deploy(&b, 2, 8);
    s = sub_find(&w.k->subs, &b.id);
    s->info.limits.cpu_ns = 250000000; // two and a half requests
    for (int i = 0; i < 4; i++)
        call(&b);
    CHECK(running() == 2 && first()->cpu_ns == 100000000);
    first()->state.usage.cpu_ns = 100000000;
    end_first(HVC_CPU_BUDGET, 0);
    answer(200);
    CHECK(running() == 1); // 50 ms are left, and promised to none in part
    first()->state.usage.cpu_ns = 100000000;
    end_first(HVC_CPU_BUDGET, 0);
    answer(200);
    CHECK(running() == 1 && first()->cpu_ns < 50000000);
    first()->state.usage.cpu_ns = 50000000;
    end_first(HVC_CPU_BUDGET, 0);
    answer(200);
    answer(409); // the one that still waited
    CHECK(world_get(&w, &b.id).outcome == OUTCOME_CPU_BUDGET);
    CHECK(world_get(&w, &b.id).state == SUB_DONE);
}

static void test_killed(void)
{
    struct bundle_of b;

    deploy(&b, 3, 8);
    call(&b);
    end_first(HVC_POWEROFF, 0);
    answer(200);
    w.k->functions->record_due_ns = 0;
    world_run(&w);
    call(&b); // under way, and one that ended and was not recorded
    call(&b);
    end_first(HVC_POWEROFF, 0);
    answer(200);
    world_kill(&w);
    world_open_again(&w);
    world_run(&w);
    CHECK(running() == 0);
    CHECK(world_get(&w, &b.id).state == SUB_RUNNING);
    CHECK(world_get(&w, &b.id).usage.starts == 1);
    call(&b);
    end_first(HVC_POWEROFF, 0);
    answer(200);
    destroy(&b, false);
    CHECK(world_held(&w, &b.id)->usage.starts == 2);
    CHECK(world_held(&w, &b.id)->usage.cpu_ns == 2000);
}

static void test_no_slot(void)
{
    struct bundle_of b;

    deploy(&b, 4, 8);
    w.start_status = 503;
    call(&b);
    CHECK(running() == 0 && w.k->functions->waiting == 1 && world_quiet(&w));
    w.start_status = 200;
    usleep(6000);
    world_run(&w);
    CHECK(running() == 1);
    end_first(HVC_TRAP, 0);
    CHECK(answer(200).outcome == OUTCOME_TRAPPED);
    destroy(&b, false);
    bundle_image(&w, &b, 5);
    world_accept(&w, &b, 201);
    call(&b);
    answer(409); // no function
}

int main(void)
{
    world_open(&w);
    test_turns();
    test_budget();
    test_killed();
    test_no_slot();
    world_close(&w);
    return 0;
}
