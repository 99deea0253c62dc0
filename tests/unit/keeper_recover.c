// SPDX-License-Identifier: ISC
// The agent is killed at every step of a submission's life, and at every pair
// of steps: before its messages were read, and after its peers have acted on
// them and their answers were lost. Whenever that is, an acknowledged
// submission is done in the end, its program ran once, each of its records is
// in the books once and their sum is what the kernel counted.

#include <string.h>
#include "tests/unit/keeper_world.h"

#define STEPS 40 // more than any of these lives takes

enum life { LIFE_IMAGE, LIFE_SOURCE, LIFE_BAD_SOURCE, LIFE_DESTROYED, LIVES };

struct story {
    struct world w;
    struct bundle_of b;
    enum life life;
    bool acknowledged, destroyed, done;
    unsigned ticks;
};

// What the API hears: the customer comes again until it has an answer.
static void listen(struct story *st)
{
    union ipc_any any;
    int fds[IPC_FDS_MAX];
    struct err e;

    while (ipc_recv(st->w.api, &any, fds, &e) == 1) {
        ipc_close(fds);
        if (any.head.type == (MSG_SUBMIT | MSG_REPLY)) {
            CHECK_TEXT(any.reply.status == 201 || any.reply.status == 200,
                       any.reply.text);
            st->acknowledged = true;
        } else if (any.head.type == (MSG_GET | MSG_REPLY)) {
            // What was acknowledged is never forgotten.
            CHECK(any.reply.status == 200 || !st->acknowledged);
            st->done =
                any.reply.status == 200 && any.info.info.state == SUB_DONE;
        }
    }
}

// Two intervals, then the end; or the customer has enough after the first.
static void act(struct story *st)
{
    struct played_domain *d = world_domain(&st->w, &st->b.id);
    struct msg_get m = {.id = st->b.id};

    for (unsigned i = 0; i < st->w.nbuilds; i++) {
        if (st->w.build[i].stopped)
            continue;
        st->w.build[i].stopped = true;
        world_built(&st->w, &st->w.build[i].id,
                    st->life == LIFE_BAD_SOURCE ? OUTCOME_BUILD_FAILED
                                                : OUTCOME_NONE);
    }
    world_send(&st->w, &m, MSG_GET, sizeof(m));
    if (!d || d->state.cause)
        return;
    if (st->life == LIFE_DESTROYED && st->ticks == 1 && !st->destroyed) {
        world_send(&st->w, &m, MSG_DESTROY, sizeof(m));
        st->destroyed = true;
    } else if (st->ticks < 2) {
        st->ticks++;
        world_tick(&st->w);
    } else if (st->life != LIFE_DESTROYED || st->ticks++ > 6) {
        world_end(&st->w, &st->b.id, HVC_POWEROFF, 3);
    }
}

static void kill_agent(struct story *st)
{
    world_kill(&st->w);
    world_open_again(&st->w);
    if (!st->acknowledged)
        world_submit(&st->w, &st->b);
}

static void check_end(struct story *st)
{
    const struct held *h = world_held(&st->w, &st->b.id);
    const struct sub_info info = world_get(&st->w, &st->b.id);
    bool builds = st->life == LIFE_SOURCE || st->life == LIFE_BAD_SOURCE;

    CHECK(info.state == SUB_DONE);
    CHECK(h && h->settled && !h->voided);
    CHECK(h->usage.builds == builds);
    CHECK(h->usage.build_cpu_ns == (builds ? 500 : 0));
    CHECK(h->usage.cpu_ns == info.usage.cpu_ns);
    CHECK(info.charged_nano == (int64_t)h->usage.cpu_ns);
    if (st->life == LIFE_BAD_SOURCE) {
        CHECK(st->w.ndomains == 0 && h->usage.starts == 0);
        CHECK(info.outcome == OUTCOME_BUILD_FAILED);
        return;
    }
    CHECK(st->w.ndomains == 1 && h->usage.starts == 1);
    CHECK(st->w.domain[0].released);
    CHECK(h->usage.cpu_ns == st->w.domain[0].state.usage.cpu_ns);
    CHECK(h->usage.console_bytes == st->w.domain[0].state.usage.console_bytes);
    CHECK(h->usage.mem_peak_kib == 300);
    if (st->life != LIFE_DESTROYED)
        CHECK(info.outcome == OUTCOME_EXITED && info.exit_status == 3);
}

// Kills at half-steps `first` and `second`; returns how many there were.
static int tell(enum life life, int first, int second)
{
    static struct story st;
    int half = 0;

    memset(&st, 0, sizeof(st));
    st.life = life;
    fprintf(stderr, "life %d, killed at %d and %d\n", life, first, second);
    world_open(&st.w);
    st.w.builder_waits = true;
    if (life == LIFE_SOURCE || life == LIFE_BAD_SOURCE)
        bundle_program(&st.w, &st.b, 1);
    else
        bundle_image(&st.w, &st.b, 1);
    world_submit(&st.w, &st.b);
    for (int step = 0; step < STEPS && !st.done; step++) {
        world_turn(&st.w);
        if (half == first || half == second)
            kill_agent(&st);
        half++;
        world_peers(&st.w);
        listen(&st);
        act(&st);
        if (half == first || half == second)
            kill_agent(&st);
        half++;
    }
    CHECK(st.done && st.acknowledged);
    world_run(&st.w);
    listen(&st);
    check_end(&st);
    world_close(&st.w);
    return half;
}

int main(void)
{
    for (enum life life = 0; life < LIVES; life++) {
        int halves = tell(life, -1, -1);

        for (int first = 0; first < halves; first++)
            for (int second = first; second < halves + 8; second += 5)
                tell(life, first, second);
    }
    return 0;
}
