// SPDX-License-Identifier: ISC
// Holds that are renewed; see period.h.
//
//     idle ----> asked --200--> held ----> settling ----> idle
//       ^          |  402               (number + 1)
//       '- unpaid <'          an end from asked or held: voiding, then idle

#include "node-agent/keeper/period.h"

#include <string.h>
#include "lib/clock.h"
#include "lib/log.h"
#include "node-agent/agent/period.h"
#include "node-agent/keeper/machine.h"
#include "node-agent/keeper/meter.h"
#include "node-agent/keeper/net.h"

#define DAY_NS 86400000000000ull

// There was no money: asked again so much later.
#define UNPAID_RETRY_NS (60ull * 1000000000u)

// Of a network's budget a hold covers its share by time, but no less than this,
// so that the first page that somebody fetches does not use it up.
#define NET_LEAST_BYTES (64ull << 20)

// One that starts more often than once a minute is asked for again sooner.
#define STARTS_APART_NS (60ull * 1000000000u)

static bool renews(const struct keeper *k, const struct sub *s)
{
    return s->info.run.mode != RUN_ONCE && k->cfg.hold_ns;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t left_of(uint64_t limit, uint64_t used)
{
    return used < limit ? limit - used : 0;
}

static uint64_t net_share(const struct keeper *k, uint64_t left,
                          uint64_t left_wall_ns)
{
    unsigned __int128 share = left;

    if (left_wall_ns <= k->cfg.hold_ns)
        return left;
    share = share * k->cfg.hold_ns / left_wall_ns;
    if (share < NET_LEAST_BYTES)
        share = NET_LEAST_BYTES;
    return least(left, (uint64_t)share);
}

// What its cost cap permits beyond the present hold, of which all may be
// charged. 0: nothing.
static int64_t cap_left(const struct sub *s)
{
    int64_t left = s->info.limits.cost_cap_nano - s->info.charged_nano;

    return left > s->info.hold_nano ? left - s->info.hold_nano : 0;
}

// No more than one period's worth of what its budgets leave.
static void hold_cut(const struct keeper *k, const struct sub *s,
                     struct msg_hold *m)
{
    const struct usage *used = &s->info.usage;
    struct sub_limits *l = &m->limits;
    uint64_t wall_ns = left_of(l->wall_ns, used->wall_ns);
    uint64_t starts = k->cfg.hold_ns / STARTS_APART_NS + 1;

    m->net_in_bytes =
        net_share(k, left_of(m->net_in_bytes, used->net_rx_bytes), wall_ns);
    m->net_out_bytes =
        net_share(k, left_of(m->net_out_bytes, used->net_tx_bytes), wall_ns);
    l->cpu_ns = least(left_of(l->cpu_ns, used->cpu_ns), k->cfg.hold_ns);
    l->wall_ns = least(wall_ns, k->cfg.hold_ns);
    l->console_bytes = left_of(l->console_bytes, used->console_bytes);
    m->starts = (uint32_t)least(m->starts, starts);
}

void period_hold_post(struct keeper *k, struct sub *s, bool next)
{
    const struct sub_info *i = &s->info;
    struct msg_hold m = {
        .id = period_id(&i->id, i->period + next),
        .customer = i->customer,
        .limits = i->limits,
        .is_source = s->is_source && !next,
        .is_next = next,
        .starts = run_starts(&i->run),
        .net_in_bytes = i->net.in_bytes,
        .net_out_bytes = i->net.out_bytes,
    };

    m.limits.console_bytes = meter_kept_max(i);
    if (renews(k, s))
        hold_cut(k, s, &m);
    if (next && i->limits.cost_cap_nano > 0)
        m.limits.cost_cap_nano = cap_left(s);
    memcpy(m.currency, s->cap_currency, sizeof(m.currency));
    ipc_head(&m, MSG_HOLD, sub_tag(s) | (next ? PERIOD_TAG : 0));
    chan_post(&k->ledger, &m, NULL, 0);
}

// Of a period that has no last record: all its usage is in the books.
static void end_post(struct keeper *k, struct sub *s, enum msg_type type,
                     uint32_t period)
{
    struct msg_record m = {.id = period_id(&s->info.id, period),
                           .customer = s->info.customer,
                           .from_real_ns = s->recorded_real_ns,
                           .to_real_ns = s->recorded_real_ns};

    ipc_head(&m, type, sub_tag(s) | PERIOD_TAG);
    chan_post(&k->ledger, &m, NULL, 0);
}

static void state_set(struct keeper *k, struct sub *s, enum hold_state state)
{
    s->ahead.state = state;
    sub_touch(&k->subs, s);
}

// Later usage is of the next period; no record may be on its way.
static void roll(struct keeper *k, struct sub *s)
{
    if (s->record_pending)
        return; // when that was answered
    s->info.period++;
    s->info.hold_nano = s->ahead.hold_nano;
    s->ahead.hold_nano = 0;
    s->ahead.to_real_ns = 0;
    s->sequence = 0;
    s->used_up = false;
    state_set(k, s, HOLD_SETTLING);
    end_post(k, s, MSG_SETTLE, s->info.period - 1);
}

static void ask(struct keeper *k, struct sub *s)
{
    state_set(k, s, HOLD_ASKED);
    period_hold_post(k, s, true);
}

static bool may_ask(const struct keeper *k, const struct sub *s)
{
    return renews(k, s) && !s->spent && !s->destroyed &&
           s->info.state != SUB_SETTLING && s->info.state != SUB_DONE &&
           (s->info.limits.cost_cap_nano <= 0 || cap_left(s) > 0);
}

static bool day_is_over(struct keeper *k, struct sub *s)
{
    uint64_t now_ns = clock_real_ns();

    if (s->ahead.to_real_ns)
        return now_ns >= s->ahead.to_real_ns;
    s->ahead.to_real_ns = (now_ns / DAY_NS + 1) * DAY_NS;
    sub_touch(&k->subs, s);
    return false;
}

void period_recorded(struct keeper *k, struct sub *s, unsigned status)
{
    bool wanted = renews(k, s) && (day_is_over(k, s) || status == 202);

    s->used_up = status == 402;
    switch ((enum hold_state)s->ahead.state) {
    case HOLD_HELD:
        roll(k, s);
        return;
    case HOLD_ASKED: // its answer decides
        return;
    case HOLD_UNPAID:
        wanted &= clock_mono_ns() >= s->ahead_retry_ns;
        // fall through
    case HOLD_IDLE:
        if ((wanted || s->used_up) && may_ask(k, s)) {
            ask(k, s);
            return;
        }
        break;
    case HOLD_SETTLING:
    case HOLD_VOIDING:
        // A small one can be used up before the one before it is settled; the
        // answer to that looks at used_up.
        return;
    }
    if (s->used_up)
        machine_event(k, s, .kind = EV_SPENT);
}

static void held(struct keeper *k, struct sub *s,
                 const struct msg_hold_reply *m)
{
    char id[SUB_ID_TEXT];

    if (s->ahead.state != HOLD_ASKED)
        return;
    if (m->reply.status == 200) {
        s->ahead.hold_nano = m->hold_nano;
        state_set(k, s, HOLD_HELD);
        roll(k, s);
        return;
    }
    log_info("submission %s gets no further hold: %s",
             sub_id_text(id, &s->info.id), m->reply.text);
    // With other refusals the cap is what is used up.
    state_set(k, s, m->reply.status == 402 ? HOLD_UNPAID : HOLD_IDLE);
    s->ahead_retry_ns = clock_mono_ns() + UNPAID_RETRY_NS;
    if (s->used_up)
        machine_event(k, s, .kind = EV_SPENT);
}

static void settled(struct keeper *k, struct sub *s,
                    const struct msg_settle_reply *m)
{
    char id[SUB_ID_TEXT];

    if (s->ahead.state != HOLD_SETTLING)
        return;
    if (m->reply.status != 200)
        log_error("period %u of submission %s cannot be settled: %s",
                  s->info.period - 1, sub_id_text(id, &s->info.id),
                  m->reply.text);
    s->info.charged_nano += m->charged_nano;
    s->info.written_off_nano += m->written_off_nano;
    state_set(k, s, HOLD_IDLE);
    if (s->used_up)
        period_recorded(k, s, 402);
}

bool period_news(struct keeper *k, const union ipc_any *any)
{
    uint64_t tag = any->head.tag;
    struct sub *s;

    if (!(tag & PERIOD_TAG) || tag >> 61)
        return false;
    s = sub_by_tag(&k->subs, tag & ~PERIOD_TAG);
    if (s && any->head.type == (MSG_HOLD | MSG_REPLY))
        held(k, s, &any->hold_reply);
    else if (s && any->head.type == (MSG_SETTLE | MSG_REPLY))
        settled(k, s, &any->settle);
    else if (s && any->head.type == (MSG_VOID | MSG_REPLY) &&
             s->ahead.state == HOLD_VOIDING)
        state_set(k, s, HOLD_IDLE);
    return true;
}

void period_close(struct keeper *k, struct sub *s)
{
    if (s->ahead.state != HOLD_ASKED && s->ahead.state != HOLD_HELD)
        return;
    state_set(k, s, HOLD_VOIDING);
    end_post(k, s, MSG_VOID, s->info.period + 1);
}

void period_resume(struct keeper *k, struct sub *s)
{
    switch ((enum hold_state)s->ahead.state) {
    case HOLD_ASKED:
        period_hold_post(k, s, true);
        break;
    case HOLD_HELD:
        roll(k, s);
        break;
    case HOLD_SETTLING:
        end_post(k, s, MSG_SETTLE, s->info.period - 1);
        break;
    case HOLD_VOIDING:
        end_post(k, s, MSG_VOID, s->info.period + 1);
        break;
    case HOLD_IDLE:
    case HOLD_UNPAID:
        break;
    }
}

const char *period_spent_text(const struct sub *s)
{
    return s->ahead.state == HOLD_UNPAID
               ? "stopped: the account's balance is used up; pay in, then "
                 "submit it again"
               : "stopped: the cost cap of this submission is used up";
}
