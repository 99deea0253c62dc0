// SPDX-License-Identifier: ISC
// Taking a submission: verify, ask for a hold, store, and only then say yes.
//
// The journal has a row before the ledger is asked, so that money held for a
// submission that nobody was told yes about is given back some day. Until then
// the customer who comes back with the same bundle goes on where it stopped:
// the ledger answers the same hold again.

#include "node-agent/keeper/keeper.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "node-agent/keeper/admit.h"
#include "node-agent/keeper/machine.h"
#include "node-agent/keeper/net.h"
#include "node-agent/keeper/people.h"
#include "node-agent/keeper/period.h"
#include "node-agent/keeper/quota.h"

static void cleanup_admission_(struct admission **a)
{
    admission_free(*a);
}
#define cleanup_admission __attribute__((cleanup(cleanup_admission_)))

// Replies at once; `info` with status 200.
static int answer(struct keeper *k, const struct msg_head *to, unsigned status,
                  unsigned retry_after_s, const char *why,
                  const struct sub_info *info)
{
    struct msg_submit_reply reply;

    chan_reply_init(&reply, to, status, why);
    reply.reply.retry_after_s = retry_after_s;
    if (info)
        reply.info = *info;
    chan_post(&k->api, &reply, NULL, 0);
    return 0;
}

// Answers when the ledger has, with this status if all goes well.
static int wait_for_hold(struct keeper *k, struct sub *s,
                         const struct msg_head *to, unsigned good_status)
{
    const struct waiter w = {.kind = WAITS_SUBMIT,
                             .to = *to,
                             .sub = s,
                             .until_ns = UINT64_MAX,
                             .good_status = good_status};

    if (waiter_add(&k->waiters, &w))
        return 0;
    return answer(k, to, 503, 1, "the node is busy; try again", NULL);
}

// The same bundle came before and is not done yet.
static int again(struct keeper *k, struct sub *s, struct admission **a,
                 const struct msg_head *to)
{
    if (s->info.state != SUB_ASKED)
        return answer(k, to, 200, 0, NULL, &s->info);
    if (s->voiding)
        return answer(k, to, 503, 1,
                      "the node is just giving this up; make "
                      "and sign the bundle again",
                      NULL);
    if (!s->admission) {
        // Not in the journal: nobody asks for it once there is a hold.
        ipc_text(s->cap_currency, (*a)->manifest->currency);
        s->admission = steal_ptr(a);
        period_hold_post(k, s, false);
    }
    return wait_for_hold(k, s, to, 200);
}

// Room in the queues? 0, or the status to refuse with.
static unsigned crowded(struct keeper *k, const key_id_t *customer,
                        const char **why)
{
    if (k->starts.waiting + k->builds.waiting >= WAITING_MAX ||
        k->subs.count >= LIVE_MAX) {
        *why = "the node has as many submissions waiting as it takes";
        return 503;
    }
    if (lane_waiting_of(&k->starts, customer) +
            lane_waiting_of(&k->builds, customer) >=
        WAITING_CUSTOMER_MAX) {
        *why = "you have as many submissions waiting here as one may have";
        return 429;
    }
    return 0;
}

// A bundle seen for the first time: row, request for a hold.
static int take(struct keeper *k, struct admission **a, const key_id_t *account,
                const struct msg_head *to)
{
    const struct buf *signed_bytes = bundle_reader_manifest_bytes((*a)->reader);
    const struct buf *signature = bundle_reader_signature((*a)->reader);
    struct sub *s = sub_new(&k->subs, &(*a)->id);
    struct err e;

    if (!s)
        return answer(k, to, 503, 1, "the node has no memory left", NULL);
    admission_describe(*a, s);
    s->info.customer = *account; // perhaps another key of it has signed
    s->info.submitted_real_ns = clock_real_ns();
    s->asked_mono_ns = clock_mono_ns();
    s->admission = steal_ptr(a);
    if (journal_insert(&k->journal, s, signed_bytes->data, signed_bytes->len,
                       signature->data, signature->len, &e) < 0)
        keeper_fail(k, &e);
    period_hold_post(k, s, false);
    return wait_for_hold(k, s, to, 201);
}

static int nonce_taken(struct keeper *k, const struct admission *a,
                       const key_id_t *customer)
{
    struct err e;
    sub_id_t other;
    int r;

    r = journal_nonce(&k->journal, customer, a->manifest->nonce, &other, &e);
    if (r < 0 && r != -ENOENT)
        keeper_fail(k, &e);
    return r == 0;
}

// Can they be opened, and will they fit? They are opened again for each start.
static int secrets_check(struct keeper *k, const struct admission *a,
                         struct err *e)
{
    struct sub tried = {0};
    int r = cmdline_make(k, &tried, a->manifest, e);

    cmdline_forget(&tried);
    free(tried.volume);
    return r;
}

int submit_serve(struct keeper *k, const struct msg_submit *m, int fd,
                 struct err *e)
{
    cleanup_admission struct admission *a = NULL;
    key_id_t key, account;
    const char *why = NULL;
    unsigned status;
    struct err no;
    struct sub *s;
    struct sub stored;
    int r;

    a = admission_new(fd, m->bundle_len, k->cfg.node_id, &status, &no);
    if (!a && status == 0)
        return err_set(e, EPROTO, "%s", no.text);
    if (!a)
        return answer(k, &m->head, status, status == 503, no.text, NULL);
    if ((s = sub_find(&k->subs, &a->id)))
        return again(k, s, &a, &m->head);
    r = journal_get(&k->journal, &a->id, &stored, &no);
    if (r == 0)
        return answer(k, &m->head, 200, 0, NULL, &stored.info);
    if (r != -ENOENT)
        keeper_fail(k, &no);
    memcpy(key.b, a->manifest->customer, sizeof(key.b));
    if (people_account(k, &key, &account, &no) < 0)
        return answer(k, &m->head, 403, 0, no.text, NULL);
    if (k->draining)
        return answer(k, &m->head, 503, 60,
                      "the node is being drained and takes no new submissions; "
                      "use another, or try again later",
                      NULL);
    if (nonce_taken(k, a, &account))
        return answer(k, &m->head, 409, 0,
                      "this bundle's nonce was used before, with another "
                      "manifest; make the bundle again",
                      NULL);
    if (admission_check(a, &k->cfg, clock_real_ns() / 1000000000u, &no) < 0)
        return answer(k, &m->head, 422, 0, no.text, NULL);
    if (secrets_check(k, a, &no) < 0 ||
        volumes_check(k, &account, a->manifest, &no) < 0)
        return answer(k, &m->head, 422, 0, no.text, NULL);
    status = net_refuses(k, &account, &a->manifest->net, &no);
    if (status)
        return answer(k, &m->head, status, status == 429 ? 5 : 0, no.text,
                      NULL);
    status = crowded(k, &account, &why);
    if (!status)
        status =
            quota_refuses(k, &account, a->manifest->memory_kib, a->len, &why);
    if (status)
        return answer(k, &m->head, status, 5, why, NULL);
    return take(k, &a, &account, &m->head);
}

// --------------------------------------------------------- the ledger's answer

static void forget(struct keeper *k, struct sub *s)
{
    struct err e;

    if (journal_delete(&k->journal, &s->info.id, &e) < 0)
        keeper_fail(k, &e);
    sub_free(&k->subs, s);
}

void submit_held(struct keeper *k, struct sub *s,
                 const struct msg_hold_reply *m)
{
    char id[SUB_ID_TEXT];
    struct err e;

    if (s->info.state != SUB_ASKED || !s->admission)
        return;
    if (m->reply.status != 200) {
        serve_refusal(k, s, m->reply.status, m->reply.retry_after_s,
                      m->reply.text);
        forget(k, s);
        return;
    }
    s->info.hold_nano = m->hold_nano;
    if (admission_store(s->admission, &k->store, s, &e) < 0) {
        log_error("submission %s is not taken: %s",
                  sub_id_text(id, &s->info.id), e.text);
        serve_refusal(
            k, s, 503, 60,
            "the node has no room for the bundle now; send it again later");
        admission_free(steal_ptr(&s->admission));
        return; // the hold stands, for when it comes back
    }
    admission_free(steal_ptr(&s->admission));
    machine_begin(k, s);
}

void submit_expire(struct keeper *k, uint64_t now_ns)
{
    for (struct sub *s = sub_next(&k->subs, NULL); s;
         s = sub_next(&k->subs, s)) {
        struct msg_record m = {.id = s->info.id, .customer = s->info.customer};

        if (s->info.state != SUB_ASKED || s->admission || s->voiding ||
            now_ns < s->asked_mono_ns + ASKED_KEEP_NS)
            continue;
        s->voiding = true;
        ipc_head(&m, MSG_VOID, sub_tag(s));
        chan_post(&k->ledger, &m, NULL, 0);
    }
}

void submit_voided(struct keeper *k, struct sub *s)
{
    if (s->voiding)
        forget(k, s);
}
