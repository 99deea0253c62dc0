// SPDX-License-Identifier: ISC
// What the ledger, the spawner and the builder say, as events of the machine.

#include <errno.h>
#include <string.h>
#include "lib/log.h"
#include "node-agent/keeper/function.h"
#include "node-agent/keeper/keeper.h"
#include "node-agent/keeper/machine.h"
#include "node-agent/keeper/people.h"
#include "node-agent/keeper/period.h"

static int unexpected(const struct chan *from, const union ipc_any *any,
                      struct err *e)
{
    return err_set(e, EPROTO, "the %s role may not send \"%s\"", from->peer,
                   ipc_name(any->head.type));
}

// -------------------------------------------------------------------- ledger

// The record is in the books, or never will be.
static void recorded(struct keeper *k, struct sub *s, const struct msg_reply *m)
{
    char id[SUB_ID_TEXT];
    struct err e;

    if (m->status != 200 && m->status != 202 && m->status != 402)
        log_error("a usage record of submission %s is refused: %s",
                  sub_id_text(id, &s->info.id), m->text);
    if (journal_record_done(&k->journal, &s->info.id, &e) < 0)
        keeper_fail(k, &e);
    s->record_pending = false;
    period_recorded(k, s, m->status);
}

static void settled(struct keeper *k, struct sub *s,
                    const struct msg_settle_reply *m)
{
    struct err e;

    if (s->record_pending && // refused while we were away
        journal_record_done(&k->journal, &s->info.id, &e) < 0)
        keeper_fail(k, &e);
    s->record_pending = false;
    machine_event(k, s, .kind = EV_SETTLED, .settled = m);
}

int news_of_ledger(struct keeper *k, const union ipc_any *any, struct err *e)
{
    struct sub *s = sub_by_tag(&k->subs, any->head.tag);

    if (volumes_news(k, any) || period_news(k, any))
        return 0;
    switch (any->head.type) {
    case MSG_QUOTE | MSG_REPLY:
        memcpy(k->currency, any->quote_reply.currency, sizeof(k->currency));
        return 0;
    case MSG_HOLD | MSG_REPLY:
        if (s)
            submit_held(k, s, &any->hold_reply);
        return 0;
    case MSG_ENROL | MSG_REPLY:
        people_enrolled(k, &any->account_reply);
        return 0;
    case MSG_RECORD | MSG_REPLY:
        if (s)
            recorded(k, s, &any->reply);
        return 0;
    case MSG_SETTLE | MSG_REPLY:
        if (s)
            settled(k, s, &any->settle);
        return 0;
    case MSG_VOID | MSG_REPLY:
        if (s)
            submit_voided(k, s);
        return 0;
    }
    return unexpected(&k->ledger, any, e);
}

// ------------------------------------------------------------------- spawner

static void start_answered(struct keeper *k, const struct msg_reply *m)
{
    struct sub *s = sub_by_tag(&k->subs, m->head.tag);

    if (function_started(k, m) || !s || !s->starting)
        return;
    if (m->status < 400)
        machine_event(k, s, .kind = EV_STARTED);
    else if (m->status == 503)
        machine_event(k, s, .kind = EV_BUSY);
    else
        machine_event(k, s, .kind = EV_UNSTARTED, .text = m->text);
}

// A domain that no live submission belongs to: the journal has it as done, or
// was restored from before it began.
static void stray(struct keeper *k, const struct msg_domain *m)
{
    struct msg_stop stop = {.id = m->id, .cause = HVC_STOPPED};
    char id[SUB_ID_TEXT];

    if (m->head.type == MSG_ENDED) {
        machine_release(k, &m->id);
        return;
    }
    log_warn("stopping the domain of submission %s, which is over",
             sub_id_text(id, &m->id));
    ipc_head(&stop, MSG_STOP, 0);
    chan_post(&k->spawner, &stop, NULL, 0);
}

// News of an incarnation whose end is in the journal: the spawner, or we, died
// before its slot was released.
static bool is_old(const struct sub *s, const struct msg_domain *m)
{
    uint32_t present =
        s->info.incarnation + (s->info.state < SUB_RUNNING ? 1 : 0);

    return s->info.run.mode != RUN_ONCE && m->incarnation < present;
}

static void adopted(struct keeper *k, const struct msg_domain *m)
{
    static const sub_id_t none;
    struct sub *s;

    if (!memcmp(&m->id, &none, sizeof(none))) {
        k->adopting = false;
        recover_lost(k);
        doms_adopted(k);
        return;
    }
    s = sub_find(&k->subs, &m->id);
    if (!s || is_old(s, m)) {
        stray(k, m);
        return;
    }
    s->adopted = true;
    machine_event(k, s, .kind = EV_STARTED, .domain = m);
    k->lease_due_ns = 0; // whatever is left of the old lease
}

int news_of_spawner(struct keeper *k, const union ipc_any *any, struct err *e)
{
    const struct msg_domain *m = &any->domain;
    struct sub *s;

    if (doms_news(k, any))
        return 0;
    switch (any->head.type) {
    case MSG_START | MSG_REPLY:
        start_answered(k, &any->reply);
        return 0;
    case MSG_FEED | MSG_REPLY:
    case MSG_PASS | MSG_REPLY:
        serve_fed(k, &any->input_reply);
        return 0;
    case MSG_ADOPTED:
        adopted(k, m);
        return 0;
    case MSG_OVER:
        function_news(k, m);
        return 0;
    case MSG_USAGE:
    case MSG_ENDED:
        if (function_news(k, m))
            return 0;
        s = sub_find(&k->subs, &m->id);
        if (!s || is_old(s, m))
            stray(k, m);
        else
            machine_event(
                k, s, .kind = any->head.type == MSG_ENDED ? EV_ENDED : EV_USAGE,
                .domain = m);
        return 0;
    }
    return unexpected(&k->spawner, any, e);
}

// ------------------------------------------------------------------- builder

int news_of_builder(struct keeper *k, const union ipc_any *any,
                    int fds[IPC_FDS_MAX], struct err *e)
{
    const struct msg_built *m = &any->built;
    struct sub *s;

    if (any->head.type != MSG_BUILT)
        return unexpected(&k->builder, any, e);
    s = sub_find(&k->subs, &m->id);
    if (!s)
        return 0;
    if (m->outcome == OUTCOME_LOST && m->usage.builds == 0)
        machine_event(k, s, .kind = EV_BUSY, .text = m->text);
    else if (m->outcome == OUTCOME_NONE && fds[0] >= 0)
        machine_event(k, s, .kind = EV_BUILT, .built = m, .image_fd = &fds[0]);
    else
        machine_event(k, s, .kind = EV_UNBUILT, .built = m);
    return 0;
}
