// SPDX-License-Identifier: ISC
// The life of a submission, as states x events.
//
//                 HELD      BUILDING   BUILT     RUNNING   SETTLING
//     turn        build *   -          start     -         -
//     built       -         -> BUILT   -         -         -
//     unbuilt     -         -> settle  -         -         -
//     linked      start     -          start     -         -
//     started     RUNNING   -          RUNNING   (adopted) (stop it)
//     busy        wait      -> HELD    wait      -         -
//     unstarted   settle    -          settle    -         -
//     usage       -         -          -         record    -
//     ended       settle    -          settle    settle    release again
//     lost        settle    -          settle    settle    -
//       a service that goes on: -> BUILT instead
//     spent       settle    -          settle    stop      -
//     destroy     settle **  stop      settle ** stop      -
//     settled     -         -          -         -         DONE
//
//     *  a ready image is started at once, or, with a network, when it is
//     linked
//     ** when its start is under way: stop, and settle when it has ended
//
// An action does the work of its event and names the state that follows;
// entering a state does what must be done whichever way it was reached.

#include "node-agent/keeper/machine.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "node-agent/agent/period.h"
#include "node-agent/keeper/cache.h"
#include "node-agent/keeper/console.h"
#include "node-agent/keeper/function.h"
#include "node-agent/keeper/image.h"
#include "node-agent/keeper/meter.h"
#include "node-agent/keeper/net.h"
#include "node-agent/keeper/period.h"
#include "node-agent/keeper/quota.h"
#include "node-agent/keeper/service.h"
#include "node-agent/keeper/start.h"

// ---------------------------------------------------------------------- room

static void room_take(struct keeper *k, struct sub *s)
{
    if (s->counted)
        return;
    s->counted = true;
    k->slots_used++;
    k->memory_used_kib += sub_memory_kib(s);
    quota_take(k, s);
}

static void room_give(struct keeper *k, struct sub *s)
{
    if (!s->counted)
        return;
    s->counted = false;
    k->slots_used--;
    k->memory_used_kib -= sub_memory_kib(s);
    quota_give(k, s);
    volumes_detach(k, s);
}

static struct lane *lane_of(struct keeper *k, const struct sub *s)
{
    return s->is_source && s->info.state == SUB_HELD ? &k->builds : &k->starts;
}

static void wait_here(struct keeper *k, struct sub *s, bool front)
{
    struct lane *l = lane_of(k, s);
    struct err e;

    if (s->queued || (front ? lane_push_front(l, s) : lane_push(l, s)) == 0)
        return;
    err_set(&e, ENOMEM, "no memory for a queue");
    keeper_fail(k, &e);
}

void machine_wait(struct keeper *k, struct sub *s)
{
    wait_here(k, s, false);
}

// ------------------------------------------------------------------ messages

static void stop_post(struct keeper *k, const struct sub *s,
                      enum hvc_cause cause)
{
    struct msg_stop m = {.id = s->info.id, .cause = cause};

    ipc_head(&m, MSG_STOP, sub_tag(s));
    chan_post(&k->spawner, &m, NULL, 0);
}

void machine_release(struct keeper *k, const sub_id_t *id)
{
    struct msg_renew m = {.id = *id};

    ipc_head(&m, MSG_RELEASE, 0);
    chan_post(&k->spawner, &m, NULL, 0);
}

static void record_post(struct keeper *k, struct sub *s, uint64_t now_real_ns)
{
    struct msg_record m;
    struct err e;

    if (s->record_pending || !meter_record(s, now_real_ns, &m))
        return;
    ipc_head(&m, MSG_RECORD, sub_tag(s));
    if (journal_record_add(&k->journal, &m, &e) < 0)
        keeper_fail(k, &e);
    s->record_pending = true;
    sub_touch(&k->subs, s);
    m.id = period_id(&m.id, s->info.period);
    chan_post(&k->ledger, &m, NULL, 0);
}

void machine_record(struct keeper *k, struct sub *s, uint64_t now_real_ns)
{
    record_post(k, s, now_real_ns);
}

static void settle_post(struct keeper *k, struct sub *s)
{
    struct msg_record m;

    period_close(k, s);
    meter_last(s, &m);
    m.id = period_id(&m.id, s->info.period);
    ipc_head(&m, MSG_SETTLE, sub_tag(s));
    chan_post(&k->ledger, &m, NULL, 0);
}

// ------------------------------------------------------------------- the end

// Its outcome is known; what is left is to charge it.
static enum sub_state finish(struct sub *s, enum sub_outcome outcome,
                             const char *report)
{
    s->info.outcome = outcome;
    if (!s->info.ended_real_ns)
        s->info.ended_real_ns = clock_real_ns();
    // The clock may have been set back since.
    if (s->info.ended_real_ns < s->info.started_real_ns)
        s->info.ended_real_ns = s->info.started_real_ns;
    if (report)
        ipc_text(s->info.report, report);
    return SUB_SETTLING;
}

static enum sub_state finish_err(struct sub *s, const struct err *e)
{
    char id[SUB_ID_TEXT];

    log_error("submission %s is lost: %s", sub_id_text(id, &s->info.id),
              e->text);
    return finish(s, OUTCOME_LOST, e->text);
}

// Something that the machine is short of just now: worth another try.
static bool is_shortage(const struct err *e)
{
    return e->code == EMFILE || e->code == ENFILE || e->code == ENOMEM ||
           e->code == ENOSPC || e->code == EDQUOT;
}

// It could not be begun. Back to where it waited, at the front, for a while;
// or it is over.
static enum sub_state begin_failed(struct keeper *k, struct sub *s,
                                   const struct err *e, uint64_t *after_ns)
{
    char id[SUB_ID_TEXT];

    if (!is_shortage(e))
        return finish_err(s, e);
    log_warn("submission %s waits: %s", sub_id_text(id, &s->info.id), e->text);
    *after_ns = clock_mono_ns() + SHORT_NS;
    wait_here(k, s, true);
    return s->info.state;
}

static const enum sub_outcome outcomes[] = {
    [HVC_POWEROFF] = OUTCOME_EXITED,
    [HVC_REBOOT] = OUTCOME_EXITED, // it runs once
    [HVC_CRASH] = OUTCOME_CRASHED,
    [HVC_SUSPEND] = OUTCOME_CRASHED, // nobody asked it to
    [HVC_TRAP] = OUTCOME_TRAPPED,
    [HVC_SYSCALL] = OUTCOME_SYSCALL,
    [HVC_CPU_BUDGET] = OUTCOME_CPU_BUDGET,
    [HVC_WALL_BUDGET] = OUTCOME_WALL_BUDGET,
    [HVC_LEASE_LAPSED] = OUTCOME_LOST, // we did not renew it
    [HVC_STOPPED] = OUTCOME_DESTROYED,
    [HVC_REFUSED] = OUTCOME_REFUSED,
    [HVC_MEMORY] = OUTCOME_MEMORY,
    [HVC_KILLED] = OUTCOME_CRASHED,
    [HVC_LOST] = OUTCOME_LOST,
};

enum sub_outcome machine_outcome(uint32_t cause, uint32_t status)
{
    // Nothing a guest does ends in this signal: somebody on the node sent it.
    if (cause == HVC_KILLED && status == SIGKILL)
        return OUTCOME_LOST;
    return cause < sizeof(outcomes) / sizeof(outcomes[0]) && outcomes[cause]
               ? outcomes[cause]
               : OUTCOME_LOST;
}

// ------------------------------------------------------------------- actions

typedef enum sub_state action(struct keeper *k, struct sub *s,
                              const struct event *ev);

static enum sub_state stay(struct keeper *k, struct sub *s,
                           const struct event *ev)
{
    (void)k;
    (void)ev;
    return s->info.state;
}

static enum sub_state build(struct keeper *k, struct sub *s)
{
    struct msg_build m = {
        .id = s->info.id,
        .cpu_ns = s->info.limits.build_cpu_ns,
        .wall_ns = k->cfg.build_wall_ns,
        .memory_kib = k->cfg.build_memory_kib,
    };
    cleanup_close int bundle = -1, log = -1;
    struct stat st;
    struct err e;

    bundle = store_get(&k->store, &s->info.customer, s->bundle, &e);
    if (bundle < 0)
        return begin_failed(k, s, &e, &k->builds_after_ns);
    log = store_log_new(&k->store, &s->info.id, LOG_BUILD, &e);
    if (log < 0)
        return begin_failed(k, s, &e, &k->builds_after_ns);
    if (fstat(bundle, &st) < 0) {
        err_errno(&e, "the bundle's file");
        return begin_failed(k, s, &e, &k->builds_after_ns);
    }
    m.bundle_len = st.st_size;
    ipc_head(&m, MSG_BUILD, sub_tag(s));
    chan_post(&k->builder, &m, (int[]){steal_fd(&bundle), steal_fd(&log)}, 2);
    s->recorded_real_ns = clock_real_ns();
    return SUB_BUILDING;
}

// A function runs when it can be called; its domains come with its calls.
static enum sub_state function_begin(struct sub *s)
{
    if (!s->info.started_real_ns)
        s->info.started_real_ns = clock_real_ns();
    s->recorded_real_ns = clock_real_ns();
    return SUB_RUNNING;
}

// ev: with an interface, or NULL.
static enum sub_state start_now(struct keeper *k, struct sub *s,
                                const struct event *ev)
{
    struct err e;

    switch (
        start_ask(k, s, ev ? ev->device : NULL, ev ? *ev->device_fd : -1, &e)) {
    case START_ASKED:
        s->starting = true;
        room_take(k, s);
        return s->info.state;
    case START_LATER: // a moment after the node's start
        k->starts_after_ns = clock_mono_ns() + BUSY_NS;
        wait_here(k, s, true);
        return s->info.state;
    case START_CPU_SPENT:
        return finish(s, OUTCOME_CPU_BUDGET, "its CPU budget is spent");
    case START_TIME_SPENT:
        return finish(s, OUTCOME_WALL_BUDGET, "its time is up");
    case START_REFUSED:
        return finish(s, OUTCOME_REFUSED, e.text);
    case START_FAILED:
        break;
    }
    return begin_failed(k, s, &e, &k->starts_after_ns);
}

static enum sub_state act_start(struct keeper *k, struct sub *s,
                                const struct event *ev)
{
    (void)ev;
    if (s->info.run.mode == RUN_FUNCTION)
        return function_begin(s);
    if (s->info.net.mode == NET_NONE)
        return start_now(k, s, NULL);
    net_ask(k, s);
    s->starting = true;
    room_take(k, s);
    return s->info.state;
}

static enum sub_state act_turn(struct keeper *k, struct sub *s,
                               const struct event *ev)
{
    if (!s->is_source)
        return act_start(k, s, ev);
    return cache_find(k, s) ? SUB_BUILT : build(k, s);
}

static enum sub_state act_built(struct keeper *k, struct sub *s,
                                const struct event *ev)
{
    struct err e;
    int r;

    meter_build(s, &ev->built->usage);
    record_post(k, s, clock_real_ns());
    r = image_store(&k->store, &s->info.customer, *ev->image_fd,
                    ev->built->image_digest, &e);
    if (r < 0)
        return finish_err(s, &e);
    memcpy(s->image, ev->built->image_digest, sizeof(s->image));
    s->has_image = true;
    cache_add(k, s);
    if (s->destroyed)
        return finish(s, OUTCOME_DESTROYED, NULL);
    return SUB_BUILT;
}

static enum sub_state act_unbuilt(struct keeper *k, struct sub *s,
                                  const struct event *ev)
{
    enum sub_outcome outcome = ev->built->outcome;

    (void)k;
    meter_build(s, &ev->built->usage);
    if (s->destroyed)
        outcome = OUTCOME_DESTROYED;
    else if (outcome == OUTCOME_NONE) // no image came with it
        outcome = OUTCOME_LOST;
    return finish(s, outcome, ev->built->text);
}

static enum sub_state act_started(struct keeper *k, struct sub *s,
                                  const struct event *ev)
{
    uint64_t started_ns = ev->domain ? ev->domain->started_real_ns : 0;

    s->starting = false;
    if (s->queued)
        lane_remove(lane_of(k, s), s);
    room_take(k, s);
    if (!started_ns)
        started_ns = clock_real_ns();
    if (!s->info.incarnation++)
        s->info.started_real_ns = started_ns;
    s->info.next_start_real_ns = 0;
    s->began_ns = ev->domain ? 0 : clock_mono_ns();
    s->recorded_real_ns = started_ns;
    s->info.usage.starts = s->before.starts + 1;
    cmdline_forget(s);
    return SUB_RUNNING;
}

// The spawner found it running when it started anew.
static enum sub_state act_adopted(struct keeper *k, struct sub *s,
                                  const struct event *ev)
{
    if (ev->domain)
        s->info.slot = ev->domain->slot;
    if (s->destroyed || s->spent)
        stop_post(k, s, s->spent ? HVC_CPU_BUDGET : HVC_STOPPED);
    return SUB_RUNNING;
}

// The builder never began: its last build there is not quite gone.
static enum sub_state act_build_busy(struct keeper *k, struct sub *s,
                                     const struct event *ev)
{
    if (s->destroyed)
        return finish(s, OUTCOME_DESTROYED, NULL);
    if (++s->build_tries > BUILD_TRIES)
        return finish(s, OUTCOME_LOST, ev->text);
    k->builds_after_ns = clock_mono_ns() + BUILD_BUSY_NS;
    return SUB_HELD;
}

static enum sub_state act_unstarted(struct keeper *k, struct sub *s,
                                    const struct event *ev)
{
    struct err e;

    s->starting = false;
    room_give(k, s); // there is no slot to release
    err_set(&e, EIO, "the node could not start the domain: %s", ev->text);
    return finish_err(s, &e);
}

static enum sub_state act_usage(struct keeper *k, struct sub *s,
                                const struct event *ev)
{
    const struct msg_domain *d = ev->domain;
    char id[SUB_ID_TEXT];

    s->info.slot = d->slot;
    if (meter_domain(s, &d->usage, &s->info.usage) < 0)
        log_warn("submission %s: a counter went back; not recorded",
                 sub_id_text(id, &s->info.id));
    else
        record_post(k, s, d->now_real_ns);
    console_mark(k, s, d->now_real_ns);
    return s->info.state;
}

// The domain is over and its figures are known: the end, or a service's next
// beginning.
static enum sub_state over(struct keeper *k, struct sub *s,
                           enum sub_outcome outcome, const char *report,
                           bool asked_to)
{
    if (!service_goes_on(k, s, outcome, asked_to))
        return finish(s, outcome, report);
    s->info.outcome = outcome;
    if (report)
        ipc_text(s->info.report, report);
    record_post(k, s, clock_real_ns());
    meter_incarnation_end(s);
    if (s->counted)
        machine_release(k, &s->info.id);
    room_give(k, s);
    return SUB_BUILT;
}

static enum sub_state act_ended(struct keeper *k, struct sub *s,
                                const struct event *ev)
{
    const struct msg_domain *d = ev->domain;
    const char *report = d->text[0] ? d->text : NULL;

    if (s->info.state != SUB_RUNNING)
        act_started(k, s, ev);
    meter_domain_last(s, &d->usage, &s->info.usage);
    s->info.slot = 0;
    console_over(k, s);
    if (s->info.run.mode != RUN_SERVICE)
        s->info.ended_real_ns = d->now_real_ns;
    s->info.exit_status = 0;
    if (d->cause == HVC_POWEROFF)
        s->info.exit_status = (int32_t)(d->status & 0xff);
    if (s->spent && d->cause == HVC_CPU_BUDGET)
        report = period_spent_text(s);
    return over(k, s, machine_outcome(d->cause, d->status), report,
                d->cause == HVC_REBOOT);
}

static enum sub_state act_lost(struct keeper *k, struct sub *s,
                               const struct event *ev)
{
    s->info.slot = 0;
    room_give(k, s); // there is no slot to release
    if (s->info.state == SUB_RUNNING)
        return over(k, s, OUTCOME_LOST, ev->text, false);
    return finish(s, OUTCOME_LOST, ev->text);
}

// A function is over, and so are its calls.
static enum sub_state act_drained(struct keeper *k, struct sub *s,
                                  const struct event *ev)
{
    (void)k;
    (void)ev;
    if (s->destroyed)
        return finish(s, OUTCOME_DESTROYED, NULL);
    if (s->spent)
        return finish(s, OUTCOME_CPU_BUDGET, period_spent_text(s));
    if (s->before.wall_ns >= s->info.limits.wall_ns)
        return finish(s, OUTCOME_WALL_BUDGET, "its requests' time is used up");
    return finish(s, OUTCOME_CPU_BUDGET, "its requests' CPU budget is used up");
}

static enum sub_state act_spent(struct keeper *k, struct sub *s,
                                const struct event *ev)
{
    (void)ev;
    s->spent = true;
    sub_touch(&k->subs, s);
    if (s->info.run.mode == RUN_FUNCTION && s->info.state == SUB_RUNNING)
        return function_close(k, s) ? act_drained(k, s, ev) : SUB_RUNNING;
    if (s->starting || s->info.state == SUB_RUNNING) {
        stop_post(k, s, HVC_CPU_BUDGET);
        return s->info.state;
    }
    if (s->info.incarnation)
        return finish(s, OUTCOME_CPU_BUDGET, period_spent_text(s));
    return finish(s, OUTCOME_BUILD_BUDGET,
                  "the build used up the cost cap of this submission");
}

static enum sub_state act_busy(struct keeper *k, struct sub *s,
                               const struct event *ev)
{
    s->starting = false;
    room_give(k, s);
    k->starts_after_ns = clock_mono_ns() + BUSY_NS;
    if (s->destroyed)
        return finish(s, OUTCOME_DESTROYED, NULL);
    if (s->spent)
        return act_spent(k, s, ev);
    wait_here(k, s, true);
    return s->info.state;
}

// Its interface is there; nobody has told the spawner yet.
static enum sub_state act_linked(struct keeper *k, struct sub *s,
                                 const struct event *ev)
{
    if (s->destroyed || s->spent)
        return act_busy(k, s, ev);
    s->starting = false; // should it have to wait again
    room_give(k, s);
    return start_now(k, s, ev);
}

static enum sub_state act_destroy(struct keeper *k, struct sub *s,
                                  const struct event *ev)
{
    struct msg_get m = {.id = s->info.id};

    if (s->destroyed)
        return s->info.state;
    s->destroyed = true;
    sub_touch(&k->subs, s);
    if (s->info.run.mode == RUN_FUNCTION && s->info.state == SUB_RUNNING)
        return function_close(k, s) ? act_drained(k, s, ev) : SUB_RUNNING;
    if (s->starting || s->info.state == SUB_RUNNING) {
        stop_post(k, s, HVC_STOPPED);
        return s->info.state;
    }
    if (s->info.state == SUB_BUILDING) {
        ipc_head(&m, MSG_BUILD_STOP, sub_tag(s));
        chan_post(&k->builder, &m, NULL, 0);
        return s->info.state;
    }
    return finish(s, OUTCOME_DESTROYED, NULL);
}

static enum sub_state act_release(struct keeper *k, struct sub *s,
                                  const struct event *ev)
{
    (void)ev;
    machine_release(k, &s->info.id);
    return s->info.state;
}

// A domain of a submission that is over: a journal restored from a backup.
static enum sub_state act_stop(struct keeper *k, struct sub *s,
                               const struct event *ev)
{
    (void)ev;
    stop_post(k, s, HVC_STOPPED);
    return s->info.state;
}

static enum sub_state act_settled(struct keeper *k, struct sub *s,
                                  const struct event *ev)
{
    const struct msg_settle_reply *m = ev->settled;
    char id[SUB_ID_TEXT];

    (void)k;
    if (m->reply.status != 200)
        log_error("submission %s cannot be settled: %s",
                  sub_id_text(id, &s->info.id), m->reply.text);
    // Earlier periods are in it already.
    s->info.charged_nano += m->charged_nano;
    s->info.written_off_nano += m->written_off_nano;
    return SUB_DONE;
}

// ----------------------------------------------------------------- the table

#define FINISH_ANY                                                             \
    [EV_LOST] = act_lost, [EV_SPENT] = act_spent, [EV_DESTROY] = act_destroy
#define START_ANY                                                              \
    [EV_LINKED] = act_linked, [EV_STARTED] = act_started,                      \
    [EV_BUSY] = act_busy, [EV_UNSTARTED] = act_unstarted,                      \
    [EV_ENDED] = act_ended

static action *const machine[SUB_STATES][EV_COUNT] = {
    [SUB_HELD] = {[EV_TURN] = act_turn, START_ANY, FINISH_ANY},
    [SUB_BUILDING] = {[EV_BUSY] = act_build_busy,
                      [EV_BUILT] = act_built,
                      [EV_UNBUILT] = act_unbuilt,
                      [EV_DESTROY] = act_destroy},
    [SUB_BUILT] = {[EV_TURN] = act_start, START_ANY, FINISH_ANY},
    [SUB_RUNNING] = {[EV_STARTED] = act_adopted,
                     [EV_USAGE] = act_usage,
                     [EV_ENDED] = act_ended,
                     [EV_DRAINED] = act_drained,
                     FINISH_ANY},
    [SUB_SETTLING] = {[EV_STARTED] = act_stop,
                      [EV_USAGE] = stay,
                      [EV_ENDED] = act_release,
                      [EV_SPENT] = stay,
                      [EV_DESTROY] = stay,
                      [EV_SETTLED] = act_settled},
    [SUB_DONE] =
        {[EV_SPENT] = stay, [EV_DESTROY] = stay, [EV_ENDED] = act_release},
};

static void enter(struct keeper *k, struct sub *s, enum sub_state from,
                  enum sub_state next)
{
    if (from == SUB_BUILDING)
        k->builds_running--;
    if (next == SUB_SETTLING && s->queued)
        lane_remove(lane_of(k, s), s); // by the state it waits in
    if (next == SUB_SETTLING && s->info.run.mode == RUN_FUNCTION)
        function_close(k, s); // what still waits is answered
    if (next == SUB_SETTLING && s->resting)
        service_wake(k, s);
    s->info.state = next;
    sub_touch(&k->subs, s);
    switch (next) {
    case SUB_BUILT:
        if (s->start_after_ns > clock_mono_ns()) {
            service_rest(k, s);
            break;
        }
        // fall through
    case SUB_HELD:
        wait_here(k, s, false);
        break;
    case SUB_BUILDING:
        k->builds_running++;
        break;
    case SUB_SETTLING:
        settle_post(k, s);
        if (s->counted)
            machine_release(k, &s->info.id);
        room_give(k, s);
        net_give(k, s);
        break;
    case SUB_RUNNING:
    case SUB_DONE:
        break;
    }
}

static const char *const event_names[EV_COUNT] = {
    [EV_TURN] = "turn",       [EV_BUILT] = "built",
    [EV_UNBUILT] = "unbuilt", [EV_STARTED] = "started",
    [EV_BUSY] = "busy",       [EV_UNSTARTED] = "unstarted",
    [EV_USAGE] = "usage",     [EV_ENDED] = "ended",
    [EV_LOST] = "lost",       [EV_SPENT] = "spent",
    [EV_DESTROY] = "destroy", [EV_SETTLED] = "settled",
    [EV_DRAINED] = "drained", [EV_LINKED] = "linked",
};

void machine_feed(struct keeper *k, struct sub *s, const struct event *ev)
{
    enum sub_state from = s->info.state, next;
    action *act = machine[from][ev->kind];
    char id[SUB_ID_TEXT];

    if (!act) {
        log_warn("submission %s: \"%s\" makes no sense in state %d",
                 sub_id_text(id, &s->info.id), event_names[ev->kind], from);
        return;
    }
    next = act(k, s, ev);
    if (next != from)
        enter(k, s, from, next);
}

void machine_begin(struct keeper *k, struct sub *s)
{
    if (quota_enter(k, s) < 0)
        log_warn("no memory to count a customer's submissions");
    enter(k, s, SUB_ASKED, cache_find(k, s) ? SUB_BUILT : SUB_HELD);
}

void machine_resume(struct keeper *k, struct sub *s)
{
    s->console_read = true; // nobody knows
    quota_enter(k, s);
    if (s->info.state == SUB_RUNNING) {
        if (s->info.run.mode != RUN_FUNCTION) {
            room_take(k, s); // unless it turns out to be lost
            volumes_attached(k, s);
        } else if (s->destroyed || s->spent || function_is_spent(s))
            machine_event(k, s, .kind = EV_DRAINED); // its calls are gone
        return;
    }
    if (s->info.state == SUB_BUILDING) // the first attempt is the node's loss
        s->info.state = SUB_HELD;
    if (s->destroyed && s->info.state != SUB_SETTLING)
        enter(k, s, SUB_ASKED, finish(s, OUTCOME_DESTROYED, NULL));
    else
        enter(k, s, SUB_ASKED, s->info.state);
}
